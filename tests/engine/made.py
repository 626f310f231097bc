"""Runs for tests: an installation with all answers, and a run of given stages."""

from __future__ import annotations

import json

from installer_tasks import saved_answers
from installer_tasks.models import PLAN_COLUMN, Installation, Run, StageRun
from installer_tasks.plan import Plan
from installer_tasks.runs.stages.base import Stage
from tests.answers import ANSWERS


def make_installation(name: str = "lab") -> Installation:
    installation = saved_answers.create_installation(name)
    saved_answers.save_answers(installation, ANSWERS)
    return installation


def make_run(stages: tuple[Stage, ...], installation: Installation | None = None) -> Run:
    installation = installation or make_installation()
    plan = Plan.from_answers(installation.plain_answers())
    box = installation.workspace.box
    run = Run.objects.create(
        installation=installation,
        attempt=1,
        sealed_plan=box.seal(PLAN_COLUMN, json.dumps(dict(plan.answers))),
        release=plan.release,
    )
    for position, stage in enumerate(stages):
        reads = plan.fingerprint(stage.reads, box.fingerprint)
        StageRun.objects.create(run=run, slug=stage.slug, position=position, reads=reads)
    return run


def states(run: Run) -> list[str]:
    return list(run.stages.values_list("state", flat=True))


def codes(run: Run) -> list[str]:
    return list(run.events.values_list("code", flat=True))
