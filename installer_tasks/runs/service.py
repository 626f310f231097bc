"""Runs as people handle them: start, cancel and resume an installation, and what a resume would repeat."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from installer_tasks import answer_keys, queue, releases
from installer_tasks.errors import Conflict, InputError
from installer_tasks.models import (
    ACTIVE,
    AuditEntry,
    Installation,
    Run,
    RunKind,
    RunState,
    StageState,
)
from installer_tasks.plan import Plan
from installer_tasks.preflight import bundle_access, findings
from installer_tasks.preflight.state import InstallationState, load
from installer_tasks.runs import rows, stages
from installer_tasks.runs.stages.base import Stage
from installer_tasks.text import mark as _
from installer_tasks.text import mark_plural as ngettext
from installer_tasks.text import text


def start(installation: Installation, person: User | None = None) -> Run:
    """A new run with the answers as they are now. Raises InputError or Conflict when it may not begin."""
    plan = Plan.from_answers(installation.plain_answers())
    _check_values(plan)
    _check_findings(installation)
    plan = bundle_access.pinned(installation, plan)
    return create(installation, plan, person, "run.started")


def resume(installation: Installation, person: User | None = None) -> Run:
    """The next attempt after one that failed or was cancelled; `undo.resume` does it for an undo."""
    last = interrupted(installation)
    if last is None or last.undoes:
        raise Conflict(
            text(_("There is no failed or stopped run to resume.")),
            value=getattr(installation.runs.first(), "state", ""),
            remedy=text(_("Start the installation from its review page.")),
            code="nothing-to-resume",
            retry=False,
        )
    plan = Plan.from_answers(installation.plain_answers())
    _check_values(plan)
    _check_findings(installation)
    plan = bundle_access.pinned(installation, plan)
    return create(installation, plan, person, "run.resumed")


def interrupted(installation: Installation) -> Run | None:
    """The last run, if it failed or was cancelled."""
    last = installation.runs.first()
    return last if last and last.state in (RunState.FAILED, RunState.CANCELLED) else None


def installed(state: InstallationState) -> Run | None:
    """The last run that installed it, unless what it made has been undone since, in part or whole."""
    for run in state.runs:
        if run.undoes and run.started_at is not None:
            return None
        if not run.undoes and run.state == RunState.SUCCEEDED:
            return run
    return None


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


def stages_to_repeat(state: InstallationState) -> tuple[str, ...]:
    """Stages that the next attempt has to do: never completed, or an answer they read has changed since."""
    last = state.last_run
    if last is None or last.undoes:
        return tuple(stage.slug for stage in carried_out(state))
    plan_digest = state.installation.workspace.box.fingerprint
    plan = Plan.from_answers(state.plain_answers())
    completed = (StageState.SUCCEEDED, StageState.KEPT)
    done = {row.slug: row.reads for row in state.stages[last.attempt] if row.state in completed}
    return tuple(
        stage.slug for stage in carried_out(state) if done.get(stage.slug) != plan.fingerprint(stage.reads, plan_digest)
    )


def carried_out(state: InstallationState) -> tuple[Stage, ...]:
    """The stages of an installation of the chosen release, in order."""
    return stages.of_kind(RunKind.INSTALL, releases.chosen(state.visible))


def _check_values(plan: Plan) -> None:
    if missing := plan.missing_values():
        names = ", ".join(".".join(path) for path in missing)
        raise InputError(
            text(_("Release %(release)s also requires these values: %(names)s"), release=plan.release, names=names),
            value=names,
            field=answer_keys.SETTINGS,
            remedy=text(_("Enter them on the page All settings.")),
            code="values-missing",
        )
    errors = plan.schema_errors()
    if errors:
        raise InputError(
            text(
                _("The values do not fit release %(release)s: %(problem)s"),
                release=plan.release,
                problem=errors[0],
            ),
            value=", ".join(str(error.params.get("where", "")) for error in errors),
            remedy=text(_("Correct the setting that this value comes from.")),
            code="values-invalid",
        )


def _check_findings(installation: Installation) -> None:
    names = findings.blocking(load(installation))
    if names:
        raise InputError(
            text(
                ngettext(
                    "%(count)s check failed, is outdated or has never run.",
                    "%(count)s checks failed, are outdated or have never run.",
                ),
                count=len(names),
            ),
            value=", ".join(names),
            remedy=text(_("Fix the problems and run the checks again, or accept the risks with a reason.")),
            code="findings-block",
        )


def create(
    installation: Installation, plan: Plan, person: User | None, action: str, kind: str = RunKind.INSTALL
) -> Run:
    """The row of a run with those of its stages, enqueued. Raises Conflict while another is under way."""
    if installation.runs.filter(state__in=ACTIVE).exists():
        raise already_active(installation)
    try:
        with transaction.atomic():
            run = rows.insert_run(installation, plan, person, kind)
            _audit(installation, person, action, attempt=run.attempt, release=run.release)
            installation.touch()
            transaction.on_commit(lambda: queue.enqueue_run(run.pk))
    except IntegrityError as error:
        raise already_active(installation) from error
    return run


def _audit(installation: Installation, person: User | None, action: str, **detail: object) -> None:
    AuditEntry.objects.create(installation=installation, person=person, action=action, detail=detail)


def already_active(installation: Installation) -> Conflict:
    return Conflict(
        text(_("A run of %(name)s is already in progress."), name=installation.name),
        value=installation.name,
        remedy=text(_("Follow it, or stop it first.")),
        code="run-active",
        retry=False,
    )
