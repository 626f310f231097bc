"""Runs as a worker would have left them, for the pages that show them."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from django.utils import timezone

from installer_tasks import saved_answers
from installer_tasks.models import PLAN_COLUMN, Event, Installation, Run, Source, StageRun, StageState
from installer_tasks.plan import Plan
from installer_tasks.runs import rows, stages
from installer_tasks.text import Text
from tests.answers import ANSWERS

SLUGS = tuple(stage.slug for stage in stages.STAGES)

PUSH: dict[str, Any] = {
    "bytes_total": 4096 * 1024,
    "bytes_sent": 1024 * 1024,
    "bytes_present": 512 * 1024,
    "bytes_mounted": 512 * 1024,
    "bytes_in_flight": 1000,
    "images_done": 5,
    "images_total": 12,
    "rate": 300_000.0,
    "lanes": [{"repository": "tmc/agents", "digest": "sha256:" + "ab" * 32, "sent": 500, "size": 1000}],
    "eta_low": 70.0,
    "eta_high": 190.0,
    "stalled": None,
    "share": 0.5,
    "state": "running",
}

PACKAGES: dict[str, Any] = {
    "packages": [
        {"name": "cert-manager-config", "wave": 1, "state": "succeeded", "message": ""},
        {"name": "kafka", "wave": 2, "state": "reconciling", "message": "Waiting for <kafka-0>"},
        {"name": "postgres", "wave": 2, "state": "failed", "message": "OOM"},
        {"name": "tanzu-mission-control", "wave": 3, "state": "pending", "message": ""},
    ],
    "pods": [
        {"name": "kafka-0", "phase": "CrashLoopBackOff", "ready": "0/1"},
        {"name": "half-0", "phase": "Running", "ready": "1/2"},
        {"name": "well-0", "phase": "Running", "ready": "2/2"},
        {"name": "job-0", "phase": "Completed", "ready": "0/1"},
    ],
    "packages_done": 1,
    "packages_total": 4,
    "pods_running": 2,
    "pods_total": 4,
}


def an_installation(name: str = "Acme") -> Installation:
    made = saved_answers.create_installation(name)
    saved_answers.save_answers(made, ANSWERS, source=Source.PERSON)
    return made


def a_run(
    installation: Installation, state: str, *, at: str = "", error: dict[str, Any] | None = None, kind: str = "install"
) -> Run:
    """A run in this state; stages before `at` have succeeded, `at` has the state that goes with the run's."""
    plan = Plan.from_answers(installation.plain_answers())
    begun = timezone.now() - timedelta(minutes=3)
    run = Run.objects.create(
        installation=installation,
        attempt=installation.runs.count() + 1,
        kind=kind,
        state=state,
        release=plan.release,
        sealed_plan=installation.workspace.box.seal(PLAN_COLUMN, json.dumps(dict(plan.answers))),
        started_at=None if state == "queued" else begun,
        finished_at=timezone.now() if state in ("succeeded", "failed", "cancelled") else None,
        error=error,
    )
    order = stages.of_kind(kind)
    for position, stage in enumerate(order):
        row = rows.new_stage_row(run, stage, position, plan)
        row.state = _stage_state(state, stage.slug, at, [each.slug for each in order])
        if row.state != StageState.WAITING:
            row.started_at = begun
        if row.state == StageState.SUCCEEDED:
            row.finished_at = begun + timedelta(seconds=8)
        if row.state == StageState.FAILED:
            row.error = error
        row.save()
    installation.touch()
    return run


def _stage_state(state: str, slug: str, at: str, slugs: list[str]) -> str:
    if state == "succeeded" or (at and slugs.index(slug) < slugs.index(at)):
        return StageState.SUCCEEDED
    ends = {"running": StageState.RUNNING, "cancelling": StageState.RUNNING, "failed": StageState.FAILED}
    return ends.get(state, StageState.CANCELLED) if slug == at else StageState.WAITING


def show(run: Run, slug: str, **fields: Any) -> None:
    StageRun.objects.filter(run=run, slug=slug).update(**fields)
    run.installation.touch()


def write(run: Run, count: int, code: str = "package.reconciled", level: str = "info", **params: Any) -> None:
    """So many further events."""
    values = params or {"name": "kafka", "version": "1.0"}
    first = run.last_seq + 1
    Event.objects.bulk_create(
        Event(run=run, seq=seq, at=timezone.now(), level=level, code=code, params=values, hash="0" * 64)
        for seq in range(first, first + count)
    )
    run.last_seq += count
    run.save(update_fields=["last_seq"])
    run.installation.touch()


def sentence(template: str, **params: Any) -> dict[str, Any]:
    return Text(template, params).as_json()
