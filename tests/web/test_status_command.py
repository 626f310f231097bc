"""`manage.py status`: the rows of runs as a terminal shows them."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from installer_tasks import saved_answers
from installer_tasks.models import Installation, Run, RunKind, RunState, StageState
from installer_tasks.plan import Plan
from installer_tasks.runs import rows, undo
from installer_tasks.text import Text
from tests.answers import ANSWERS

pytestmark = pytest.mark.django_db(transaction=True)


def told(*options: str) -> str:
    out = StringIO()
    call_command("status", *options, stdout=out)
    return out.getvalue()


def a_run(installation: Installation, kind: str, state: str, **changes: Any) -> Run:
    run = rows.insert_run(installation, Plan.from_answers(ANSWERS), None, kind)
    Run.objects.filter(pk=run.pk).update(state=state, started_at=timezone.now(), **changes)
    run.refresh_from_db()
    return run


@pytest.fixture
def installation() -> Installation:
    return saved_answers.create_installation("Acme")


def test_an_installation_without_a_run(installation: Installation) -> None:
    assert told() == f"{installation.pk}  Acme: no run yet\n"


def test_what_is_under_way_with_its_stage_and_what_it_waits_for(installation: Installation) -> None:
    later = timezone.now() + timedelta(minutes=5)
    run = a_run(installation, RunKind.UNDO, RunState.RUNNING, lease_until=later)
    waits = Text("%(kind)s %(name)s to be deleted", {"kind": "PackageInstall", "name": "kafka"})
    run.stages.filter(slug="undo-package-install").update(state=StageState.RUNNING, waiting_for=waits.as_json())
    assert told().splitlines() == [
        f"{installation.pk}  Acme: attempt 1: removing",
        "     Remove the packages",
        "     waiting for PackageInstall kafka to be deleted",
    ]
    assert undo.active(installation) == run
    Run.objects.update(lease_until=None)
    assert f"To continue: manage.py undo --installation {installation.pk} --zone ZONE" in told()


def test_what_failed_with_its_cause_and_the_way_on(installation: Installation) -> None:
    cause = Text("The cluster has no nodes.").as_json()
    a_run(installation, RunKind.INSTALL, RunState.FAILED, error={"cause": cause, "code": "x"})
    assert told("--installation", str(installation.pk)).splitlines() == [
        f"{installation.pk}  Acme: attempt 1: failed",
        "     The cluster has no nodes.",
        f"     To continue: manage.py install --installation {installation.pk}",
    ]
    (one,) = json.loads(told("--json"))
    assert (one["name"], one["run"]["state"], one["run"]["at_work"]) == ("Acme", "failed", False)


def test_what_succeeded_needs_nothing(installation: Installation) -> None:
    a_run(installation, RunKind.INSTALL, RunState.SUCCEEDED)
    assert told() == f"{installation.pk}  Acme: attempt 1: installed\n"
