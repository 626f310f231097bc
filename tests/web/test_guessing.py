"""Guessing passwords: at our own sign-in page, and at the customer's systems through our forms."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from installer_tasks import saved_answers
from installer_tasks.models import AuditEntry, Role
from tests.answers import WITH_DIRECTORY
from tests.unit.pems import self_signed
from tests.web.people import PASSWORD, a_member, a_person, signed_in, text_of
from wizard import guessing, system_guesses
from wizard.accounts import throttle
from wizard.models import GuessCount

pytestmark = pytest.mark.django_db

DIRECTORY = {key.partition(".")[2]: value for key, value in WITH_DIRECTORY.items() if key.startswith("identity.")}
DIRECTORY["ldap_ca"] = self_signed("x").certificate


def attempt(name: str, password: str = "wrong", client: Client | None = None, **sent: str) -> HttpResponse:
    return (client or Client()).post(reverse("sign-in"), {"name": name, "password": password}, **sent)


def the_delay() -> float:
    rows = GuessCount.objects.exclude(free_at=None)
    return max((row.free_at - row.at).total_seconds() for row in rows if row.free_at)


def the_delay_is_over() -> None:
    GuessCount.objects.update(free_at=timezone.now())


def test_the_right_password_waits_too_and_the_delay_doubles() -> None:
    a_person("anna", PASSWORD)
    for _guess in range(throttle.FREE_OF_PAIR):
        assert attempt("Anna").status_code == 422
    delays = []
    for _guess in range(4):
        delays.append(the_delay())
        refused = attempt("anna", PASSWORD)
        assert refused.status_code == 429
        assert 0 < int(refused["Retry-After"]) <= delays[-1]
        the_delay_is_over()
        attempt("anna")
    assert delays == [10, 20, 40, 80]
    assert "Try again in" in text_of(refused)
    the_delay_is_over()
    assert attempt("anna", PASSWORD).status_code == 302


def test_a_refused_attempt_does_not_make_the_delay_longer() -> None:
    for _guess in range(throttle.FREE_OF_PAIR):
        attempt("anna")
    before = the_delay()
    assert {attempt("anna").status_code for _guess in range(10)} == {429}
    assert the_delay() == before


def test_the_delay_ends_at_a_quarter_of_an_hour() -> None:
    counter = guessing.Counter(("x",), 5)
    assert counter.delay(4) is None
    assert counter.delay(10_000) == timedelta(seconds=guessing.LONGEST)


def test_old_guesses_are_forgotten() -> None:
    for _guess in range(throttle.FREE_OF_PAIR):
        attempt("anna")
    GuessCount.objects.update(at=timezone.now() - guessing.FORGOTTEN, free_at=None)
    attempt("ben")
    assert attempt("anna").status_code == 422
    assert attempt("anna").status_code == 422


def test_strangers_do_not_keep_a_person_out_of_the_browser_that_they_use() -> None:
    """Before, five wrong passwords of anybody locked the name for a quarter of an hour."""
    a_person("anna", PASSWORD)
    known = Client()
    assert attempt("anna", PASSWORD, known).status_code == 302
    known.post(reverse("sign-out"))
    for number in range(throttle.FREE_OF_NAME + throttle.FREE_OF_ADDRESS):
        attempt("anna", REMOTE_ADDR=f"198.51.100.{number}")
        attempt("anna")
    assert attempt("anna").status_code == 429
    assert attempt("anna", PASSWORD, known).status_code == 302


def test_a_known_browser_may_not_guess_either_and_is_known_for_one_name_alone() -> None:
    a_person("anna", PASSWORD)
    known = Client()
    attempt("anna", PASSWORD, known)
    known.post(reverse("sign-out"))
    codes = [attempt("anna", client=known).status_code for _guess in range(throttle.FREE_OF_PAIR + 1)]
    assert codes == [422] * throttle.FREE_OF_PAIR + [429]
    for _guess in range(throttle.FREE_OF_PAIR):
        attempt("ben", client=known)
    assert attempt("ben").status_code == 429  # they were counted by name and address as everybody's


def test_a_forged_cookie_makes_no_browser_known() -> None:
    a_person("anna", PASSWORD)
    forger = Client()
    attempt("anna", PASSWORD, forger)
    cookie = next(name for name in forger.cookies if name.startswith("browser-"))
    forger.post(reverse("sign-out"))
    for number in range(throttle.FREE_OF_PAIR):
        forger.cookies[cookie] = f"x{number}" + forger.cookies[cookie].value
        assert attempt("anna", client=forger).status_code == 422
    assert attempt("anna", client=forger).status_code == 429


def test_one_address_cannot_try_every_name() -> None:
    codes = [attempt(f"name{number}").status_code for number in range(throttle.FREE_OF_ADDRESS + 1)]
    assert codes == [422] * throttle.FREE_OF_ADDRESS + [429]


def test_nor_can_the_addresses_of_one_network() -> None:
    spread = [attempt(f"name{n}", REMOTE_ADDR=f"2001:db8::{n:x}") for n in range(throttle.FREE_OF_ADDRESS + 1)]
    assert spread[-1].status_code == 429
    assert attempt("somebody", REMOTE_ADDR="2001:db8:1::1").status_code == 422


def test_those_who_sign_in_take_nothing_from_their_neighbours() -> None:
    """Many people behind one address, or the tests of this machine: what succeeds was no guess."""
    a_person("anna", PASSWORD)
    for _person in range(throttle.FREE_OF_ADDRESS + 2):
        assert attempt("anna", PASSWORD).status_code == 302


def test_what_a_client_claims_of_its_address_is_not_believed() -> None:
    """Before, 35 names were tried with 35 forged addresses, and the audit had the forged ones."""
    for number in range(throttle.FREE_OF_ADDRESS):
        attempt(f"name{number}", HTTP_X_FORWARDED_FOR=f"198.51.100.{number}")
    assert attempt("one-more", HTTP_X_FORWARDED_FOR="203.0.113.1").status_code == 429
    assert set(AuditEntry.objects.values_list("detail__address", flat=True)) == {"127.0.0.1"}


@pytest.mark.parametrize(
    ("sent", "address"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("203.0.113.9, 198.51.100.7", "198.51.100.7"),  # what the client wrote stands left of what the proxy saw
        ("203.0.113.9, 198.51.100.7, 10.1.2.3", "198.51.100.7"),  # two proxies of ours
        ("nonsense", "127.0.0.1"),
        ("", "127.0.0.1"),
    ],
)
def test_a_proxy_is_believed_when_a_setting_names_it(settings: Any, sent: str, address: str) -> None:
    settings.PROXIES = (ip_network("127.0.0.1/32"), ip_network("10.0.0.0/8"))
    attempt("anna", HTTP_X_FORWARDED_FOR=sent)
    assert AuditEntry.objects.get().detail["address"] == address


def test_the_audit_has_each_failure_and_the_first_refusal() -> None:
    for _guess in range(throttle.FREE_OF_PAIR + 3):
        attempt("anna")
    found = list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))
    assert found == [throttle.FAILED] * throttle.FREE_OF_PAIR + [throttle.DELAYED]
    assert "delayed by" in text_of(signed_in().get(reverse("audit")))


def test_nothing_that_was_typed_stands_in_a_counter() -> None:
    attempt("a-name-or-a-password")
    assert "a-name-or-a-password" not in str(list(GuessCount.objects.values()))


@pytest.fixture
def ines() -> User:
    return a_member("ines", Role.INSTALLER)


def test_the_directory_step_is_no_tool_for_guessing(ines: User) -> None:
    client, made = signed_in(ines), saved_answers.create_installation("Contoso")
    path = reverse("step", args=[made.pk, "identity"])
    sent = {**DIRECTORY, "ldap_test_user": "victim"}
    for number in range(system_guesses.FREE_OF_ACCOUNT):
        assert client.post(path, {**sent, "ldap_test_password": f"guess-{number}"}).status_code == 302
    refused = client.post(path, {**sent, "ldap_test_password": "one-more"})
    assert refused.status_code == 422
    assert "Too many passwords were tried." in text_of(refused)
    assert made.plain_answers()["identity.ldap_test_password"] != "one-more"
    tried = AuditEntry.objects.filter(action="identity.password-tried", detail__name="victim")
    assert tried.count() == system_guesses.FREE_OF_ACCOUNT
    assert AuditEntry.objects.filter(action="identity.password-delayed", person=ines).count() == 1
    assert "guess-" not in str(list(AuditEntry.objects.values()))


def test_another_installation_begins_no_new_count(ines: User) -> None:
    client, codes = signed_in(ines), []
    for number in range(system_guesses.FREE_OF_ACCOUNT + 1):
        made = saved_answers.create_installation(f"Contoso {number}")
        sent = {**DIRECTORY, "ldap_test_user": "Victim", "ldap_test_password": f"guess-{number}"}
        codes.append(client.post(reverse("step", args=[made.pk, "identity"]), sent).status_code)
    assert codes == [302] * system_guesses.FREE_OF_ACCOUNT + [422]


def test_one_password_for_many_accounts_is_counted_too(ines: User) -> None:
    client, made = signed_in(ines), saved_answers.create_installation("Contoso")
    path = reverse("step", args=[made.pk, "identity"])
    client.post(path, {**DIRECTORY, "ldap_test_user": "name", "ldap_test_password": "Summer2026"})
    codes = [
        client.post(f"{path}?only=ldap_test_user", {"ldap_test_user": f"name{number}"}).status_code
        for number in range(system_guesses.FREE_OF_PERSON)
    ]
    assert codes[0] == 302
    assert codes[-1] == 422


def test_saving_the_same_password_again_is_no_try(ines: User) -> None:
    client, made = signed_in(ines), saved_answers.create_installation("Contoso")
    for _save in range(system_guesses.FREE_OF_ACCOUNT + 2):
        assert client.post(reverse("step", args=[made.pk, "identity"]), DIRECTORY).status_code == 302
