"""What the installer mends by itself, on a real registry and provider: shown first, and done as it was shown."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import reverse

from installer_tasks import saved_answers
from installer_tasks.errors import Refused
from installer_tasks.models import Installation
from installer_tasks.preflight import collecting, fixes
from installer_tasks.preflight.checks.base import Level
from installer_tasks.rehearsal.bundle import SMALL
from installer_tasks.rehearsal.controllers import Pace
from installer_tasks.rehearsal.estate import Estate
from tests.web.people import signed_in, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    with Estate(tmp_path_factory.mktemp("estate"), pace=Pace.INSTANT, scale=SMALL) as running:
        yield running


@pytest.fixture
def client() -> Client:
    return signed_in()


def looked_at(estate: Estate, system: str, **changes: str) -> Installation:
    installation = saved_answers.create_installation("Contoso")
    changed = {key.replace("__", "."): value for key, value in changes.items()}
    saved_answers.save_answers(installation, {**estate.answers(), **changed})
    collecting.collect_and_judge(installation.pk, system)
    return installation


def level(installation: Installation, check: str) -> str:
    collecting.collect_and_judge(installation.pk, check.partition(".")[0])
    return installation.findings.get(check_name=check).level


def agree(client: Client, installation: Installation, check: str) -> None:
    """By the button of the finding, through the page that shows what will be done."""
    address = reverse("fix", args=[installation.pk, check])
    step = client.get(reverse("step", args=[installation.pk, check.partition(".")[0]])).content.decode()
    assert f'href="{address}"' in step
    shown = client.get(address)
    assert shown.status_code == 200
    answer = client.post(address, {"token": shown.context["token"]})
    assert answer.status_code == 302, text_of(answer)


@pytest.mark.parametrize(
    ("check", "key"), [("registry.reachable", "registry.ca"), ("identity.discovery", "identity.ca")]
)
def test_an_authority_is_fetched_and_used(estate: Estate, client: Client, check: str, key: str) -> None:
    installation = looked_at(estate, check.partition(".")[0], **{key.replace(".", "__"): ""})
    assert installation.findings.get(check_name=check).level == Level.FAIL
    agree(client, installation, check)
    assert installation.plain_answers()[key].strip() == estate.ca.ca_pem.strip()
    assert installation.answers.get(key=key).source == "found"
    assert level(installation, check) == Level.PASS


def test_a_missing_project_is_created(estate: Estate, client: Client) -> None:
    admin = estate.registry.users["admin"]
    new = estate.project.replace("/tmc", "/made-here")
    installation = looked_at(
        estate, "registry", registry__project=new, registry__username="admin", registry__password=admin.password
    )
    assert installation.findings.get(check_name="registry.project").level == Level.WARN
    agree(client, installation, "registry.project")
    assert level(installation, "registry.project") == Level.PASS


def test_what_changed_since_it_was_shown_is_not_done(estate: Estate, client: Client) -> None:
    installation = looked_at(estate, "registry", registry__ca="")
    answer = client.post(reverse("fix", args=[installation.pk, "registry.reachable"]), {"token": "AA:BB"})
    assert answer.status_code == 422
    assert "It has changed since it was shown" in text_of(answer)
    assert not installation.plain_answers().get("registry.ca")
    with pytest.raises(Refused):
        next(fix for fix in fixes.FIXES if fix.check == "registry.reachable").carry_out(estate.answers(), "AA:BB")


def test_nothing_is_offered_for_what_is_well(estate: Estate, client: Client) -> None:
    installation = looked_at(estate, "registry")
    assert client.get(reverse("fix", args=[installation.pk, "registry.reachable"])).status_code == 404
    assert client.get(reverse("fix", args=[installation.pk, "registry.credentials"])).status_code == 404


def test_an_issuer_with_another_slash_is_corrected_by_one_click(estate: Estate, client: Client) -> None:
    """By the button beside the finding, which shows the issuer; the client secret stays: it is the same provider."""
    typed = estate.answers()["identity.issuer_url"] + "/"
    installation = looked_at(estate, "identity", identity__issuer_url=typed)
    page = client.get(reverse("step", args=[installation.pk, "identity"])).content.decode()
    issuer = typed.rstrip("/")
    assert f'<input type="hidden" name="token" value="{issuer}">' in page
    answer = client.post(reverse("fix", args=[installation.pk, "identity.discovery"]), {"token": issuer})
    assert answer.status_code == 302, text_of(answer)
    assert installation.plain_answers()["identity.issuer_url"] == issuer
    assert installation.plain_answers()["identity.client_secret"] == estate.answers()["identity.client_secret"]
    assert level(installation, "identity.discovery") == Level.PASS


def test_another_issuer_altogether_is_not_taken_over(estate: Estate, client: Client) -> None:
    estate.faults.switch("identity.issuer-mismatch", on=True)
    try:
        installation = looked_at(estate, "identity")
    finally:
        estate.faults.switch("identity.issuer-mismatch", on=False)
    assert installation.findings.get(check_name="identity.discovery").level == Level.FAIL
    assert client.get(reverse("fix", args=[installation.pk, "identity.discovery"])).status_code == 404
