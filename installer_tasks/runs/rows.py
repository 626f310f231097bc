"""The rows of a run: made together with those of its stages, and its plan opened again."""

from __future__ import annotations

import json

from django.contrib.auth.models import User
from django.db.models import Max

from installer_tasks import releases
from installer_tasks.local import log_redaction
from installer_tasks.models import PLAN_COLUMN, Installation, Run, StageRun
from installer_tasks.plan import Plan
from installer_tasks.runs import stages
from installer_tasks.runs.stages.base import Stage


def insert_run(installation: Installation, plan: Plan, person: User | None, kind: str) -> Run:
    """The next attempt, queued, with one row a stage. IntegrityError while another run is under way."""
    run = Run.objects.create(
        installation=installation,
        attempt=(installation.runs.aggregate(last=Max("attempt"))["last"] or 0) + 1,
        kind=kind,
        sealed_plan=installation.workspace.box.seal(PLAN_COLUMN, json.dumps(dict(plan.answers))),
        release=plan.release,
        created_by=person,
    )
    StageRun.objects.bulk_create(
        new_stage_row(run, stage, position, plan) for position, stage in enumerate(stages.of_kind(kind, plan.known))
    )
    return run


def stages_of(run: Run) -> tuple[Stage, ...]:
    """What the run carries out: by its kind, and by the release it was started with."""
    return stages.of_kind(run.kind, releases.named(run.release))


def frozen_plan(run: Run) -> Plan:
    """The plan of the run, opened."""
    answers = json.loads(run.installation.workspace.box.open(PLAN_COLUMN, run.sealed_plan))
    plan = Plan(run.release, answers)
    log_redaction.remember(*plan.secret_values())
    return plan


def stage_row(run: Run, stage: Stage, position: int, plan: Plan) -> StageRun:
    """The stage's row of this run; made when a later version of the installer added the stage."""
    new = new_stage_row(run, stage, position, plan)
    fields = {"position": new.position, "reads": new.reads}
    return StageRun.objects.get_or_create(run=run, slug=stage.slug, defaults=fields)[0]


def new_stage_row(run: Run, stage: Stage, position: int, plan: Plan) -> StageRun:
    """Not saved yet."""
    reads = plan.fingerprint(stage.reads, run.installation.workspace.box.fingerprint)
    return StageRun(run=run, slug=stage.slug, position=position, reads=reads)
