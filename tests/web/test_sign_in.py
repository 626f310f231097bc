"""The way in: one-time links, passwords, the lock against guessing, and that everything else is closed."""

from __future__ import annotations

from datetime import timedelta
from typing import cast
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern, reverse
from django.utils import timezone

from installer_tasks.models import AuditEntry, Role, SignInLink
from tests.web.people import PASSWORD, a_member, a_person, signed_in, text_of
from wizard import urls
from wizard.accounts import links, throttle

pytestmark = pytest.mark.django_db

OPEN = {"sign-in", "sign-in-link", "sign-out", "language", "theme", "healthz", "favicon"}
ARGUMENTS = {
    "pk": 1_000_001,
    "slug": "dns",
    "name": "dns.zone-well-formed",
    "attempt": 1,
    "current": "dns",
    "token": "t",
    "number": 1,
}


def path_of(pattern: URLPattern) -> str:
    wanted = {name: ARGUMENTS[name] for name in pattern.pattern.converters}
    if "name" in wanted and pattern.name in ("options", "generate"):
        wanted["name"] = "zone"
    return reverse(str(pattern.name), kwargs=wanted)


@pytest.mark.parametrize(
    "pattern", [each for each in urls.urlpatterns if cast(URLPattern, each).name not in OPEN], ids=str
)
@pytest.mark.parametrize("method", ["get", "post"])
def test_every_page_asks_who_it_is(pattern: URLPattern, method: str) -> None:
    path = path_of(pattern)
    answer = getattr(Client(), method)(path)
    assert answer.status_code == 302
    assert urlsplit(answer["Location"]).path == reverse("sign-in")


def test_a_link_signs_in_once() -> None:
    path = links.one_time_path(to="/design/")
    first, second = Client(), Client()
    assert first.get(path).status_code == 200
    answer = first.post(path)
    assert answer["Location"].startswith(reverse("welcome"))
    assert first.get("/").status_code == 200
    refused = second.post(path)
    assert refused.status_code == 410
    assert second.get("/").status_code == 302


def test_looking_at_a_link_does_not_use_it_up() -> None:
    path = links.one_time_path()
    for _preview in range(3):
        assert Client().get(path).status_code == 200
        assert Client().head(path).status_code in (200, 405)
    assert Client().post(path).status_code == 302


def test_a_link_ends_after_its_time() -> None:
    path = links.one_time_path()
    SignInLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert Client().get(path).status_code == 410
    assert Client().post(path).status_code == 410


def test_only_the_digest_of_a_link_is_kept() -> None:
    token = links.issue_link(links.first_person())
    row = SignInLink.objects.values().get()
    assert token not in str(row)
    assert row["digest"] == SignInLink.digest_of(token)


def test_a_link_is_of_no_use_once_its_user_may_not_enter() -> None:
    user = a_person(password=PASSWORD)
    path = links.one_time_path(user=user)
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert Client().post(path).status_code == 410


def test_the_first_person_is_made_once_and_found_again_under_a_new_name() -> None:
    first = links.first_person()
    assert not first.has_usable_password()
    User.objects.filter(pk=first.pk).update(username="anna")
    assert links.first_person() == first


@pytest.mark.parametrize("next_page", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_no_link_leads_away(next_page: str) -> None:
    path = links.one_time_path(user=a_person(password=PASSWORD), to=next_page)
    assert Client().post(path)["Location"] == reverse("installations")


def test_welcome_sets_name_and_password_and_keeps_the_session() -> None:
    client = Client()
    client.post(links.one_time_path())
    answer = client.post(reverse("welcome"), {"name": "anna", "password": PASSWORD, "again": PASSWORD})
    assert answer["Location"] == reverse("installations")
    assert client.get("/").status_code == 200
    other = Client()
    assert other.post(reverse("sign-in"), {"name": "anna", "password": PASSWORD})["Location"] == "/"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"name": "anna", "password": "short", "again": "short"}, "It has 5 characters; at least 12 are needed."),
        ({"name": "anna", "password": PASSWORD, "again": PASSWORD + "x"}, "The two passwords differ."),
        (
            {"name": "installerinstaller", "password": "installerinstaller", "again": "installerinstaller"},
            "must not be the name",
        ),
        ({"name": "BEN", "password": PASSWORD, "again": PASSWORD}, "BEN is taken."),
    ],
)
def test_a_bad_password_or_name_is_told_at_its_field(data: dict[str, str], words: str) -> None:
    a_member("ben", Role.VIEWER)
    client = Client()
    client.post(links.one_time_path())
    answer = client.post(reverse("welcome"), data)
    assert answer.status_code == 422
    assert words in text_of(answer)
    assert data["password"] not in answer.content.decode() or data["password"] == data["name"]


def test_a_wrong_password_says_so_without_telling_which_names_there_are() -> None:
    a_person("anna", PASSWORD)
    known = Client().post(reverse("sign-in"), {"name": "anna", "password": "wrong"})
    unknown = Client().post(reverse("sign-in"), {"name": "nobody", "password": "wrong"})
    assert known.status_code == unknown.status_code == 422
    assert "do not belong together" in text_of(known)
    assert text_of(known).replace("anna", "") == text_of(unknown).replace("nobody", "")


def test_guessing_is_locked_also_for_the_right_password() -> None:
    a_person("anna", PASSWORD)
    client = Client()
    for _guess in range(throttle.MOST_OF_NAME):
        client.post(reverse("sign-in"), {"name": "Anna", "password": "wrong"})
    answer = client.post(reverse("sign-in"), {"name": "anna", "password": PASSWORD})
    assert answer.status_code == 429
    assert "Wait fifteen minutes" in text_of(answer)
    AuditEntry.objects.update(at=timezone.now() - throttle.WINDOW)
    assert client.post(reverse("sign-in"), {"name": "anna", "password": PASSWORD}).status_code == 302


def test_one_address_cannot_try_every_name() -> None:
    a_person("anna", PASSWORD)
    for number in range(throttle.MOST_OF_ADDRESS):
        throttle.failed(f"name{number}", "127.0.0.1")
    assert Client().post(reverse("sign-in"), {"name": "anna", "password": PASSWORD}).status_code == 429


def test_no_password_is_kept_in_the_audit() -> None:
    Client().post(reverse("sign-in"), {"name": "anna", "password": "a secret guess"})
    assert "a secret guess" not in str(list(AuditEntry.objects.values()))


def test_signing_out_needs_a_post() -> None:
    client = signed_in()
    assert client.get(reverse("sign-out")).status_code == 405
    assert client.get("/").status_code == 200
    client.post(reverse("sign-out"))
    assert client.get("/").status_code == 302


def test_signing_in_needs_the_token_of_the_form() -> None:
    client = Client(enforce_csrf_checks=True)
    answer = client.post(reverse("sign-in"), {"name": "anna", "password": PASSWORD})
    assert answer.status_code == 403
    assert "This form is too old" in text_of(answer)
