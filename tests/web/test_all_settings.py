"""The page All settings: what a release requires more is asked for before Install goes on; values are set one by one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from installer_tasks import answer_keys, saved_answers
from installer_tasks.errors import InputError
from installer_tasks.models import Installation
from installer_tasks.preflight.state import load
from installer_tasks.rehearsal import releases as practice
from installer_tasks.releases import described, settings
from installer_tasks.runs import service
from tests.answers import ANSWERS
from tests.web.people import signed_in, text_of
from wizard.presenters import review as review_views

pytestmark = pytest.mark.django_db
NEEDED = practice.INVENTED_SETTING


@pytest.fixture
def installation() -> Installation:
    return saved_answers.create_installation("Contoso")


@pytest.fixture
def client() -> Client:
    return signed_in()


def known(installation: Installation) -> Installation:
    saved_answers.save_answers(installation, {**ANSWERS, "bundle.release": "1.4.5"})
    return installation


def unknown(installation: Installation) -> Installation:
    release = practice.get(practice.INVENTED)
    told = described.write(release.version, (each.ref_name for each in release.packages), release.values_schema)
    given = {**ANSWERS, "bundle.release": release.version, answer_keys.DESCRIBED: told}
    saved_answers.save_answers(installation, given)
    return installation


def address(installation: Installation, query: str = "") -> str:
    return f"{reverse('all-settings', args=[installation.pk])}{query}"


def put(client: Client, installation: Installation, path: tuple[str, ...], value: str, **more: str) -> Any:
    return client.post(address(installation), {"path": json.dumps(path), "value": value, **more})


def own(installation: Installation) -> dict[str, Any]:
    return settings.loaded(installation.plain_answers().get(answer_keys.SETTINGS, ""))


def test_a_release_nobody_knows_is_said_to_be_one_with_what_differs(client: Client, installation: Installation) -> None:
    words = text_of(client.get(address(unknown(installation))))
    assert "This installer does not know release 1.5.0" in words
    assert "auditArchive.bucketName" in words
    assert practice.REMOVED in words
    review = text_of(client.get(reverse("review", args=[installation.pk])))
    assert "This installer does not know release 1.5.0." in review
    assert "Release 1.5.0 also requires auditArchive.bucketName" in review


def test_what_it_requires_keeps_the_run_from_starting_until_it_is_set(
    client: Client, installation: Installation
) -> None:
    shown = review_views.review(load(unknown(installation)))
    assert (shown.required, shown.ready, shown.unknown) == (("auditArchive.bucketName",), False, "1.4.5")
    with pytest.raises(InputError) as caught:
        service.start(installation)
    assert caught.value.code == "values-missing"
    assert put(client, installation, NEEDED, "tmc-audit").status_code == 302
    assert own(installation) == {"auditArchive": {"bucketName": "tmc-audit"}}
    after = review_views.review(load(installation))
    assert (after.required, after.schema_errors) == ((), ())
    with pytest.raises(InputError) as caught:
        service.start(installation)
    assert caught.value.code == "findings-block", "the values no longer keep it"


def test_a_value_that_the_schema_refuses_is_told_at_its_place(client: Client, installation: Installation) -> None:
    page = put(client, known(installation), ("kafka", "controllerExtraConfig", "logRetentionHours"), "soon")
    assert page.status_code == 422
    assert "The schema of the release requires:" in text_of(page)
    assert own(installation) == {}


def test_maps_and_numbers_keep_their_types_and_go_back_to_the_default(
    client: Client, installation: Installation
) -> None:
    hours, notes = ("kafka", "controllerExtraConfig", "logRetentionHours"), ("contourEnvoy", "serviceAnnotations")
    put(client, known(installation), hours, "24")
    put(client, installation, notes, "service.beta.kubernetes.io/x: 'true'\n")
    assert settings.at(own(installation), hours) == 24
    assert settings.at(own(installation), notes) == {"service.beta.kubernetes.io/x": "true"}
    changed = client.get(address(installation, "?show=changed"))
    assert len(changed.context["page"].settings) == 2
    put(client, installation, hours, "", how="reset")
    put(client, installation, notes, "", how="reset")
    assert not installation.answers.filter(key=answer_keys.SETTINGS).exists()


def test_a_search_finds_by_name_and_a_secret_is_never_shown(client: Client, installation: Installation) -> None:
    put(client, known(installation), ("serverTLS", "clusterIssuer", "caSecret", "tls.key"), "canary-tls-key")
    page = client.get(address(installation, "?q=tls.key"))
    assert [view.name for view in page.context["page"].settings] == ["serverTLS.clusterIssuer.caSecret.tls.key"]
    assert "canary-tls-key" not in page.content.decode()
    assert "canary-tls-key" not in client.get(reverse("review", args=[installation.pk])).content.decode()


@pytest.mark.parametrize("path", ['["dnsZone"]', '["nothing"]', "x", "5", '[["a"]]'])
def test_what_a_step_asks_for_or_nobody_knows_is_not_set_here(
    client: Client, installation: Installation, path: str
) -> None:
    assert client.post(address(known(installation)), {"path": path, "value": "x"}).status_code == 404
