"""A request after the session has ended, and a form with an old token: what is answered, and what is carried along."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.urls import reverse

from installer_tasks import saved_answers
from tests.web.people import PASSWORD, a_person, signed_in, text_of
from wizard import drafts

pytestmark = pytest.mark.django_db

OURS = {"Origin": "http://testserver"}


def registry() -> str:
    return reverse("step", args=[saved_answers.create_installation("Contoso").pk, "registry"])


def hidden(html: str) -> str:
    """The draft in a sign-in page."""
    from html.parser import HTMLParser

    found: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            given = dict(attrs)
            if tag == "input" and given.get("name") == drafts.KEY:
                found.append(given.get("value") or "")

    Reader().feed(html)
    return found[0] if found else ""


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("name", ["step", "findings", "options", "progress"])
def test_a_part_of_a_page_is_never_answered_with_a_page(method: str, name: str) -> None:
    kwargs: dict[str, Any] = {"attempt": 1} if name == "progress" else {"slug": "dns"}
    path = reverse(name, kwargs={"pk": 1, **kwargs, **({"name": "zone"} if name == "options" else {})})
    answer = getattr(Client(), method)(path, headers={"HX-Request": "true"})
    assert answer.status_code == 401
    assert b"<html" not in answer.content
    assert b"sign-in-again-password" in answer.content
    assert "no-store" in answer["Cache-Control"]


def test_an_event_stream_is_refused_without_a_page() -> None:
    answer = Client().get(reverse("live"), headers={"Accept": "text/event-stream"})
    assert (answer.status_code, answer.content) == (401, b"")


def test_a_page_leads_to_the_sign_in_and_back_to_where_the_person_was() -> None:
    step = reverse("step", args=[1, "dns"])
    asked = Client().get(f"{step}?a=1")
    assert parse_qs(urlsplit(asked["Location"]).query)["next"] == [f"{step}?a=1"]
    pressed = Client().post(reverse("check", args=[1, "dns"]), headers={"Referer": f"http://testserver{step}"})
    assert parse_qs(urlsplit(pressed["Location"]).query)["next"] == [step]
    elsewhere = Client().post(reverse("check", args=[1, "dns"]), headers={"Referer": "http://evil.example/step"})
    assert parse_qs(urlsplit(elsewhere["Location"]).query)["next"] == [reverse("installations")]


def test_a_form_comes_back_after_the_sign_in_without_its_secrets() -> None:
    person, path, client = a_person(password=PASSWORD), registry(), Client()
    sent = {
        "username": "robot",
        "project": "no project",
        "password": "canary-secret",
        "ca": "-----BEGIN PRIVATE KEY-----",
    }
    asked = client.post(path, sent, headers=OURS)
    assert asked.status_code == 401
    html = asked.content.decode()
    assert "canary-secret" not in html and "PRIVATE KEY" not in html
    wrong = client.post(reverse("sign-in"), {"name": "anna", "password": "x", "draft": hidden(html)})
    assert wrong.status_code == 422
    entered = {"name": person.username, "password": PASSWORD, "draft": hidden(wrong.content.decode())}
    assert client.post(reverse("sign-in"), entered)["Location"] == path
    shown = client.get(path)
    assert 'value="robot"' in shown.content.decode() and 'value="no project"' in shown.content.decode()
    assert "What you entered is not saved" in text_of(shown)
    assert 'value="robot"' not in client.get(path).content.decode()


def test_what_another_site_sends_is_not_carried() -> None:
    path = registry()
    for headers in ({}, {"Origin": "http://evil.example"}, {"Origin": "null"}):
        answer = Client().post(path, {"username": "robot"}, headers=headers)
        assert (answer.status_code, "robot" in answer["Location"]) == (302, False)


@pytest.mark.parametrize(
    "draft",
    [
        "{",
        "[]",
        '"text"',
        json.dumps({"path": "/people/", "fields": {"username": "robot"}}),
        json.dumps({"path": "//evil.example/", "fields": {"username": "robot"}}),
        json.dumps({"path": ["/"], "fields": {"username": "robot"}}),
        json.dumps({"path": "REGISTRY", "fields": ["username"]}),
        json.dumps({"path": "REGISTRY", "fields": {"password": "robot", "unknown": "robot", "username": 1}}),
        json.dumps({"path": "REGISTRY", "fields": {"username": "r" * drafts.LARGEST}}),
    ],
)
def test_what_is_no_draft_is_left_out(draft: str) -> None:
    a_person(password=PASSWORD)
    client, path = Client(), registry()
    entered = {"name": "anna", "password": PASSWORD, "draft": draft.replace("REGISTRY", path)}
    assert client.post(reverse("sign-in"), entered)["Location"] == reverse("installations")
    assert drafts.KEY not in client.session


def test_a_form_with_an_old_token_comes_back_and_a_part_is_told_to_try_again() -> None:
    person, path = a_person(), registry()
    client = Client(enforce_csrf_checks=True)
    client.force_login(person)
    answer = client.post(path, {"username": "robot"}, headers=OURS)
    assert (answer.status_code, answer["Location"]) == (302, path)
    assert 'value="robot"' in client.get(path).content.decode()
    part = client.post(f"{path}?only=username", {"username": "robot"}, headers={**OURS, "HX-Request": "true"})
    assert (part.status_code, part["X-CSRF-Renewed"], part.content) == (403, "1", b"")
    other = client.post(path, {"username": "evil"}, headers={"Origin": "http://evil.example"})
    assert other.status_code == 403
    assert "evil" not in client.get(path).content.decode()


def test_the_dialog_is_told_who_came() -> None:
    a_person("安娜", PASSWORD)
    client = Client()
    asked = client.get(reverse("sign-in"), headers={"HX-Request": "true"})
    assert (asked.status_code, b"<html" in asked.content) == (200, False)
    wrong = client.post(reverse("sign-in"), {"name": "安娜", "password": "x"}, headers={"HX-Request": "true"})
    assert (wrong.status_code, "This name and password do not match" in text_of(wrong)) == (422, True)
    right = client.post(reverse("sign-in"), {"name": "安娜", "password": PASSWORD}, headers={"HX-Request": "true"})
    assert (right.status_code, right["X-Person"]) == (204, "%E5%AE%89%E5%A8%9C")
    assert signed_in(a_person("ben")).get(reverse("sign-in"), headers={"HX-Request": "true"}).status_code == 204
