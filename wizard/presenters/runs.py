"""A run's page: what it does now, its stages, its figures, its log, and what failed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext

from installer_tasks import answer_keys
from installer_tasks.errors import InputError
from installer_tasks.local import os_failures, state_folder
from installer_tasks.models import Event, Run, RunKind, RunState, StageRun
from installer_tasks.preflight.state import InstallationState
from installer_tasks.runs import events, service, stages, time_left, undo
from installer_tasks.runs.stages.base import Progress
from installer_tasks.runs.time_left import Span
from wizard.presenters import diagnoses, pictures, states
from wizard.presenters.diagnoses import DiagnosisView
from wizard.presenters.progress import Packages, Push, packages, push
from wizard.presenters.topology import Topology, topology
from wizard.texts import render

PAGE = 300  #: lines of the log in one answer
NOT_DONE = (RunState.FAILED, RunState.CANCELLED)


@dataclass(frozen=True)
class StageView:
    slug: str
    number: int
    title: str
    doing: str
    state: str
    shown: states.Shown
    started_at: datetime | None
    seconds: float | None
    waiting_for: str
    waiting_since: datetime | None
    push: Push | None
    packages: Packages | None
    diagnosis: DiagnosisView | None  #: why it failed, or why it stands still

    @property
    def running(self) -> bool:
        return self.state == "running"

    def at(self, now: datetime) -> time_left.Now:
        """Where it is, for the time that the run takes yet; what is counted starts at none."""
        elapsed = between(self.started_at, now) or 0.0
        known = stages.BY_SLUG.get(self.slug)
        if known and known.shows is Progress.PUSH:
            low, high = (self.push.eta_low, self.push.eta_high) if self.push else (None, None)
            rest = Span(low, high) if low is not None and high is not None else None
            sent = self.push.percent / 100 if self.push else 0.0
            return time_left.Now(self.slug, self.state, elapsed, sent, steady=True, rest=rest)
        if known and known.shows is Progress.PACKAGES:
            done = self.packages.done / max(self.packages.total, 1) if self.packages else 0.0
            return time_left.Now(self.slug, self.state, elapsed, done)
        return time_left.Now(self.slug, self.state, elapsed)


@dataclass(frozen=True)
class AnswerLink:
    label: str
    url: str


@dataclass(frozen=True)
class Failure:
    """What failed, and the way on."""

    stage: str
    happened: str  #: the stage's own words, where another cause was found behind them
    cause: str
    value: str
    remedy: str
    detail: str
    code: str
    keys: tuple[str, ...]  #: of the answers it depends on
    answers: tuple[AnswerLink, ...]
    repeat: tuple[str, ...]
    keep: tuple[str, ...]
    diagnosis: DiagnosisView | None


@dataclass(frozen=True)
class RunView:
    pk: int
    attempt: int
    kind: str
    state: str
    shown: states.Shown
    release: str
    headline: str
    position: str
    waiting_for: str
    waiting_since: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    seconds: float | None
    stages: tuple[StageView, ...]
    now: StageView | None
    failure: Failure | None
    newest: bool  #: no attempt came after it
    undoable: bool  #: there is something in the cluster that can be removed
    timeline: tuple[pictures.Row, ...]
    topology: Topology
    title: str
    favicon: str
    done: int
    last_seq: int
    percent: int  #: of the time that the whole run takes
    left: Span | None  #: seconds, while it goes on
    local_problem: str = ""  #: what this machine refuses while the run is under way

    @property
    def final(self) -> bool:
        return self.state in ("succeeded", "failed", "cancelled")

    @property
    def undoes(self) -> bool:
        return self.kind != RunKind.INSTALL

    @property
    def stalled(self) -> str:
        """Why nothing moves, if nothing does."""
        return self.now.push.stalled if self.now and self.now.push else ""

    @property
    def can_cancel(self) -> bool:
        return self.state in ("queued", "running")


@dataclass(frozen=True)
class Line:
    """One line of the log."""

    seq: int
    at: datetime
    level: str
    stage: str
    sentence: str
    text: str


def run_view(state: InstallationState, run: Run) -> RunView:
    """`run` is one of the state's."""
    rows = list(run.stages.defer("facts"))
    names = titles()
    stages = tuple(_stage(row, number) for number, row in enumerate(rows, 1))
    now = next((stage for stage in stages if stage.running), None)
    done = sum(stage.state in ("succeeded", "kept") for stage in stages)
    headline = _headline(run, now, stages)
    percent, left = _time(run, stages)
    return RunView(
        pk=run.pk,
        attempt=run.attempt,
        kind=run.kind,
        state=run.state,
        shown=states.of_run(run),
        release=run.release,
        headline=headline,
        position=_position(now, len(stages)),
        waiting_for=now.waiting_for if now else "",
        waiting_since=now.waiting_since if now else None,
        started_at=run.started_at,
        finished_at=run.finished_at,
        seconds=between(run.started_at, run.finished_at),
        stages=stages,
        now=now,
        failure=_failure(state, run, rows, stages) if run.state in NOT_DONE else None,
        newest=not _later(state, run),
        undoable=not _later(state, run) and undo.left_by(state) is not None,
        timeline=_timeline(state, names),
        topology=_topology(state, stages),
        title=_tab_title(run, done, len(stages)),
        favicon={"succeeded": "done", "failed": "failed", "cancelled": "failed"}.get(run.state, "running"),
        done=done,
        last_seq=run.last_seq,
        percent=percent,
        left=left,
        local_problem="" if run.final else local_problem(),
    )


def _time(run: Run, stages: Iterable[StageView]) -> tuple[int, Span | None]:
    """How much of the run is over, in per cent of its time, and how long it takes yet."""
    if run.state not in (RunState.RUNNING, RunState.CANCELLING):
        return 0, None
    before, now = time_left.seen(run), timezone.now()
    where = [stage.at(now) for stage in stages]
    left = time_left.left(where, before) if run.state == RunState.RUNNING else None
    return round(100 * time_left.share(where, before)), left


def local_problem() -> str:
    """A full disk is silent: whoever wants to tell of it cannot write. So it is looked for here."""
    folder = state_folder.folder()
    return render(os_failures.full_words(folder)) if os_failures.is_full(folder) else ""


def titles() -> dict[str, str]:
    return {slug: gettext(stage.title) for slug, stage in stages.BY_SLUG.items()}


def _stage(row: StageRun, number: int) -> StageView:
    """A stage that only another version of the installer has is shown by its slug, without figures."""
    known = stages.BY_SLUG.get(row.slug)
    shows = known.shows if known and row.progress else Progress.NONE
    return StageView(
        slug=row.slug,
        number=number,
        title=gettext(known.title) if known else row.slug,
        doing=gettext(known.doing) if known else row.slug,
        state=row.state,
        shown=states.STAGE[row.state],
        started_at=row.started_at,
        seconds=between(row.started_at, row.finished_at),
        waiting_for=render(row.waiting_for),
        waiting_since=row.waiting_since,
        push=push(row.progress, running=row.state == "running") if shows is Progress.PUSH else None,
        packages=packages(row.progress) if shows is Progress.PACKAGES else None,
        diagnosis=diagnoses.view(row.diagnosis, row.run.installation_id) if row.diagnosis else None,
    )


def between(start: datetime | None, end: datetime | None) -> float | None:
    return (end - start).total_seconds() if start and end else None


def _headline(run: Run, now: StageView | None, stages: Iterable[StageView]) -> str:
    if run.state == RunState.QUEUED:
        return gettext("Waiting for a worker")
    if run.state == RunState.SUCCEEDED:
        return gettext("Removed") if run.undoes else gettext("Tanzu Mission Control is installed")
    if run.state == RunState.CANCELLED:
        return gettext("Stopped at a user's request")
    if run.state == RunState.CANCELLING:
        return gettext("Stopping at the next safe point")
    broken = next((stage for stage in stages if stage.state == "failed"), None)
    if run.state == RunState.FAILED:
        return gettext("Failed: %(stage)s") % {"stage": broken.title} if broken else gettext("Failed")
    return now.doing if now else gettext("Continuing with the next stage")


def _position(now: StageView | None, total: int) -> str:
    return gettext("Stage %(number)s of %(total)s") % {"number": now.number, "total": total} if now else ""


def _tab_title(run: Run, done: int, total: int) -> str:
    name = run.installation.name
    if run.final or run.state == RunState.QUEUED:
        return f"{states.of_run(run).word} · {name}"
    return f"{done}/{total} · {name}"


def cause_of_failure(state: InstallationState, run: Run) -> str:
    """In one sentence; nothing for a run that did not fail."""
    if run.state not in NOT_DONE:
        return ""
    row = _broken(state.stages[run.attempt])
    return _found_cause(_diagnosis(run, row)) or render(_error(run, row).get("cause"))


def _diagnosis(run: Run, row: StageRun | None) -> DiagnosisView | None:
    return diagnoses.view(row.diagnosis, run.installation_id) if row else None


def _found_cause(found: DiagnosisView | None) -> str:
    return found.first.cause if found and found.known and found.first else ""


def _broken(rows: Iterable[StageRun]) -> StageRun | None:
    return next((row for row in rows if row.state in ("failed", "cancelled")), None)


def _error(run: Run, row: StageRun | None) -> Mapping[str, Any]:
    return (row.error if row else None) or run.error or {}


def _failure(state: InstallationState, run: Run, rows: list[StageRun], stages: tuple[StageView, ...]) -> Failure:
    row = _broken(rows)
    error = _error(run, row)
    repeat = () if run.undoes or _later(state, run) else _to_repeat(state)
    names = titles()
    found = _diagnosis(run, row)
    keys = _keys(run, row, str(error.get("field") or (found.key if found else "")))
    cause, happened = _found_cause(found), render(error.get("cause"))
    return Failure(
        stage=names.get(row.slug, row.slug) if row else "",
        happened=happened if cause or (found and not found.known) else "",
        cause=cause or ("" if found and not found.known else happened),
        value=str(error.get("value") or ""),
        remedy=(found.first.fix if cause and found and found.first else "") or render(error.get("remedy")),
        detail=str(error.get("detail") or ""),
        code=str(error.get("code") or ""),
        keys=keys,
        answers=tuple(_answers(run, keys)),
        repeat=tuple(names[slug] for slug in repeat if slug in names),
        keep=tuple(stage.title for stage in stages if stage.slug not in repeat) if repeat else (),
        diagnosis=found,
    )


def _to_repeat(state: InstallationState) -> tuple[str, ...]:
    try:
        return service.stages_to_repeat(state)
    except InputError:  # an answer was emptied since: the review says which
        return ()


def _keys(run: Run, row: StageRun | None, field: str) -> tuple[str, ...]:
    """The answer that the error names, else those that the stage reads."""
    if field in answer_keys.BY_NAME:
        return (field,)
    return next((tuple(stage.reads) for stage in stages.of_kind(run.kind) if row and stage.slug == row.slug), ())


def _answers(run: Run, keys: Iterable[str]) -> Iterable[AnswerLink]:
    for key in (answer_keys.BY_NAME[name] for name in keys):
        url = reverse("step", args=[run.installation_id, key.step])
        yield AnswerLink(gettext(key.label), f"{url}#{key.field}")


def _later(state: InstallationState, run: Run) -> bool:
    return any(other.attempt > run.attempt for other in state.runs)


def _topology(state: InstallationState, stages: Iterable[StageView]) -> Topology:
    now = next((stage for stage in stages if stage.state in ("running", "failed")), None)
    blamed = now.diagnosis.system if now and now.diagnosis else ""
    return topology(state, now.slug if now else "", failed=now is not None and now.state == "failed", blamed=blamed)


def _timeline(state: InstallationState, names: dict[str, str]) -> tuple[pictures.Row, ...]:
    oldest_first = reversed(state.runs)
    shown = ((each.attempt, states.of_run(each), state.stages[each.attempt]) for each in oldest_first)
    return pictures.timeline(shown, names, timezone.now())


def log(run: Run, *, after: int, limit: int = PAGE) -> list[Line]:
    """The lines that follow this one, oldest first."""
    names = titles()
    return [_line(event, names) for event in run.events.filter(seq__gt=after)[:limit]]


def whole_logs(runs: Iterable[Run]) -> Iterator[tuple[int, Line]]:
    """Every line of these runs with the run's number, in one query."""
    names = titles()
    for event in Event.objects.filter(run__in=list(runs)).order_by("run", "seq").iterator(chunk_size=1000):
        yield event.run_id, _line(event, names)


def log_end(run: Run, limit: int = PAGE) -> list[Line]:
    """The last lines as of now."""
    return log(run, after=max(0, run.last_seq - limit), limit=limit)


def _line(event: Event, names: Mapping[str, str]) -> Line:
    return Line(
        seq=event.seq,
        at=timezone.localtime(event.at),
        level=event.level,
        stage=names.get(event.stage, event.stage),
        sentence=render(events.sentence(event.code, event.params)),
        text=event.text,
    )
