"""The list: starting, opening where a person is needed, deleting, starting over."""

from __future__ import annotations

import pytest
from django.urls import reverse

from installer_tasks import findings, sessions
from installer_tasks.models import AuditEntry, Finding, Installation, Run, RunState
from tests.answers import ANSWERS
from tests.web.people import signed_in, text_of

pytestmark = pytest.mark.django_db


def an_installation(name: str = "Contoso") -> Installation:
    return sessions.create_installation(name)


def test_the_first_visit_says_what_comes() -> None:
    page = text_of(signed_in().get("/"))
    assert "Start your first installation" in page
    assert "Nothing is installed until you press Install" in page


def test_starting_one_leads_to_its_first_step() -> None:
    client = signed_in()
    answer = client.post("/", {"name": "  Contoso   Zürich "}, follow=True)
    made = Installation.objects.get()
    assert made.name == "Contoso Zürich"
    assert made.created_by is not None
    assert answer.redirect_chain[-1][0] == reverse("step", args=[made.pk, "bundle"])


@pytest.mark.parametrize(
    ("name", "words"),
    [("", "Give it a name"), ("x" * 101, "at most 100 characters"), ("a\x00b", "at most 100"), ("contoso", "already")],
)
def test_a_bad_name_is_told_at_its_field(name: str, words: str) -> None:
    an_installation("Contoso")
    answer = signed_in().post("/", {"name": name})
    assert answer.status_code == 422
    assert words in text_of(answer)
    assert Installation.objects.count() == 1


def test_the_list_says_state_last_step_and_next_action() -> None:
    installation = an_installation()
    sessions.remember_step(installation, "registry")
    page = text_of(signed_in().get("/"))
    for words in ("Contoso", "Registry", "being prepared", "Continue"):
        assert words in page


@pytest.mark.parametrize(
    ("state", "page"), [(RunState.RUNNING, "run"), (RunState.FAILED, "run"), (RunState.SUCCEEDED, "done")]
)
def test_opening_one_with_a_run_leads_to_it(state: RunState, page: str) -> None:
    installation = an_installation()
    Run.objects.create(installation=installation, attempt=1, state=state, sealed_plan="", release="1.4.1")
    answer = signed_in().get(reverse("open", args=[installation.pk]))
    assert answer["Location"] == reverse(page, args=[installation.pk])


def test_opening_one_leads_to_the_first_step_that_needs_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    installation = an_installation()
    states = {"bundle": "proven", "cluster": "warned", "dns": "checking", "identity": "failed"}
    monkeypatch.setattr(findings, "step_state", lambda _installation, step: states.get(step, "empty"))
    answer = signed_in().get(reverse("open", args=[installation.pk]))
    assert answer["Location"] == reverse("step", args=[installation.pk, "identity"])


def test_before_deleting_it_says_what_is_lost() -> None:
    installation = an_installation()
    sessions.save_answers(installation, ANSWERS)
    Finding.objects.create(installation=installation, check_name="dns.wildcard", level="pass", verdict={})
    page = text_of(signed_in().get(reverse("delete", args=[installation.pk])))
    assert f"{len(ANSWERS)} answers, 5 of them secret" in page
    assert "1 finding" in page
    assert Installation.objects.filter(pk=installation.pk).exists()


def test_deleting_takes_everything_and_is_remembered() -> None:
    installation = an_installation()
    sessions.save_answers(installation, ANSWERS)
    client = signed_in()
    page = text_of(client.post(reverse("delete", args=[installation.pk]), follow=True))
    assert "Contoso is deleted." in page
    assert not Installation.objects.exists()
    assert AuditEntry.objects.filter(action="installation.deleted", detail={"name": "Contoso"}).exists()


@pytest.mark.parametrize("page", ["delete", "start-over"])
def test_nothing_is_deleted_while_a_run_is_under_way(page: str) -> None:
    installation = an_installation()
    Run.objects.create(installation=installation, attempt=1, state=RunState.RUNNING, sealed_plan="", release="1.4.1")
    answer = signed_in().post(reverse(page, args=[installation.pk]))
    assert "Stop it first" in text_of(answer)
    assert Run.objects.exists()


def test_starting_over_keeps_the_name_alone() -> None:
    installation = an_installation()
    sessions.save_answers(installation, ANSWERS)
    Run.objects.create(installation=installation, attempt=1, state=RunState.FAILED, sealed_plan="", release="1.4.1")
    answer = signed_in().post(reverse("start-over", args=[installation.pk]), follow=True)
    assert "Contoso begins anew." in text_of(answer)
    installation.refresh_from_db()
    assert (installation.name, installation.step) == ("Contoso", "bundle")
    assert not installation.answers.exists()
    assert not installation.runs.exists()


def test_what_is_not_there_is_told_so() -> None:
    answer = signed_in().get(reverse("open", args=[99]))
    assert answer.status_code == 404
    assert "There is no such page" in text_of(answer)
