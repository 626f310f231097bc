"""The identity page where people sign in with a directory."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from installer_tasks import answer_keys, saved_answers
from installer_tasks.errors import InputError
from installer_tasks.models import Installation, Observation
from installer_tasks.preflight import checks, collecting, findings
from installer_tasks.preflight.checks.base import Level, Verdict, passed
from installer_tasks.preflight.state import load
from installer_tasks.text import text
from tests.answers import ANSWERS, OF_THE_DIRECTORY, WITH_DIRECTORY
from tests.unit.pems import self_signed
from tests.web.people import signed_in, text_of
from wizard import steps

pytestmark = pytest.mark.django_db

GIVEN = {key.partition(".")[2]: value for key, value in WITH_DIRECTORY.items() if key.startswith("identity.")}
GIVEN["ldap_ca"] = self_signed("x").certificate
#: Judge what both kinds of sign-in are trusted by.
OF_BOTH = ["certificates.authority-accepted", "certificates.trust-complete"]


@pytest.fixture
def installation() -> Installation:
    return saved_answers.create_installation("Contoso")


@pytest.fixture
def client() -> Client:
    return signed_in()


def path(installation: Installation) -> str:
    return reverse("step", args=[installation.pk, "identity"])


def kept(installation: Installation) -> dict[str, str]:
    return {key.partition(".")[2]: value for key, value in installation.plain_answers().items()}


def test_a_directory_is_kept_without_anything_of_a_provider(client: Client, installation: Installation) -> None:
    assert client.post(path(installation), GIVEN).status_code == 302
    # What stands at its default has no row.
    assert kept(installation) == {key: value for key, value in GIVEN.items() if key != "ldap_type"}
    assert findings.step_state(load(installation), "identity") == "checking"


def test_what_is_missing_of_the_chosen_kind_alone_is_told(client: Client, installation: Installation) -> None:
    html = client.post(path(installation), {"kind": "ldap"}).content.decode()
    wrong = set(re.findall(r'<li><a href="#(\w+)">', html))
    assert wrong == {
        "ldap_host", "ldap_username", "ldap_password", "ldap_domain", "ldap_user_base", "ldap_group_base"
    }  # fmt: skip
    html = client.post(path(installation), {"kind": "federated"}).content.decode()
    assert set(re.findall(r'<li><a href="#(\w+)">', html)) == {"issuer_url", "client_id", "client_secret"}


def test_what_is_hidden_and_wrong_is_in_nobodys_way(client: Client, installation: Installation) -> None:
    answer = client.post(path(installation), GIVEN | {"issuer_url": "http://not-https", "client_id": "a b"})
    assert answer.status_code == 302
    assert not {"issuer_url", "client_id"} & set(kept(installation))


def test_how_people_sign_in_is_asked_before_all_that_follows_from_it(
    client: Client, installation: Installation
) -> None:
    fields = re.findall(r'id="(\w+)-field"', client.get(path(installation)).content.decode())
    kinds = [answer_keys.BY_NAME[f"identity.{name}"].kind for name in fields]
    assert fields[0] == "kind"
    assert kinds == ["", *["federated"] * 6, *["ldap"] * 13, "", ""]


def test_each_kind_has_its_own_text_to_send(client: Client, installation: Installation) -> None:
    html = client.get(path(installation)).content.decode()
    for kind, words in (("federated", "Redirect URI:"), ("ldap", "LDAPS (636)")):
        assert words in html.partition(f'<div class="only-{kind}"><p class="owner-ask">')[2].partition("</pre>")[0]


def test_each_field_is_marked_with_the_kind_it_is_asked_for(client: Client, installation: Installation) -> None:
    html = client.get(path(installation)).content.decode()
    for key in answer_keys.of_step("identity"):
        (classes,) = re.findall(rf'<div class="([^"]*)" id="{key.field}-field"', html)
        assert re.findall(r"only-(\w+)", classes) == ([key.kind] if key.kind else [])
    assert re.search(r'name="kind" value="federated"[^>]* checked', html)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("ldap_host", "ldaps://dc1.corp.example", "begins with ldaps://"),
        ("ldap_host", "dc1:99999", "number from 1 to 65535"),
        ("ldap_username", "CORP\\svc", "sign-in name"),
        ("ldap_user_base", "users", "not a distinguished name"),
        ("ldap_user_filter", "(uid=ada)", "does not contain {}"),
        ("ldap_user_filter", "(dn={})", "does not support dn={}"),
        ("ldap_group_filter", "(&(member={})", "closing parenthesis is missing"),
        ("ldap_user_attribute", "a b", "not an attribute name"),
        ("ldap_domain", "https://corp", "begins with https://"),
        ("ldap_type", "novell", "not one of the options"),
        ("kind", "saml", "not one of the options"),
    ],
)
def test_what_is_wrong_is_told_with_value_and_remedy(
    client: Client, installation: Installation, field: str, value: str, words: str
) -> None:
    answer = client.post(path(installation), GIVEN | {field: value})
    assert answer.status_code == 422
    page = text_of(answer)
    assert words in page
    assert f"Value: {value}" in page
    with pytest.raises(InputError) as raised:
        steps.validate(installation, "identity", GIVEN | {field: value})
    assert raised.value.field == f"identity.{field}"


def test_defaults_follow_the_kind_of_directory(client: Client, installation: Installation) -> None:
    """Without JavaScript the page sends the filters as it showed them, for the other kind."""
    shown = saved_answers.visible_answers(installation)
    names = ("ldap_user_filter", "ldap_user_attribute", "ldap_group_filter")
    client.post(path(installation), GIVEN | {name: shown[f"identity.{name}"] for name in names} | {"ldap_type": "ldap"})
    assert not set(names) & set(kept(installation))
    effective = answer_keys.with_defaults(installation.plain_answers())
    assert effective["identity.ldap_user_filter"] == "(&(objectClass=inetOrgPerson)(uid={}))"
    html = client.get(path(installation)).content.decode()
    assert 'value="(&amp;(objectClass=inetOrgPerson)(uid={}))"' in html


def test_the_kind_of_directory_saved_by_itself_exchanges_the_filters(
    client: Client, installation: Installation
) -> None:
    headers: Any = {"HX-Request": "true"}
    answer = client.post(f"{path(installation)}?only=ldap_type", {"ldap_type": "ldap"}, headers=headers)
    html = answer.content.decode()
    assert 'id="ldap_user_filter-field" hx-swap-oob="outerHTML"' in html
    assert "inetOrgPerson" in html


def test_secrets_are_sealed_and_shown_nowhere(client: Client, installation: Installation) -> None:
    client.post(path(installation), GIVEN)
    for page in ("step", "review", "sign-in-rehearsal"):
        address = path(installation) if page == "step" else reverse(page, args=[installation.pk])
        html = client.get(address).content.decode()
        assert not [secret for secret in OF_THE_DIRECTORY if secret in html]
    assert client.post(path(installation), GIVEN | {"ldap_password": ""}).status_code == 302
    assert kept(installation)["ldap_password"] == OF_THE_DIRECTORY[0]


def test_the_review_and_the_rail_show_the_chosen_kind_alone(client: Client, installation: Installation) -> None:
    saved_answers.save_answers(installation, ANSWERS | WITH_DIRECTORY)
    page = text_of(client.get(reverse("review", args=[installation.pk])))
    assert "dc1.corp.example:636" in page
    assert "Issuer URL" not in page
    assert "idp.example.com" not in page


def test_checks_of_the_other_kind_are_not_shown_and_block_nothing(installation: Installation) -> None:
    saved_answers.save_answers(installation, ANSWERS)
    fingerprints, redactor = installation.fingerprints(), installation.redactor()
    fine = {check.name: passed("fine") for check in checks.applying({})}
    collecting.keep_findings(installation, fine, fingerprints, redactor)
    assert findings.blocking(load(installation)) == []
    saved_answers.save_answers(installation, WITH_DIRECTORY)
    new = [check.name for check in checks.CHECKS if check.kind == "ldap"]
    # Both groups have other names now; the checks of the provider are out of the way.
    assert findings.blocking(load(installation)) == [*new, "identity.group-names", *OF_BOTH]
    saved_answers.save_answers(installation, {**ANSWERS, "identity.kind": "federated"})
    assert findings.blocking(load(installation)) == ["identity.group-names", *OF_BOTH]


def look(installation: Installation) -> None:
    """As the worker does, of a directory that was there."""
    user = {"asked": "ada", "hits": ["CN=Ada"], "name": "ada@corp.example"}
    facts = {"ldap_user": user, "ldap_membership": {"groups": ["staff", "tmc-administrators"]}}
    Observation.objects.create(
        installation=installation,
        system="identity",
        facts={name: {"ok": True, "value": value, "at": ""} for name, value in facts.items()},
    )
    bad = Verdict(Level.FAIL, text("The test user cannot sign in."), value="CN=Ada", remedy=text("Type it again."))
    fingerprints, redactor = installation.fingerprints(), installation.redactor()
    found = {check.name: passed("fine") for check in checks.of_system("identity", {"identity.kind": "ldap"})}
    collecting.keep_findings(installation, found | {"identity.ldap-sign-in": bad}, fingerprints, redactor)


def test_the_rehearsal_shows_what_the_checks_saw(client: Client, installation: Installation) -> None:
    saved_answers.save_answers(installation, WITH_DIRECTORY)
    address = reverse("sign-in-rehearsal", args=[installation.pk])
    assert "Enter a test user on that step" in text_of(client.get(address))
    look(installation)
    answer = client.get(address)
    page = text_of(answer)
    assert "tmc-administrators" in page
    assert "The test user cannot sign in." in page
    assert "Type it again." in page
    assert reverse("sign-in-rehearsal-start", args=[installation.pk]) not in answer.content.decode()
