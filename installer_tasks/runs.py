"""Runs as people handle them: start, cancel, resume; what would repeat; and picking up what nobody works on.

The row is the job. The message that `ring` sends is a doorbell: lost, doubled or late, it changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import F, Max, Q
from django.utils import timezone

from installer_tasks import lease
from installer_tasks.errors import Conflict, InputError
from installer_tasks.models import (
    ACTIVE,
    PLAN_COLUMN,
    AuditEntry,
    Installation,
    Observation,
    Run,
    RunKind,
    RunState,
    StageRun,
    StageState,
)
from installer_tasks.plan import Plan
from installer_tasks.text import mark as _
from installer_tasks.text import text

if TYPE_CHECKING:
    from installer_tasks.stages.base import Stage

#: A message is on its way for at least so long before anybody rings again.
PATIENCE = timedelta(seconds=5)
#: A collection that began so long ago has lost its worker.
COLLECTION = timedelta(seconds=90)


def all_stages() -> tuple[Stage, ...]:
    from installer_tasks import stages

    return stages.STAGES


def stages_of(kind: str) -> tuple[Stage, ...]:
    """Those of an installation, or of its undoing."""
    from installer_tasks import stages

    return all_stages() if kind == RunKind.INSTALL else stages.UNDOING[kind]


def start(installation: Installation, person: User | None = None) -> Run:
    """A new run with the answers as they are now. Raises InputError or Conflict when it may not begin."""
    plan = Plan.from_answers(installation.plain_answers())
    _check_values(plan)
    _check_findings(installation)
    return create(installation, plan, person, "run.started")


def resume(installation: Installation, person: User | None = None) -> Run:
    """The next attempt after one that failed or was cancelled; of an undoing, the undoing once more."""
    from installer_tasks import undo

    last = interrupted(installation)
    if last is None:
        raise Conflict(
            text(_("There is no failed or cancelled run to resume.")),
            value=getattr(installation.runs.first(), "state", ""),
            remedy=text(_("Start the installation from its review page.")),
            code="nothing-to-resume",
            retry=False,
        )
    if last.undoes:
        return undo.start(installation, person, everything=last.kind == RunKind.UNDO_ALL)
    plan = Plan.from_answers(installation.plain_answers())
    _check_values(plan)
    _check_findings(installation)
    return create(installation, plan, person, "run.resumed")


def interrupted(installation: Installation) -> Run | None:
    """The last run, if it failed or was cancelled."""
    last = installation.runs.first()
    return last if last and last.state in (RunState.FAILED, RunState.CANCELLED) else None


def installed(installation: Installation) -> Run | None:
    """The last run that installed it, unless what it made has been undone since, in part or whole."""
    run = installation.runs.filter(kind=RunKind.INSTALL, state=RunState.SUCCEEDED).first()
    if run is None:
        return None
    undoings = installation.runs.exclude(kind=RunKind.INSTALL).exclude(started_at=None)
    return None if undoings.filter(attempt__gt=run.attempt).exists() else run


def cancel(run: Run, person: User | None = None) -> bool:
    """Ask the run to stop; False when it was over already. One that nobody has taken up ends at once."""
    now = timezone.now()
    rows = Run.objects.filter(pk=run.pk)
    with transaction.atomic():
        asked = rows.filter(state=RunState.QUEUED, lease_until=None).update(
            state=RunState.CANCELLED, cancel_requested_at=now, finished_at=now
        ) or rows.filter(state__in=ACTIVE).update(state=RunState.CANCELLING, cancel_requested_at=now)
        if asked:
            _audit(run.installation, person, "run.cancelled", attempt=run.attempt)
            run.installation.touch()
    run.refresh_from_db()
    return bool(asked)


def stages_to_repeat(installation: Installation) -> tuple[str, ...]:
    """Stages that the next attempt has to do: never completed, or an answer they read has changed since."""
    last = installation.runs.first()
    if last is None or last.undoes:
        return tuple(stage.slug for stage in all_stages())
    plan_digest = installation.workspace.box.fingerprint
    plan = Plan.from_answers(installation.plain_answers())
    done = dict(last.stages.filter(state__in=[StageState.SUCCEEDED, StageState.KEPT]).values_list("slug", "reads"))
    return tuple(
        stage.slug for stage in all_stages() if done.get(stage.slug) != plan.fingerprint(stage.reads, plan_digest)
    )


def frozen_plan(run: Run) -> Plan:
    """The plan of the run, opened."""
    answers = json.loads(run.installation.workspace.box.open(PLAN_COLUMN, run.sealed_plan))
    return Plan(run.release, answers)


def look_again(installation_id: int) -> list[str]:
    """Every check again, now; names of those that keep a run from going on."""
    from installer_tasks import collecting

    return collecting.collect_and_judge_all(installation_id)


def blocking_findings(installation: Installation) -> list[str]:
    """Names of the checks that keep a run from starting."""
    from installer_tasks import findings

    return findings.blocking(installation)


def stage_row(run: Run, stage: Stage, position: int, plan: Plan) -> StageRun:
    """The stage's row of this run; made when a later version of the installer added the stage."""
    made = _stage_row(run, stage, position, plan)
    fields = {"position": made.position, "reads": made.reads}
    return StageRun.objects.get_or_create(run=run, slug=stage.slug, defaults=fields)[0]


def reap_stale_runs() -> tuple[int, ...]:
    """Ring for every run that waits or lost its worker; returns their ids. Safe at any time, from anywhere."""
    waiting = [run.pk for run in lease.free_runs() if run.created_at < timezone.now() - PATIENCE]
    ring(waiting)
    return tuple(waiting)


def reap_requested_observations() -> tuple[tuple[int, str], ...]:
    """Ring for every collection that was asked for and that nobody does."""
    now = timezone.now()
    unanswered = Q(collected_at=None) | Q(collected_at__lt=F("requested_at"))
    not_begun = Q(started_at=None) | Q(started_at__lt=F("requested_at")) | Q(started_at__lt=now - COLLECTION)
    rows = Observation.objects.filter(unanswered, not_begun, requested_at__lt=now - PATIENCE)
    wanted = tuple(rows.values_list("installation_id", "system"))
    _ring_collections(wanted)
    return wanted


def reap() -> None:
    """Everything that waits and that nobody works on."""
    reap_stale_runs()
    reap_requested_observations()


def ring(run_ids: Iterable[int]) -> None:
    from installer_tasks import tasks

    for run_id in run_ids:
        tasks.ring_run(run_id)


def _ring_collections(wanted: Iterable[tuple[int, str]]) -> None:
    from installer_tasks import tasks

    for installation_id, system in wanted:
        tasks.ring_collect(installation_id, system)


def _check_values(plan: Plan) -> None:
    errors = plan.schema_errors()
    if errors:
        raise InputError(
            text(
                _("The values do not fit release %(release)s: %(problem)s"),
                release=plan.release,
                problem=str(errors[0]),
            ),
            value=", ".join(str(error.params.get("where", "")) for error in errors),
            remedy=text(_("Correct the answer that this value comes from.")),
            code="values-invalid",
        )


def _check_findings(installation: Installation) -> None:
    names = blocking_findings(installation)
    if names:
        raise InputError(
            text(_("%(count)s checks are failed, stale or were never made."), count=len(names)),
            value=", ".join(names),
            remedy=text(_("Mend what they name and run them again, or waive them with a reason.")),
            code="findings-block",
        )


def create(
    installation: Installation, plan: Plan, person: User | None, action: str, kind: str = RunKind.INSTALL
) -> Run:
    """The row of a run with those of its stages, and the doorbell. Raises Conflict while another is under way."""
    try:
        with transaction.atomic():
            run = _insert(installation, plan, person, kind)
            _audit(installation, person, action, attempt=run.attempt, release=run.release)
            installation.touch()
            transaction.on_commit(lambda: ring([run.pk]))
    except IntegrityError as error:
        raise _already_active(installation) from error
    return run


def _insert(installation: Installation, plan: Plan, person: User | None, kind: str) -> Run:
    if installation.runs.filter(state__in=ACTIVE).exists():
        raise _already_active(installation)
    run = Run.objects.create(
        installation=installation,
        attempt=(installation.runs.aggregate(last=Max("attempt"))["last"] or 0) + 1,
        kind=kind,
        sealed_plan=installation.workspace.box.seal(PLAN_COLUMN, json.dumps(dict(plan.answers))),
        release=plan.release,
        created_by=person,
    )
    StageRun.objects.bulk_create(
        _stage_row(run, stage, position, plan) for position, stage in enumerate(stages_of(kind))
    )
    return run


def _stage_row(run: Run, stage: Stage, position: int, plan: Plan) -> StageRun:
    reads = plan.fingerprint(stage.reads, run.installation.workspace.box.fingerprint)
    return StageRun(run=run, slug=stage.slug, position=position, reads=reads)


def _already_active(installation: Installation) -> Conflict:
    return Conflict(
        text(_("A run of %(name)s is under way."), name=installation.name),
        value=installation.name,
        remedy=text(_("Watch it, or cancel it first.")),
        code="run-active",
        retry=False,
    )


def _audit(installation: Installation, person: User | None, action: str, **detail: object) -> None:
    AuditEntry.objects.create(installation=installation, person=person, action=action, detail=detail)
