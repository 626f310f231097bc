"""The way to an undoing and its pages: what is asked, what is said, where it leads."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from installer_tasks import saved_answers
from installer_tasks.models import AuditEntry, Installation, Run, RunKind, RunState
from installer_tasks.runs import stages, undo
from tests.answers import ANSWERS
from tests.web.run_rows import SLUGS, a_run, an_installation, sentence
from tests.web.test_run_page import page, words
from wizard.presenters.installations import Asked, listing

pytestmark = pytest.mark.django_db

ZONE = "tmc.example.com"
ERROR: dict[str, Any] = {
    "code": "x",
    "value": "kafka",
    "cause": sentence("It stands still."),
    "remedy": sentence("Wait."),
}


@pytest.fixture
def person() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("alice"))
    return client


@pytest.fixture
def installation() -> Installation:
    return an_installation()


def url(installation: Installation) -> str:
    return reverse("undo", args=[installation.pk])


def agree(client: Client, installation: Installation, how: str = "undo", zone: str = ZONE) -> HttpResponse:
    return client.post(url(installation), {"how": how, "zone": zone})


@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_a_run_that_changed_the_cluster_can_be_undone(person: Client, installation: Installation, state: str) -> None:
    a_run(installation, state, at="packages-and-pods", error=ERROR)
    assert url(installation) in page(person, installation)


@pytest.mark.parametrize("at", SLUGS[: SLUGS.index("namespace-and-trust")])
def test_before_the_cluster_was_changed_nothing_is_offered(person: Client, installation: Installation, at: str) -> None:
    a_run(installation, "failed", at=at, error=ERROR)
    assert url(installation) not in page(person, installation)
    assert "There is nothing to remove" in words(page(person, installation, "undo"))
    assert agree(person, installation).status_code == 200
    assert installation.runs.count() == 1


@pytest.mark.parametrize("state", ["running", "queued", "cancelling"])
def test_nor_while_it_runs(person: Client, installation: Installation, state: str) -> None:
    a_run(installation, "failed", at="acceptance", error=ERROR)
    a_run(installation, state, at="acceptance")
    assert url(installation) not in page(person, installation)
    agree(person, installation)
    assert installation.runs.count() == 2


def test_it_says_what_goes_and_what_stays(person: Client, installation: Installation) -> None:
    a_run(installation, "failed", at="acceptance", error=ERROR)
    read = words(page(person, installation, "undo"))
    for part in ("tanzu-mission-control-tmc-local-sa", "tmc-local", "harbor.example.com/tmc", ZONE):
        assert part in read
    assert "complete and may be in use" not in read


def test_what_people_may_be_using_is_warned_of(person: Client, installation: Installation) -> None:
    a_run(installation, "succeeded")
    assert url(installation) in page(person, installation, "done")
    assert "complete and may be in use" in words(page(person, installation, "undo"))
    a_run(installation, "failed", at="acceptance", error=ERROR)
    assert "complete and may be in use" in words(page(person, installation, "undo"))


@pytest.mark.parametrize(("how", "kind"), [("undo", RunKind.UNDO), ("undo-all", RunKind.UNDO_ALL)])
def test_agreed_to_it_is_a_run_of_its_own(person: Client, installation: Installation, how: str, kind: RunKind) -> None:
    a_run(installation, "failed", at="acceptance", error=ERROR)
    reply = agree(person, installation, how, "TMC.example.com.")
    assert reply["Location"] == reverse("run", args=[installation.pk])
    run = Run.objects.get(attempt=2)
    assert (run.kind, run.state) == (kind, RunState.QUEUED)
    assert [row.slug for row in run.stages.all()] == [stage.slug for stage in stages.of_kind(kind)]
    assert AuditEntry.objects.filter(action="run.undo", person__username="alice").exists()


@pytest.mark.parametrize("zone", ["", "tmc.example", "yes"])
def test_without_the_zone_nothing_is_removed(person: Client, installation: Installation, zone: str) -> None:
    a_run(installation, "failed", at="acceptance", error=ERROR)
    reply = agree(person, installation, "undo-all", zone)
    assert reply.status_code == 422
    read = reply.content.decode()
    assert f"not {ZONE}. Nothing was removed" in words(read)
    assert 'value="undo-all" checked' in read, "what was chosen is lost"
    assert installation.runs.count() == 1


def test_what_becomes_of_the_volumes_must_be_chosen(person: Client, installation: Installation) -> None:
    a_run(installation, "failed", at="acceptance", error=ERROR)
    reply = agree(person, installation, "everything")
    assert reply.status_code == 422
    assert "Choose what happens to the volumes." in words(reply.content.decode())


def test_while_it_goes_on_the_page_says_that_it_removes(person: Client, installation: Installation) -> None:
    a_run(installation, "failed", at="acceptance", error=ERROR)
    a_run(installation, "running", at="undo-package-repository", kind="undo")
    read = words(page(person, installation))
    assert "Removing the package repository" in read and "Undo" in read
    assert "installing" not in read


def test_removed_it_leads_to_the_review_and_offers_the_volumes(person: Client, installation: Installation) -> None:
    a_run(installation, "failed", at="acceptance", error=ERROR)
    a_run(installation, "succeeded", kind="undo")
    html = page(person, installation)
    assert "Removed" in words(html) and url(installation) in html
    assert reverse("done", args=[installation.pk]) not in html
    asked = page(person, installation, "undo")
    assert 'value="undo-all" checked' in asked and 'value="undo"' not in asked


def test_when_everything_is_gone_nothing_is_offered_any_more(person: Client, installation: Installation) -> None:
    a_run(installation, "failed", at="acceptance", error=ERROR)
    a_run(installation, "succeeded", kind="undo-all")
    assert url(installation) not in page(person, installation)
    assert "There is nothing to remove" in words(page(person, installation, "undo"))


def test_what_failed_in_an_undoing_is_resumed_as_one(person: Client, installation: Installation) -> None:
    a_run(installation, "failed", at="acceptance", error=ERROR)
    a_run(installation, "failed", at="undo-package-install", error=ERROR, kind="undo-all")
    assert "Objects already removed are skipped." in words(page(person, installation))
    person.post(reverse("resume", args=[installation.pk]))
    last = installation.runs.first()
    assert last is not None and (last.attempt, last.kind) == (3, RunKind.UNDO_ALL)


def test_what_is_removed_is_installed_no_more(person: Client, installation: Installation) -> None:
    a_run(installation, "succeeded")
    assert person.get(reverse("done", args=[installation.pk])).status_code == 200
    a_run(installation, "failed", at="acceptance", error=ERROR)
    a_run(installation, "failed", at="undo-package-install", error=ERROR, kind="undo")
    for name in ("done", "handover"):
        assert person.get(reverse(name, args=[installation.pk])).status_code == 302, name
    assert [str(row.shown.word) for row in listing(User.objects.get(), Asked())["rows"]] == ["failed"]


def kubeconfig(server: str, token: str) -> str:
    return f"""
apiVersion: v1
kind: Config
contexts: [{{name: practice, context: {{cluster: one, user: me}}}}]
clusters: [{{name: one, cluster: {{server: "{server}"}}}}]
users: [{{name: me, user: {{token: {token}}}}}]
"""


def test_the_cluster_of_then_is_reached_as_now_but_no_other(person: Client, installation: Installation) -> None:
    then, renewed = kubeconfig("https://one.example:6443", "old"), kubeconfig("https://one.example:6443", "new")
    saved_answers.save_answers(installation, {**ANSWERS, "cluster.kubeconfig": then})
    left = a_run(installation, "failed", at="acceptance", error=ERROR)
    assert "https://one.example:6443" in words(page(person, installation, "undo"))
    saved_answers.save_answers(installation, {"cluster.kubeconfig": renewed})
    assert undo.plan_of(installation, left)["cluster.kubeconfig"] == renewed
    for other in (kubeconfig("https://two.example:6443", "new"), "nonsense"):
        saved_answers.save_answers(installation, {"cluster.kubeconfig": other})
        assert undo.plan_of(installation, left)["cluster.kubeconfig"] == then
