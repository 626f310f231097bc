"""The review: every value with its source, secrets as dots, what keeps it from beginning, and the button."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from django.test import Client
from django.urls import reverse

from installer_tasks import answer_keys, saved_answers
from installer_tasks.errors import InputError
from installer_tasks.models import Installation, Observation, Run, RunKind, RunState
from installer_tasks.preflight import checks, findings
from installer_tasks.preflight.checks.base import Level, Verdict
from installer_tasks.preflight.state import load
from installer_tasks.runs import service
from installer_tasks.text import text
from tests.answers import ANSWERS, CANARIES
from tests.unit.pems import self_signed
from tests.web.finding_rows import put
from tests.web.people import signed_in, text_of
from wizard.presenters import review as views

pytestmark = pytest.mark.django_db

#: 1.4.1 has no use for it.
NOT_OF_THIS_RELEASE = {"services.redis_password"}


@pytest.fixture
def installation() -> Installation:
    made = saved_answers.create_installation("Contoso")
    certificate = self_signed("Contoso Root").certificate
    saved_answers.save_answers(made, {**ANSWERS, "registry.ca": certificate, "certificates.ca": certificate})
    return made


@pytest.fixture
def client() -> Client:
    return signed_in()


@pytest.fixture
def _all_green(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(findings, "blocking", lambda _installation: [])


def page_of(client: Client, installation: Installation) -> Any:
    return client.get(reverse("review", args=[installation.pk]))


def test_every_value_stands_there_with_its_source(client: Client, installation: Installation) -> None:
    words = text_of(page_of(client, installation))
    for key in answer_keys.KEYS:
        assert (key.label in words) is answer_keys.applies(key, ANSWERS), key.name
    for value in ("harbor.example.com/tmc", "robot$tmc", "tmc.example.com", "entered", "default", "tmc:admin"):
        assert value in words
    assert "CN=Contoso Root" in words  # not its PEM
    assert "valid until" in words


@pytest.mark.parametrize(("language", "said"), [("en", ("Identity provider", "No")), ("zh-CN", ("身份提供方", "否"))])
def test_what_was_chosen_is_said_in_words_beside_its_value(
    client: Client, installation: Installation, language: str, said: tuple[str, str]
) -> None:
    reply = client.get(reverse("review", args=[installation.pk]), headers={"Accept-Language": language})
    html = reply.content.decode()
    for value, words in zip(("federated", "false"), said, strict=True):
        assert f'<code>{value}</code> <span class="meta">{words}</span>' in html
    small = '<code>small</code> <span class="meta">' in html
    assert small is (language != "en"), "in English the value says it already"


def test_the_digest_that_was_read_stands_beside_the_download(client: Client, installation: Installation) -> None:
    """And no longer once another file is entered."""
    read = {"archive": "/srv/tmc.tar", "sha256": "ab" * 32}
    facts = {"contents": {"ok": True, "value": {"content": "12" * 32}}, "download": {"ok": True, "value": read}}
    Observation.objects.create(installation=installation, system="bundle", facts=facts)
    assert "– not compared with the download" in text_of(page_of(client, installation))
    saved_answers.save_answers(installation, {"bundle.archive": "/srv/tmc.tar"})
    words = text_of(page_of(client, installation))
    assert f"/srv/tmc.tar SHA-256: {'ab' * 32}" in words
    assert f"SHA-256 of the content: {'12' * 32}" in words
    assert "not compared with the vendor's SHA-256" in words
    saved_answers.save_answers(installation, {"bundle.checksum": f"{'ab' * 32}  tmc.tar"})
    assert f"{'ab' * 32} tmc.tar download and vendor's SHA-256 match" in text_of(page_of(client, installation))
    saved_answers.save_answers(installation, {"bundle.archive": "/srv/other.tar"})
    assert "ab" * 32 + " tmc.tar not compared" in text_of(page_of(client, installation))


@pytest.mark.parametrize(
    ("kind", "state", "says"),
    [
        (RunKind.INSTALL, RunState.RUNNING, "A run is in progress"),
        (RunKind.INSTALL, RunState.FAILED, "what it created is still there"),
        (RunKind.UNDO, RunState.CANCELLED, "stopped before its end"),
        (RunKind.INSTALL, RunState.SUCCEEDED, "installed TMC-SM"),
        (RunKind.UNDO, RunState.SUCCEEDED, "the volumes with their data are still there"),
        (RunKind.UNDO_ALL, RunState.SUCCEEDED, "removed the installation with its data"),
    ],
)
def test_what_earlier_runs_changed_is_told(
    client: Client, installation: Installation, kind: RunKind, state: RunState, says: str
) -> None:
    assert "Nothing has been changed yet." in text_of(page_of(client, installation))
    Run.objects.create(installation=installation, attempt=1, kind=kind, state=state, sealed_plan="", release="1.4.1")
    words = text_of(page_of(client, installation))
    assert says in words
    assert "Nothing has been changed" not in words


def test_no_secret_stands_there(client: Client, installation: Installation) -> None:
    html = page_of(client, installation).content.decode()
    for canary in CANARIES:
        assert canary not in html
    assert "••••••••" in html


def test_values_yaml_is_shown_and_said_to_be_valid(client: Client, installation: Installation) -> None:
    shown = views.review(load(installation))
    assert yaml.safe_load(shown.values_yaml)["dnsZone"] == "tmc.example.com"
    assert shown.schema_errors == ()
    assert "valid for release 1.4.1" in text_of(page_of(client, installation))


def test_values_that_break_the_schema_are_told(client: Client, installation: Installation) -> None:
    saved_answers.save_answers(installation, {"services.minio_username": "x"})
    words = text_of(page_of(client, installation))
    assert "The values do not fit release 1.4.1:" in words
    assert "minio.username" in words
    assert not views.review(load(installation)).ready


def test_missing_answers_are_links_to_their_fields(client: Client, installation: Installation) -> None:
    saved_answers.save_answers(installation, {"dns.zone": None})
    page = page_of(client, installation)
    assert "DNS zone has no value." in text_of(page)
    assert f'href="{reverse("step", args=[installation.pk, "dns"])}#zone"' in page.content.decode()
    assert "It is generated when all values are entered." in text_of(page)


def test_what_blocks_is_told_with_the_way_to_its_step(client: Client, installation: Installation) -> None:
    page = page_of(client, installation)
    words = text_of(page)
    assert "Not ready to install" in words
    assert checks.CHECKS[0].title in words
    assert f'action="{reverse("install", args=[installation.pk])}"' not in page.content.decode()


def test_what_will_be_made_says_what_is_there_already(client: Client, installation: Installation) -> None:
    facts = {"project": {"ok": True, "value": {"exists": True, "name": "tmc"}}}
    Observation.objects.create(installation=installation, system="registry", facts=facts)
    empty = {"leftovers": {"ok": True, "value": {"namespace": "tmc-local", "objects": []}}}
    Observation.objects.create(installation=installation, system="cluster", facts=empty)
    effects = {effect.what: effect.there for effect in views.review(load(installation)).effects}
    assert effects["Project"] is True
    assert effects["Namespace tmc-local"] is False
    assert "will be created" in text_of(page_of(client, installation))


def test_the_same_answers_as_a_file_hold_no_secret_and_read_back(installation: Installation) -> None:
    saved_answers.save_answers(installation, {"identity.admin_group": "it's: #1 'group'"})
    written = views.review(load(installation)).answers_file
    read = yaml.safe_load(written)
    assert read["identity.admin_group"] == "it's: #1 'group'"
    assert read["registry.password"] == {"file": "registry.password.txt"}
    assert read["registry.ca"] == {"file": "registry.ca.txt"}
    assert set(read) == set(ANSWERS) - NOT_OF_THIS_RELEASE | {"identity.admin_group"}
    for canary in CANARIES:
        assert canary not in written


@pytest.mark.usefixtures("_all_green")
def test_when_all_is_proven_install_begins_a_run(client: Client, installation: Installation) -> None:
    page = page_of(client, installation)
    assert "Everything is verified. You can install." in text_of(page)
    answer = client.post(reverse("install", args=[installation.pk]))
    assert answer["Location"] == reverse("run", args=[installation.pk])
    run = Run.objects.get()
    assert (run.state, run.attempt) == (RunState.QUEUED, 1)
    assert run.created_by is not None


@pytest.mark.usefixtures("_all_green")
def test_what_is_not_verified_and_no_hindrance_is_named_beside_install(
    client: Client, installation: Installation
) -> None:
    put(installation, "bundle.checksum", Verdict(Level.WARN, text("No checksum was given.")))
    page = page_of(client, installation)
    assert "You can install. 1 finding is not verified: " in text_of(page)
    assert "Everything is verified" not in text_of(page)
    assert "No checksum was given." in text_of(page)
    assert f'action="{reverse("install", args=[installation.pk])}"' in page.content.decode()


@pytest.mark.usefixtures("_all_green")
def test_pressing_install_twice_begins_one_run(client: Client, installation: Installation) -> None:
    path = reverse("install", args=[installation.pk])
    client.post(path)
    answer = client.post(path, follow=True)
    assert "is already in progress" in text_of(answer)
    assert Run.objects.count() == 1


def test_install_is_refused_while_something_blocks_and_says_what(client: Client, installation: Installation) -> None:
    answer = client.post(reverse("install", args=[installation.pk]), follow=True)
    assert f"{len(checks.applying({}))} checks failed, are outdated or have never run." in text_of(answer)
    assert not Run.objects.exists()


def test_an_error_of_starting_is_a_sentence(
    client: Client, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: Any) -> None:
        raise InputError(text("No %(what)s.", what="<way>"), value="v", remedy=text("Do this."))

    monkeypatch.setattr(service, "start", refuse)
    answer = client.post(reverse("install", args=[installation.pk]), follow=True)
    assert "No <way>. v Do this." in text_of(answer)


@pytest.mark.usefixtures("_all_green")
def test_after_a_failed_run_install_resumes_it(client: Client, installation: Installation) -> None:
    Run.objects.create(installation=installation, attempt=1, state=RunState.FAILED, sealed_plan="", release="1.4.1")
    client.post(reverse("install", args=[installation.pk]), {"how": "resume"})
    assert Run.objects.order_by("attempt").values_list("attempt", flat=True)[1] == 2


def test_what_is_out_of_date_is_checked_again(client: Client, installation: Installation) -> None:
    client.post(reverse("check-all", args=[installation.pk]))
    wanted = {row.system for row in Observation.objects.all() if row.running}
    assert wanted == set(answer_keys.STEPS)


def test_install_is_no_link(client: Client, installation: Installation) -> None:
    assert client.get(reverse("install", args=[installation.pk])).status_code == 405
