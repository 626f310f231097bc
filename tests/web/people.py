"""Who looks at pages in these tests, and what stands on them."""

from __future__ import annotations

import re
from html import unescape

from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from installer_tasks.models import Membership, Workspace
from installer_tasks.saved_answers import default_workspace
from wizard.presenters import people as presenter

PASSWORD = "correct horse battery"


def a_person(name: str = "anna", password: str | None = None) -> User:
    """An administrator, as whoever sets an installer up is one. A password costs a third of a second."""
    return User.objects.create_superuser(name, password=password)


def a_member(name: str, role: str, *places: Workspace, password: str | None = None) -> User:
    """Somebody with this role at these customers, or at the nameless one."""
    person = User.objects.create_user(name, password=password)
    for place in places or (default_workspace(),):
        Membership.objects.create(workspace=place, person=person, role=role)
    return person


def signed_in(person: User | None = None) -> Client:
    client = Client()
    client.force_login(person or User.objects.create(username="anna", is_superuser=True))
    return client


def follow_link(client: Client, link: str, **more: str) -> HttpResponse:
    """What the page of a sign-in link does: it posts the code that stands behind the `#`."""
    page, _, code = link.partition("#")
    return client.post(page, {"code": code, **more})


def invitation(client: Client, name: str, *, administrator: bool = False, **roles: str) -> str:
    """The link that the page shows to the administrator who invites."""
    sent = {f"role-{place.pk}": "none" for place in presenter.places()} | roles
    answer = client.post(
        reverse("people"), {"name": name, **sent, **({"administrator": "on"} if administrator else {})}
    )
    found = re.search(r"<code>http://testserver(/sign-in/[^<]+)</code>", answer.content.decode())
    assert found, text_of(answer)
    return found.group(1)


def text_of(answer: HttpResponse) -> str:
    """What a person reads: no tags, single blanks."""
    html = answer.content.decode()
    body = re.sub(r"<(script|style|head)\b.*?</\1>", " ", html, flags=re.S)
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body))).strip()


def note_of(answer: HttpResponse, field: str) -> str:
    """What the page says below a field."""
    html = answer.content.decode()
    found = re.search(rf'id="{field}-note">(.*?)</div>\s*</div>\s*(?=<div|<fieldset|</form)', html, flags=re.S)
    assert found, f"no note of {field}"
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found.group(1)))).strip()
