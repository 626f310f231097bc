"""Who looks at pages in these tests, and what stands on them."""

from __future__ import annotations

import re
from html import unescape

from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client

PASSWORD = "correct horse battery"


def a_person(name: str = "anna") -> User:
    return User.objects.create_user(name, password=PASSWORD)


def signed_in(person: User | None = None) -> Client:
    client = Client()
    client.force_login(person or User.objects.create(username="anna"))
    return client


def text_of(answer: HttpResponse) -> str:
    """What a person reads: no tags, single blanks."""
    html = answer.content.decode()
    body = re.sub(r"<(script|style|head)\b.*?</\1>", " ", html, flags=re.S)
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body))).strip()


def note_of(answer: HttpResponse, field: str) -> str:
    """What the page says below a field."""
    html = answer.content.decode()
    found = re.search(rf'id="{field}-note">(.*?)</div>\s*</div>\s*(?=<div|</form)', html, flags=re.S)
    assert found, f"no note of {field}"
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found.group(1)))).strip()
