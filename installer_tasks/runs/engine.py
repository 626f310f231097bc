"""Carries out a run: takes its lease, walks its stages, and always writes how it ended.

    queued → running → succeeded | failed | cancelled

A stage whose work is already there is kept; one that fails with an error that a retry helps against is tried again a
few times; anything else ends the run with that error. A worker that loses its lease leaves without a word, because the
run is another's now; one that is asked to stop gives the lease back, and another goes on at the same stage.
"""

from __future__ import annotations

import contextlib
import logging
import traceback
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Any, TypeVar

from django.db.models import F
from django.utils import timezone

from installer_tasks.errors import Cancelled, InstallerError, LeaseLost, Stalled
from installer_tasks.local import os_failures, state_folder
from installer_tasks.local.redaction import Redactor
from installer_tasks.models import ACTIVE, Installation, Run, RunState, StageRun, StageState
from installer_tasks.plan import Plan
from installer_tasks.preflight import collecting
from installer_tasks.runs import diagnosing, lease, rows
from installer_tasks.runs.journal import Journal
from installer_tasks.runs.lease import Handover, Lease, LeaseRenewer
from installer_tasks.runs.stages.base import Context, Stage
from installer_tasks.text import mark as _
from installer_tasks.text import text

T = TypeVar("T")
log = logging.getLogger(__name__)

#: Seconds before each further try of a stage whose failure a retry helps against.
BACKOFF = (2.0, 5.0, 15.0)
#: So many workers may end in the same stage without getting further.
MOST_DELIVERIES = 3
DONE = frozenset({StageState.SUCCEEDED, StageState.KEPT})


class Ending(StrEnum):
    """Why `carry_out` returned."""

    FINAL = "final"  #: the run is over
    BUSY = "busy"  #: not ours: over already, or another works on it
    LOST = "lost"  #: it was ours; another has it now
    HANDED_OVER = "handed-over"  #: given back; somebody must take it up


def carry_out(
    run_id: int,
    *,
    stages: tuple[Stage, ...] | None = None,
    holder: str = "",
    stopping: Callable[[], bool] = lambda: False,
    backoff: tuple[float, ...] = BACKOFF,
) -> Ending:
    """Work on the run until it is over, lost, or `stopping` says that this worker must go."""
    held = lease.take(run_id, holder)
    if held is None:
        return Ending.BUSY
    run = Run.objects.select_related("installation__workspace").get(pk=run_id)
    try:
        keeper = LeaseRenewer(held, stopping)
        with keeper:
            _RunExecutor(run, keeper, backoff).walk(stages or rows.stages_of(run))
    except Handover:
        lease.release(held, delivered=False)
        return Ending.HANDED_OVER
    except LeaseLost:
        if keeper.unwritten:
            log.error("run %s: given up: the database could not be written: %s", run_id, keeper.unwritten)
        else:
            log.info("run %s: another worker has it now", run_id)
        return Ending.LOST
    return Ending.FINAL


class _RunExecutor:
    """One worker's way through one run."""

    def __init__(self, run: Run, keeper: LeaseRenewer, backoff: tuple[float, ...]) -> None:
        self.run = run
        self.keeper = keeper
        self.backoff = backoff
        self.redactor = Redactor(())
        self.cache: dict[str, Any] = {}

    def walk(self, stages: tuple[Stage, ...]) -> None:
        try:
            plan = rows.frozen_plan(self.run)
        except InstallerError as error:
            with Journal(self.keeper, self.run.installation_id, self.redactor) as self.journal:
                self._finish(RunState.FAILED, error.as_json())
            return
        self.redactor = Redactor(plan.secret_values())
        with Journal(self.keeper, self.run.installation_id, self.redactor) as self.journal, self._closing():
            self._walk(plan, stages)

    @contextlib.contextmanager
    def _closing(self) -> Iterator[None]:
        """Close what the stages shared."""
        try:
            yield
        finally:
            for shared in self.cache.values():
                close = getattr(shared, "close", None)
                if close:
                    close()

    def _walk(self, plan: Plan, stages: tuple[Stage, ...]) -> None:
        self._begin()
        try:
            self._check_deliveries()
            for position, stage in enumerate(stages):
                _StageExecution(self, stage, self._context(plan, stage), position).take()
        except Handover:
            self.journal.event("", "run.handed-over")
            self.journal.flush()
            raise
        except LeaseLost:
            raise
        except Cancelled as error:
            self.journal.event("", "run.cancelled", "warning")
            self._finish(RunState.CANCELLED, error.as_json())
        except InstallerError as error:
            self.journal.event("", "run.failed", "error", cause=error.cause)
            self._finish(RunState.FAILED, error.as_json())
        else:
            self._tell_success(plan)
            self._finish(RunState.SUCCEEDED, None)

    def _tell_success(self, plan: Plan) -> None:
        if self.run.undoes:
            self.journal.event("", "run.undone", "success")
        else:
            self.journal.event("", "run.succeeded", "success", url=plan.console_url)

    def _begin(self) -> None:
        held = self.keeper.lease
        queued = held.run.filter(state=RunState.QUEUED)
        if queued.update(state=RunState.RUNNING, started_at=timezone.now()):
            code = "run.undo-started" if self.run.undoes else "run.started"
            self.journal.event("", code, attempt=self.run.attempt, release=self.run.release)
        elif held.run.filter(state__in=ACTIVE).exists():
            self.journal.event("", "run.resumed", "warning")
        else:
            raise LeaseLost
        self.journal.flush()

    def _check_deliveries(self) -> None:
        run = Run.objects.get(pk=self.run.pk)
        if run.deliveries <= MOST_DELIVERIES:
            return
        stage = self.run.stages.exclude(state__in=DONE).first()
        error = _dies_repeatedly(stage.slug if stage else "", MOST_DELIVERIES)
        if stage:
            self.mark(stage.slug, state=StageState.FAILED, error=error.as_json(), finished_at=timezone.now())
        raise error

    def _context(self, plan: Plan, stage: Stage) -> Context:
        context = Context(
            plan=plan,
            report=self.journal.reporter(stage.slug),
            cancelled=self.keeper.cancelled,
            folder=state_folder.private_folder(state_folder.folder() / "runs" / str(self.run.pk)),
            cache=self.cache,
            preflight=lambda: self.keeper.retry_db(lambda: collecting.collect_and_judge_all(self.run.installation_id)),
        )
        context.watch = diagnosing.Watch(context).look
        return context

    def mark(self, slug: str, **changes: Any) -> None:
        """Change the stage's row, if the run is still ours; what is in the journal comes first."""
        self.journal.flush()
        self.keeper.retry_db(lambda: _write_stage(self.keeper.lease, slug, changes))
        self._ring()

    def _finish(self, final: RunState, error: dict[str, Any] | None) -> None:
        """The run's last write; gives the lease back with it."""
        self.journal.flush()
        changes = {
            "state": final,
            "error": self.redactor.clean_data(error),
            "finished_at": timezone.now(),
            "lease_until": None,
            "lease_holder": "",
        }
        ours = self.keeper.lease.run.filter(state__in=ACTIVE)
        if self.keeper.retry_db(lambda: ours.update(**changes)) != 1:
            raise LeaseLost
        self._ring()

    def _ring(self) -> None:
        rows = Installation.objects.filter(pk=self.run.installation_id)
        self.keeper.retry_db(lambda: rows.update(revision=F("revision") + 1, changed_at=timezone.now()))


def _write_stage(held: Lease, slug: str, changes: dict[str, Any]) -> None:
    rows = StageRun.objects.filter(run_id=held.run_id, slug=slug, run__lease_token=held.token)
    if rows.update(**changes) != 1:
        raise LeaseLost
    if changes.get("state") in DONE:
        held.run.update(deliveries=1)


def _dies_repeatedly(stage: str, times: int) -> InstallerError:
    return InstallerError(
        text(
            _("The worker died %(times)s times in stage %(stage)s without making progress."),
            times=times,
            stage=stage,
        ),
        value=stage,
        remedy=text(_("Give this machine more memory, check the worker's log, then resume.")),
        code="worker-dies",
    )


class _StageExecution:
    """One stage's turn."""

    def __init__(self, walk: _RunExecutor, stage: Stage, context: Context, position: int) -> None:
        self.walk = walk
        self.stage = stage
        self.context = context
        self.row = rows.stage_row(walk.run, stage, position, context.plan)

    def take(self) -> None:
        """Do what is left to do. What a worker before us completed is looked at, and left alone when it is there."""
        was_done = self.row.state in DONE
        try:
            self.context.check_cancelled()
            if was_done and self._patiently(lambda: self.stage.is_done(self.context)):
                return
            self._start()
            self._end(*self._work())
        except Cancelled as error:
            self._end(StageState.CANCELLED, "stage.cancelled", "warning", error)
            raise
        except LeaseLost:
            raise
        except InstallerError as error:
            diagnosing.explain(self.context, self.stage, error)
            self._end(StageState.FAILED, "stage.failed", "error", error)
            raise
        except Exception as error:  # noqa: BLE001 - the outermost loop: what is unexpected must end the run, told
            crash = os_failures.explained(error, state_folder.folder()) or self._crashed(error)
            diagnosing.explain(self.context, self.stage, crash)
            self._end(StageState.FAILED, "stage.failed", "error", crash)
            raise crash from None

    def _start(self) -> None:
        self._tell("stage.started")
        started = self.row.started_at if self.row.state == StageState.RUNNING else None
        self.walk.mark(
            self.stage.slug,
            state=StageState.RUNNING,
            started_at=started or timezone.now(),
            finished_at=None,
            error=None,
            diagnosis=None,
            facts=None,
            waiting_for=None,
            waiting_since=None,
        )

    def _work(self) -> tuple[StageState, str, str]:
        def work() -> tuple[StageState, str, str]:
            if self.stage.is_done(self.context):
                return StageState.KEPT, "stage.kept", "info"
            self.stage.run(self.context)
            return StageState.SUCCEEDED, "stage.succeeded", "success"

        return self._patiently(work)

    def _patiently(self, work: Callable[[], T]) -> T:
        """Try again where the error says that this helps. What ran past its deadline has been tried long enough."""
        for seconds in self.walk.backoff:
            try:
                return work()
            except InstallerError as error:
                if not error.retry or isinstance(error, Stalled):
                    raise
                self.context.report.event("stage.retry", level="warning", cause=error.cause, seconds=seconds)
                self.walk.keeper.pause(seconds)
                self.context.check_cancelled()
        return work()

    def _end(self, final: StageState, code: str, level: str, error: InstallerError | None = None) -> None:
        if error is not None and not isinstance(error, Cancelled):
            self._tell(code, level, cause=error.cause)
        else:
            self._tell(code, level)
        told = self.walk.redactor.clean_data(error.as_json()) if error else None
        self.context.report.waiting_for(None)
        self.walk.mark(self.stage.slug, state=final, error=told, finished_at=timezone.now())

    def _tell(self, code: str, level: str = "info", **params: Any) -> None:
        title = text(self.stage.title)
        self.context.report.event(code, level=level, title=title, **params)

    def _crashed(self, error: Exception) -> InstallerError:
        trace = self.walk.redactor.clean(traceback.format_exc())
        log.error("run %s, stage %s: %s", self.walk.run.pk, self.stage.slug, trace)
        kind = type(error).__name__
        return InstallerError(
            text(_("An unexpected error occurred in the installer (%(kind)s)."), kind=kind),
            value=self.stage.slug,
            code="crashed",
        )
