"""The rehearsed sign-in as a page: through the callback or by password, what is said of it, and that no secret stays."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.sessions.models import Session
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from installer_tasks import saved_answers
from installer_tasks.models import AuditEntry, Installation, Observation
from installer_tasks.rehearsal.ca import PracticeCA
from installer_tasks.rehearsal.identity import Client as Registered
from installer_tasks.rehearsal.identity import IdentityServer, practice_people
from installer_tasks.systems import http
from tests.switch import On
from tests.web.people import a_person, signed_in, text_of
from wizard import system_guesses

pytestmark = pytest.mark.django_db

SECRET = "canary-client-secret"
PASSWORDS = {"ada": "canary-ada", "mo": "canary-mo", "nia": "canary-nia"}


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> PracticeCA:
    return PracticeCA.load_or_create(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def files(ca: PracticeCA, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return ca.issue_files(tmp_path_factory.mktemp("tls"), "identity", ["localhost"])


@pytest.fixture
def faults() -> On:
    return On()


@pytest.fixture
def provider(files: tuple[Path, Path], faults: On) -> Iterator[IdentityServer]:
    clients = [Registered("tmc", SECRET, [])]
    with IdentityServer(*files, clients=clients, users=practice_people(PASSWORDS), faults=faults) as running:
        yield running


@pytest.fixture
def installation(provider: IdentityServer, ca: PracticeCA) -> Installation:
    made = saved_answers.create_installation("Contoso")
    answers = {"issuer_url": provider.issuer, "client_id": "tmc", "client_secret": SECRET, "ca": ca.ca_pem}
    saved_answers.save_answers(made, {f"identity.{key}": value for key, value in answers.items()})
    provider.register_redirect("tmc", f"http://testserver{reverse('sign-in-rehearsal-callback', args=[made.pk])}")
    return made


@pytest.fixture
def client() -> Client:
    return signed_in()


def at(name: str, installation: Installation) -> str:
    return reverse(f"sign-in-rehearsal{name}", args=[installation.pk])


def at_the_provider(client: Client, installation: Installation, ca: PracticeCA, name: str) -> str:
    """Follow our link, sign in there; where the provider sends the person back to."""
    there = client.get(at("-start", installation))
    assert there.status_code == 302
    form = {"username": name, "password": PASSWORDS[name]}
    answer = http.fetch(there.headers["Location"], ca_pem=ca.ca_pem, form=form)
    return answer.headers["location"].removeprefix("http://testserver")


def page(client: Client, installation: Installation) -> str:
    return text_of(client.get(at("", installation)))


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("ada", "ada would get the administrator role."),
        ("mo", "mo would get the member role."),
        ("nia", "nia would get no role: none of their groups grants one."),
    ],
)
def test_a_person_signs_in_and_sees_as_what_they_would_enter(
    client: Client, installation: Installation, ca: PracticeCA, name: str, sentence: str
) -> None:
    back = client.get(at_the_provider(client, installation, ca, name))
    assert back.headers["Location"] == at("", installation)
    shown = page(client, installation)
    assert sentence in shown
    assert f"{name}@practice.example" in shown
    assert AuditEntry.objects.get(action="identity.rehearsed").detail["enters"] is (name != "nia")
    kept = json.dumps([session.get_decoded() for session in Session.objects.all()]) + str(client.cookies)
    assert "canary" not in kept
    assert "eyJ" not in kept
    assert "verifier" not in kept


def test_the_page_names_what_to_register_and_nothing_secret(client: Client, installation: Installation) -> None:
    shown = page(client, installation)
    assert f"http://testserver{at('-callback', installation)}" in shown
    assert "canary" not in client.get(at("", installation)).content.decode()
    assert (
        reverse("sign-in-rehearsal", args=[installation.pk])
        in client.get(reverse("step", args=[installation.pk, "identity"])).content.decode()
    )


def by_password(client: Client, installation: Installation, name: str, password: str) -> HttpResponse:
    return client.post(at("-password", installation), {"username": name, "password": password}, follow=True)


def test_by_password_and_with_a_wrong_one(client: Client, installation: Installation, faults: On) -> None:
    assert "ada would get the administrator role." in text_of(by_password(client, installation, "ada", "canary-ada"))
    faults.names = {"identity.group-paths"}
    shown = text_of(by_password(client, installation, "ada", "canary-ada"))
    assert "ada would get no role: none of their groups grants one." in shown
    assert "/tmc:admin" in shown
    assert "It is a path" in shown
    wrong = by_password(client, installation, "ada", "canary-wrong")
    assert "The provider rejected the sign-in: invalid_grant" in text_of(wrong)
    assert "ada would get" not in text_of(wrong)
    assert "canary" not in wrong.content.decode()


def test_a_provider_is_not_asked_for_more_passwords_than_our_own_page(
    client: Client, installation: Installation
) -> None:
    for number in range(system_guesses.FREE_OF_ACCOUNT):
        assert "invalid_grant" in text_of(by_password(client, installation, "ada", f"canary-{number}"))
    refused = text_of(by_password(client, installation, "ada", "canary-ada"))
    assert "Too many passwords were tried. Try again in" in refused
    failed = AuditEntry.objects.filter(action="identity.rehearsal-failed", detail__name="ada")
    assert failed.count() == system_guesses.FREE_OF_ACCOUNT
    assert AuditEntry.objects.filter(action="identity.password-delayed").count() == 1
    by_password(client, installation, "mo", "canary-mo")
    assert AuditEntry.objects.filter(action="identity.rehearsed").count() == 1


@pytest.mark.parametrize(
    ("listed", "offered"),
    [
        ({"listed": [], "grant_types": ["authorization_code"]}, True),
        ({"listed": ["grant_types_supported"], "grant_types": ["password"]}, True),
        ({"listed": ["grant_types_supported"], "grant_types": ["authorization_code"]}, False),
    ],
)
def test_the_form_is_offered_unless_the_provider_is_known_to_refuse_passwords(
    client: Client, installation: Installation, listed: dict[str, Any], offered: bool
) -> None:
    facts = {"discovery": {"ok": True, "value": listed}}
    Observation.objects.create(installation=installation, system="identity", requested_at=timezone.now(), facts=facts)
    assert ("With a name and password" in page(client, installation)) is offered


def test_an_answer_that_was_not_asked_for_here_counts_for_nothing(
    client: Client, installation: Installation, ca: PracticeCA
) -> None:
    back = at_the_provider(client, installation, ca, "ada")
    other = signed_in(a_person("berta"))
    assert "does not belong to a sign-in" in text_of(other.get(back, follow=True))
    state = parse_qs(urlsplit(back).query)["state"][0]
    wrong = client.get(back.replace(state, "another"), follow=True)
    assert "does not belong to a sign-in" in text_of(wrong)
    # Whatever came, it was the one try.
    assert "does not belong to a sign-in" in text_of(client.get(back, follow=True))
    assert not AuditEntry.objects.filter(action="identity.rehearsed").exists()


@pytest.mark.parametrize(
    "query", ["", "?state=%ff%00", "?state=%C3%A9&code=x", "?error=access_denied", "?state=" + "x" * 3000]
)
def test_odd_callbacks(client: Client, installation: Installation, query: str) -> None:
    assert "does not belong to a sign-in" in text_of(client.get(at("-callback", installation) + query, follow=True))


def test_what_the_provider_refuses_is_told_in_its_words(client: Client, installation: Installation) -> None:
    url = client.get(at("-start", installation)).headers["Location"]
    state = parse_qs(urlsplit(url).query)["state"][0]
    told = f"state={state}&error=access_denied&error_description=User+is+not+assigned+%3Cb%3E%ED%A0%BD"
    shown = client.get(f"{at('-callback', installation)}?{told}", follow=True)
    assert "access_denied" in text_of(shown)
    assert "User is not assigned <b>" in text_of(shown)
    assert "Assign the user, or one of their groups" in text_of(shown)


def test_a_provider_that_is_away_is_said_on_the_page(
    client: Client, installation: Installation, provider: IdentityServer
) -> None:
    provider.stop()
    assert "no program listens on this port" in text_of(client.get(at("-start", installation), follow=True))
    assert "no program listens on this port" in text_of(by_password(client, installation, "ada", "canary-ada"))


def test_before_the_answers_are_there_nothing_is_offered(client: Client) -> None:
    empty = saved_answers.create_installation("Empty")
    shown = page(client, empty)
    assert "Enter issuer, client ID and client secret first" in shown
    assert "In the browser" not in shown
    assert client.get(at("-start", empty), follow=True).status_code == 200
    assert client.get(at("-password", empty)).status_code == 405


def test_the_step_says_how_to_set_up_known_providers(client: Client, installation: Installation) -> None:
    shown = text_of(client.get(reverse("step", args=[installation.pk, "identity"])))
    for words in ("Step-by-step guide for", "Keycloak", "Full group path off", "Okta", "tmc.*", "Dex"):
        assert words in shown
    assert "Step-by-step guide for" not in text_of(client.get(reverse("step", args=[installation.pk, "registry"])))
