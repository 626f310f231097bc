"""An existing values.yaml: said key by key what it would change, and taken only once a person agrees."""

from __future__ import annotations

import re
from html import unescape
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from installer_tasks import answer_keys, saved_answers
from installer_tasks.models import AuditEntry, Installation
from installer_tasks.plan import Plan
from installer_tasks.releases import settings
from tests.answers import ANSWERS
from tests.web.people import signed_in, text_of
from wizard import headless

pytestmark = pytest.mark.django_db

VALUES = """\
harborProject: harbor.example.com/tmc
dnsZone: other.example.com
size: enormous
clusterIsuer: typo
oidc:
  clientSecret: canary-from-the-file
  clientID: tmc-of-the-file
ldap:
  host: ldap.example.com
postgres:
  maxConnections: 400
minio:
  password: canary-minio-of-the-file
kafka:
  controllerExtraConfig:
    logRetentionHours: 24
contourEnvoy:
  serviceAnnotations: {ako: "yes"}
  loadBalancerIP: 10.0.0.300
telemetry:
  ceipOptIn: "often"
alertmanager: none
"""


@pytest.fixture
def installation() -> Installation:
    made = saved_answers.create_installation("Contoso")
    saved_answers.save_answers(made, {**ANSWERS, "bundle.release": "1.4.5"})
    return made


@pytest.fixture
def client() -> Client:
    return signed_in()


def compare(client: Client, installation: Installation, content: str = VALUES) -> Any:
    upload = SimpleUploadedFile("values.yaml", content.encode())
    return client.post(page_of(installation), {"how": "compare-file", "values_file": upload})


def page_of(installation: Installation) -> str:
    return reverse("all-settings", args=[installation.pk])


def take(client: Client, installation: Installation, page: Any, **changes: str) -> HttpResponse:
    html = page.content.decode()
    hidden = dict(re.findall(r'<input type="hidden" name="(file|token)" value="([^"]*)">', html))
    given = {"how": "take-file", **{name: unescape(value) for name, value in hidden.items()}, **changes}
    return client.post(page_of(installation), given)  # type: ignore[return-value]


def row(page: Any, name: str) -> str:
    found = re.search(rf'<th scope="row"><code>{re.escape(name)}</code></th>(.*?)</tr>', page.content.decode(), re.S)
    assert found, name
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found[1]))).strip()


def test_each_key_is_told_now_and_then_and_why_it_is_left(client: Client, installation: Installation) -> None:
    before = installation.plain_answers()
    page = compare(client, installation)
    assert row(page, "dnsZone") == "tmc.example.com other.example.com DNS zone"
    assert row(page, "oidc.clientSecret") == "•••••••• •••••••• Client secret"
    assert row(page, "postgres.maxConnections") == "300 400 PostgreSQL connections"
    assert row(page, "kafka.controllerExtraConfig.logRetentionHours") == "– 24 All settings"
    assert row(page, "contourEnvoy.serviceAnnotations").startswith("– ako: 'yes'")
    assert "not one of the options" in row(page, "size")
    assert "The release has no such value." in row(page, "clusterIsuer")
    assert "not used with this sign-in method" in row(page, "ldap.host")
    assert "not an IP" in row(page, "contourEnvoy.loadBalancerIP")
    assert "requires: type" in row(page, "telemetry.ceipOptIn")
    assert "requires: type" in row(page, "alertmanager")
    assert "1 value is the same already harborProject" in text_of(page)
    assert "canary" not in page.content.decode()
    assert installation.plain_answers() == before


def test_what_is_taken_stands_where_it_belongs(client: Client, installation: Installation) -> None:
    reply = take(client, installation, compare(client, installation))
    assert reply.status_code == 302
    answers = installation.plain_answers()
    assert answers["dns.zone"] == "other.example.com"
    assert answers["identity.client_secret"] == "canary-from-the-file"
    assert answers["services.minio_password"] == "canary-minio-of-the-file"
    assert answers["services.postgres_max_connections"] == "400"
    own = settings.loaded(answers[answer_keys.SETTINGS])
    assert own == {
        "kafka": {"controllerExtraConfig": {"logRetentionHours": 24}},
        "contourEnvoy": {"serviceAnnotations": {"ako": "yes"}},
    }
    values = Plan.from_answers(answers).values()
    assert (values["dnsZone"], values["postgres"]["maxConnections"]) == ("other.example.com", 400)
    told = str(list(AuditEntry.objects.values_list("detail", flat=True)))
    assert "dns.zone" in told and "canary" not in told
    assert "7 values were taken from the file" in text_of(client.get(page_of(installation)))


def test_the_same_file_again_changes_nothing(client: Client, installation: Installation) -> None:
    take(client, installation, compare(client, installation))
    page = compare(client, installation)
    assert "The file changes nothing." in text_of(page)
    assert "take-file" not in page.content.decode()


def test_what_was_not_shown_is_not_taken(client: Client, installation: Installation) -> None:
    page = compare(client, installation)
    saved_answers.save_answers(installation, {"dns.zone": "meanwhile.example.com"})
    again = take(client, installation, page)
    assert again.status_code == 409
    assert "Values were changed in the meantime" in text_of(again)
    assert row(again, "dnsZone") == "meanwhile.example.com other.example.com DNS zone"
    assert installation.plain_answers()["dns.zone"] == "meanwhile.example.com"
    assert take(client, installation, again).status_code == 302


def test_the_sealed_file_is_of_this_installation(client: Client, installation: Installation) -> None:
    other = saved_answers.create_installation("Fabrikam")
    saved_answers.save_answers(other, {**ANSWERS, "bundle.release": "1.4.5"})
    refused = take(client, other, compare(client, installation))
    assert (refused.status_code, "Choose it again" in text_of(refused)) == (422, True)
    assert other.plain_answers()["dns.zone"] == "tmc.example.com"
    assert take(client, installation, compare(client, installation), file="x").status_code == 422


@pytest.mark.parametrize("content", ["a: [", "- a", "a: &x 1\nb: *x", "text", "a: " + "x" * 200_000])
def test_what_is_no_values_file(client: Client, installation: Installation, content: str) -> None:
    page = compare(client, installation, content)
    assert page.status_code == 422
    assert "values file" in text_of(page)


def test_pasted_text_and_another_sign_in_method(client: Client, installation: Installation) -> None:
    content = "authenticationType: ldap\nldap: {host: 'dc1.corp.example:636', password: canary-directory}\n"
    page = client.post(page_of(installation), {"how": "compare-file", "values": content})
    assert row(page, "ldap.host") == "– dc1.corp.example:636 Directory host"
    assert take(client, installation, page).status_code == 302
    answers = installation.plain_answers()
    assert (answers["identity.kind"], answers["identity.ldap_password"]) == ("ldap", "canary-directory")


@pytest.mark.parametrize("release", ["1.0.0", "1.2.0", "1.4.1", "1.4.5"])
def test_the_values_of_one_installation_are_those_of_the_next(client: Client, release: str) -> None:
    given = {**ANSWERS, "bundle.release": release, "services.postgres_max_connections": "400"}
    first, second = (saved_answers.create_installation(name) for name in ("first", "second"))
    saved_answers.save_answers(first, given)
    saved_answers.save_answers(second, {"bundle.release": release})
    values = Plan.from_answers(first.plain_answers()).values_yaml(masked=False)
    assert take(client, second, compare(client, second, values)).status_code == 302
    rest = {key: value for key, value in given.items() if key not in second.plain_answers() and value}
    saved_answers.save_answers(second, {key: rest[key] for key in rest if key != "registry.ca"})
    assert Plan.from_answers(second.plain_answers()).values() == Plan.from_answers(first.plain_answers()).values()


def test_the_command_says_the_same_and_takes_only_when_told(
    installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(headless, "prepare_database", lambda: None)  # the tests' own has its tables
    file = tmp_path / "values.yaml"
    file.write_text(VALUES)
    options = {"installation": installation.pk, "file": file}
    said = StringIO()
    call_command("values", **options, stdout=said)
    assert "  dnsZone: tmc.example.com → other.example.com (DNS zone)" in said.getvalue()
    assert "! clusterIsuer: typo: The release has no such value." in said.getvalue()
    assert "values: 7 differ, 1 are the same, 6 cannot be taken" in said.getvalue()
    assert "canary" not in said.getvalue()
    assert installation.plain_answers()["dns.zone"] == "tmc.example.com"
    call_command("values", **options, take=True, stdout=said)
    assert "values: 7 taken" in said.getvalue()
    assert installation.plain_answers()["dns.zone"] == "other.example.com"
    with pytest.raises(CommandError, match="Cannot read the file"):
        call_command("values", installation=installation.pk, file=tmp_path / "none", stdout=said)
