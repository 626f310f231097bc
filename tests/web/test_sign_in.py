"""The way in: one-time links, passwords, and that everything else is closed."""

from __future__ import annotations

from datetime import timedelta
from typing import cast
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern, reverse
from django.utils import timezone

from installer_tasks.local.redaction_patterns import LINK_PREFIX
from installer_tasks.models import AuditEntry, Role, SignInLink
from tests.web.people import PASSWORD, a_member, a_person, follow_link, signed_in, text_of
from wizard import urls
from wizard.accounts import links

pytestmark = pytest.mark.django_db

OPEN = {"sign-in", "sign-in-link", "exposed-link", "sign-out", "language", "theme", "healthz", "favicon"}
ARGUMENTS = {
    "pk": 1_000_001,
    "slug": "dns",
    "name": "dns.zone-well-formed",
    "attempt": 1,
    "current": "dns",
    "code": "c",
    "number": 1,
    "document": "guide",
}


def path_of(pattern: URLPattern) -> str:
    wanted = {name: ARGUMENTS[name] for name in pattern.pattern.converters}
    if "name" in wanted and pattern.name in ("options", "generate", "take-over"):
        wanted["name"] = "zone"
    return reverse(str(pattern.name), kwargs=wanted)


@pytest.mark.parametrize("method", ["get", "post"])
def test_every_page_asks_who_it_is(method: str) -> None:
    asked = [path_of(cast(URLPattern, each)) for each in urls.urlpatterns if cast(URLPattern, each).name not in OPEN]
    answers = {path: getattr(Client(), method)(path) for path in asked}
    led = {path: (answer.status_code, urlsplit(answer.get("Location", "")).path) for path, answer in answers.items()}
    assert {path: found for path, found in led.items() if found != (302, reverse("sign-in"))} == {}
    assert len(asked) > 40


def test_a_link_signs_in_once() -> None:
    link = links.one_time_path(to="/design/")
    first, second = Client(), Client()
    assert first.get(link).status_code == 200
    answer = follow_link(first, link)
    assert answer["Location"] == f"{reverse('welcome')}?next=%2Fdesign%2F"
    assert first.get("/").status_code == 200
    refused = follow_link(second, link)
    assert refused.status_code == 410
    assert second.get("/").status_code == 302


def test_looking_at_a_link_does_not_use_it_up() -> None:
    link = links.one_time_path()
    for _preview in range(3):
        assert Client().get(link).status_code == 200
        assert Client().head(link).status_code == 405
    assert follow_link(Client(), link).status_code == 302


def test_the_code_is_in_no_part_of_a_link_that_a_server_is_sent() -> None:
    """Behind the `#` it stands in no request line, no log of any server or proxy, and in no Referer."""
    link = urlsplit("http://testserver" + links.one_time_path(to="/design/"))
    assert link.fragment.startswith(LINK_PREFIX)
    assert (link.path, link.query) == (reverse("sign-in-link"), "next=%2Fdesign%2F")


def test_without_a_script_the_code_is_entered_also_as_the_whole_link() -> None:
    for entered in (str, lambda code: f" http://testserver/sign-in/link/#{code}\n"):
        code = links.issue_link(links.first_person())
        assert Client().post(reverse("sign-in-link"), {"code": entered(code)}).status_code == 302
    answer = Client().post(reverse("sign-in-link"), {"code": ""})
    assert answer.status_code == 422
    assert "required" in text_of(answer)


def test_whoever_is_signed_in_goes_on_and_leaves_the_code_behind() -> None:
    """A browser hands the fragment on to the address that it is sent to, unless that has one of its own."""
    link = links.one_time_path(to="/welcome/")
    assert signed_in().get(link)["Location"] == "/welcome/#"


def test_a_link_is_spent_by_its_first_post_also_when_that_is_refused() -> None:
    """A form without its token comes from somewhere else: the code was in hands that it was not meant for."""
    link = links.one_time_path()
    stranger = Client(enforce_csrf_checks=True)
    assert follow_link(stranger, link).status_code == 410
    assert stranger.get("/").status_code == 302
    assert follow_link(Client(), link).status_code == 410


def test_our_own_form_passes_the_check() -> None:
    link = links.one_time_path()
    browser = Client(enforce_csrf_checks=True)
    html = browser.get(link).content.decode()
    token = html.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
    assert follow_link(browser, link, csrfmiddlewaretoken=token).status_code == 302


@pytest.mark.parametrize("address", ["/sign-in/{}/", "/sign-in/link/?code={}"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_code_in_an_address_ends_the_link(method: str, address: str) -> None:
    """As links were before: by now it stands in the log of every server and proxy that it passed."""
    code = links.issue_link(links.first_person())
    client = Client(enforce_csrf_checks=True)
    answer = getattr(client, method)(address.format(code))
    assert answer.status_code == 410
    assert "servers log addresses" in text_of(answer)
    assert client.get("/").status_code == 302
    assert follow_link(Client(), links.path_of(code)).status_code == 410


def test_a_link_ends_after_its_time() -> None:
    link = links.one_time_path()
    SignInLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert follow_link(Client(), link).status_code == 410


def test_only_the_digest_of_a_link_is_kept() -> None:
    token = links.issue_link(links.first_person())
    row = SignInLink.objects.values().get()
    assert token not in str(row)
    assert row["digest"] == SignInLink.digest_of(token)


def test_a_link_is_of_no_use_once_its_user_may_not_enter() -> None:
    user = a_person(password=PASSWORD)
    path = links.one_time_path(user=user)
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert follow_link(Client(), path).status_code == 410


def test_the_first_person_is_made_once_and_found_again_under_a_new_name() -> None:
    first = links.first_person()
    assert not first.has_usable_password()
    User.objects.filter(pk=first.pk).update(username="anna")
    assert links.first_person() == first


@pytest.mark.parametrize("next_page", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_no_link_leads_away(next_page: str) -> None:
    path = links.one_time_path(user=a_person(password=PASSWORD), to=next_page)
    assert follow_link(Client(), path)["Location"] == reverse("installations")


def test_welcome_sets_name_and_password_and_keeps_the_session() -> None:
    client = Client()
    follow_link(client, links.one_time_path())
    answer = client.post(reverse("welcome"), {"name": "anna", "password": PASSWORD, "again": PASSWORD})
    assert answer["Location"] == reverse("installations")
    assert client.get("/").status_code == 200
    other = Client()
    assert other.post(reverse("sign-in"), {"name": "anna", "password": PASSWORD})["Location"] == "/"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (
            {"name": "anna", "password": "ab1cd", "again": "ab1cd"},
            "It must contain at least 12 characters.",
        ),
        (
            {"name": "installerinstaller", "password": "installerinstaller", "again": "installerinstaller"},
            "too similar to the username",
        ),
        ({"name": "BEN", "password": PASSWORD, "again": PASSWORD}, "BEN is already in use."),
    ],
)
def test_a_bad_password_or_name_is_told_at_its_field(data: dict[str, str], words: str) -> None:
    a_member("ben", Role.VIEWER)
    client = Client()
    follow_link(client, links.one_time_path())
    answer = client.post(reverse("welcome"), data)
    assert answer.status_code == 422
    assert words in text_of(answer)
    assert data["password"] not in answer.content.decode() or data["password"] == data["name"]


def test_a_wrong_password_says_so_without_telling_which_names_there_are() -> None:
    a_person("anna", PASSWORD)
    known = Client().post(reverse("sign-in"), {"name": "anna", "password": "wrong"})
    unknown = Client().post(reverse("sign-in"), {"name": "nobody", "password": "wrong"})
    assert known.status_code == unknown.status_code == 422
    assert "This name and password do not match" in text_of(known)
    assert text_of(known).replace("anna", "") == text_of(unknown).replace("nobody", "")


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
    assert "This form has expired" in text_of(answer)
