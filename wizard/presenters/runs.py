"""A run's page: what it does now, its stages, its figures, its log, and what failed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy

from installer_tasks import answers as answer_keys
from installer_tasks import messages, runs, undo
from installer_tasks.models import Event, Run, RunKind, RunState, StageRun
from wizard.presenters import pictures, states
from wizard.presenters.findings import evidence
from wizard.presenters.landscape import Landscape, landscape
from wizard.presenters.progress import Packages, Push, packages, push
from wizard.texts import render

PAGE = 300  #: lines of the log in one answer

#: What a stage does, said while it does it; a stage that is not here is named by its title.
DOING: Mapping[str, Any] = {
    "preflight": gettext_lazy("Making every check once more"),
    "registry-project": gettext_lazy("Preparing the project in the registry"),
    "push-images": gettext_lazy("Pushing the images into the registry"),
    "namespace-and-trust": gettext_lazy("Preparing the namespace, and trust in the registry"),
    "certificate-issuer": gettext_lazy("Having the issuer sign a trial certificate"),
    "package-repository": gettext_lazy("Telling the cluster where the packages are"),
    "package-install": gettext_lazy("Handing the installation to the cluster"),
    "packages-and-pods": gettext_lazy("Packages reconcile and pods start"),
    "acceptance": gettext_lazy("Proving that everything works"),
    "undo-package-install": gettext_lazy("The packages and their pods are removed"),
    "undo-package-repository": gettext_lazy("Removing the package repository"),
    "undo-namespace-and-trust": gettext_lazy("Removing the namespace with its volumes"),
}


@dataclass(frozen=True)
class StageView:
    slug: str
    number: int
    title: str
    state: str
    shown: states.Shown
    started_at: datetime | None
    seconds: float | None
    waiting_for: str
    waiting_since: datetime | None
    push: Push | None
    packages: Packages | None

    @property
    def running(self) -> bool:
        return self.state == "running"

    @property
    def doing(self) -> str:
        return str(DOING.get(self.slug, self.title))

    @property
    def share(self) -> float:
        """How much of it is done, from 0 to 1."""
        if self.push is not None:
            return self.push.percent / 100
        if self.packages is not None:
            return self.packages.done / max(self.packages.total, 1)
        return 0.0


@dataclass(frozen=True)
class AnswerLink:
    label: str
    url: str


@dataclass(frozen=True)
class Failure:
    """What failed, and the way on."""

    stage: str
    cause: str
    value: str
    remedy: str
    detail: str
    code: str
    keys: tuple[str, ...]  #: of the answers it depends on
    answers: tuple[AnswerLink, ...]
    repeat: tuple[str, ...]
    keep: tuple[str, ...]


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
    landscape: Landscape
    title: str
    favicon: str
    done: int
    last_seq: int

    @property
    def final(self) -> bool:
        return self.state in ("succeeded", "failed", "cancelled")

    @property
    def undoes(self) -> bool:
        return self.kind != RunKind.INSTALL

    @property
    def percent(self) -> int:
        """Of the whole run, each stage counting alike."""
        part = self.now.share if self.now else 0.0
        return round(100 * (self.done + part) / max(len(self.stages), 1))

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


def run_view(run: Run) -> RunView:
    rows = list(run.stages.all())
    stages = tuple(_stage(row, number) for number, row in enumerate(rows, 1))
    now = next((stage for stage in stages if stage.running), None)
    done = sum(stage.state in ("succeeded", "kept") for stage in stages)
    headline = _headline(run, now, stages)
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
        seconds=_between(run.started_at, run.finished_at),
        stages=stages,
        now=now,
        failure=_failure(run, stages) if run.state in (RunState.FAILED, RunState.CANCELLED) else None,
        newest=not _later(run),
        undoable=not _later(run) and undo.left_by(run.installation) is not None,
        timeline=_timeline(run),
        landscape=_landscape(run, stages),
        title=_tab_title(run, done, len(stages)),
        favicon={"succeeded": "done", "failed": "failed", "cancelled": "failed"}.get(run.state, "running"),
        done=done,
        last_seq=run.last_seq,
    )


def titles() -> dict[str, str]:
    return {stage.slug: gettext(stage.title) for kind in RunKind for stage in runs.stages_of(kind)}


def _stage(row: StageRun, number: int) -> StageView:
    is_push = "bytes_total" in row.progress
    return StageView(
        slug=row.slug,
        number=number,
        title=titles().get(row.slug, row.slug),
        state=row.state,
        shown=states.STAGE[row.state],
        started_at=row.started_at,
        seconds=_between(row.started_at, row.finished_at),
        waiting_for=render(row.waiting_for),
        waiting_since=row.waiting_since,
        push=push(row.progress, running=row.state == "running") if is_push else None,
        packages=packages(row.progress) if "packages" in row.progress else None,
    )


def _between(start: datetime | None, end: datetime | None) -> float | None:
    return (end - start).total_seconds() if start and end else None


def _headline(run: Run, now: StageView | None, stages: Iterable[StageView]) -> str:
    if run.state == RunState.QUEUED:
        return gettext("Waiting for a worker to take it up")
    if run.state == RunState.SUCCEEDED:
        return gettext("It is removed") if run.undoes else gettext("Tanzu Mission Control is installed")
    if run.state == RunState.CANCELLED:
        return gettext("Stopped, because a person asked for it")
    if run.state == RunState.CANCELLING:
        return gettext("Stopping at the next safe point")
    broken = next((stage for stage in stages if stage.state == "failed"), None)
    if run.state == RunState.FAILED:
        return gettext("Failed: %(stage)s") % {"stage": broken.title} if broken else gettext("Failed")
    return now.doing if now else gettext("Going on to the next stage")


def _position(now: StageView | None, total: int) -> str:
    return gettext("Stage %(number)s of %(total)s") % {"number": now.number, "total": total} if now else ""


def _tab_title(run: Run, done: int, total: int) -> str:
    name = run.installation.name
    if run.final or run.state == RunState.QUEUED:
        return f"{states.of_run(run).word} · {name}"
    return f"{done}/{total} · {name}"


def _failure(run: Run, stages: tuple[StageView, ...]) -> Failure:
    row = run.stages.filter(state__in=["failed", "cancelled"]).first()
    error: Mapping[str, Any] = (row.error if row else None) or run.error or {}
    repeat = () if run.undoes or _later(run) else _to_repeat(run)
    names = titles()
    keys = _keys(run, row, str(error.get("field") or ""))
    return Failure(
        stage=names.get(row.slug, row.slug) if row else "",
        cause=render(error.get("cause")),
        value=str(error.get("value") or ""),
        remedy=render(error.get("remedy")),
        detail=str(error.get("detail") or ""),
        code=str(error.get("code") or ""),
        keys=keys,
        answers=tuple(_answers(run, keys)),
        repeat=tuple(names[slug] for slug in repeat if slug in names),
        keep=tuple(stage.title for stage in stages if stage.slug not in repeat) if repeat else (),
    )


def _to_repeat(run: Run) -> tuple[str, ...]:
    from installer_tasks.errors import InputError

    try:
        return runs.stages_to_repeat(run.installation)
    except InputError:  # an answer was emptied since: the review says which
        return ()


def _keys(run: Run, row: StageRun | None, field: str) -> tuple[str, ...]:
    """The answer that the error names, else those that the stage reads."""
    if field in answer_keys.BY_NAME:
        return (field,)
    return next((tuple(stage.reads) for stage in runs.stages_of(run.kind) if row and stage.slug == row.slug), ())


def _answers(run: Run, keys: Iterable[str]) -> Iterable[AnswerLink]:
    for key in (answer_keys.BY_NAME[name] for name in keys):
        url = reverse("step", args=[run.installation_id, key.step])
        yield AnswerLink(gettext(key.label), f"{url}#{key.field}")


def _later(run: Run) -> bool:
    return run.installation.runs.filter(attempt__gt=run.attempt).exists()


def _landscape(run: Run, stages: Iterable[StageView]) -> Landscape:
    now = next((stage for stage in stages if stage.state in ("running", "failed")), None)
    return landscape(run.installation, now.slug if now else "", failed=now is not None and now.state == "failed")


def _timeline(run: Run) -> tuple[pictures.Row, ...]:
    attempts = run.installation.runs.order_by("attempt").prefetch_related("stages")
    shown = ((each.attempt, states.of_run(each), list(each.stages.all())) for each in attempts)
    return pictures.timeline(shown, titles(), timezone.now())


def log(run: Run, *, after: int, limit: int = PAGE) -> list[Line]:
    """The lines that follow this one, oldest first."""
    names = titles()
    return [_line(event, names) for event in run.events.filter(seq__gt=after)[:limit]]


def log_end(run: Run, limit: int = PAGE) -> list[Line]:
    """The last lines as of now."""
    return log(run, after=max(0, run.last_seq - limit), limit=limit)


def _line(event: Event, names: Mapping[str, str]) -> Line:
    return Line(
        seq=event.seq,
        at=timezone.localtime(event.at),
        level=event.level,
        stage=names.get(event.stage, event.stage),
        sentence=messages.render(event.code, event.params, gettext),
        text=event.text,
    )


@dataclass(frozen=True)
class Proof:
    """One acceptance finding."""

    name: str
    shown: states.Shown
    message: str
    value: str
    remedy: str
    evidence: tuple[tuple[str, str], ...]

    @property
    def passed(self) -> bool:
        return self.shown is states.LEVEL["pass"]


@dataclass(frozen=True)
class ProofGroup:
    title: Any
    proofs: tuple[Proof, ...]

    @property
    def passed(self) -> int:
        return sum(proof.passed for proof in self.proofs)

    @property
    def shown(self) -> states.Shown:
        """That of the first proof that did not pass."""
        return next((proof.shown for proof in self.proofs if not proof.passed), states.LEVEL["pass"])


#: Which proofs belong together, by the second word of their names; others come last.
PROOF_GROUPS: tuple[tuple[Any, tuple[str, ...]], ...] = (
    (gettext_lazy("Console and sign-in"), ("console", "landing", "supervisor", "sign-in")),
    (gettext_lazy("Names and certificates"), ("load-balancer", "dns", "tls")),
    (gettext_lazy("Packages and images"), ("packages", "images")),
)


def proof_groups(run: Run) -> tuple[ProofGroup, ...]:
    row = run.stages.filter(slug="acceptance").first()
    found = [_proof(each) for each in (row.progress.get("findings") if row else None) or []]
    known = {kind for _title, kinds in PROOF_GROUPS for kind in kinds}
    others = tuple({_kind(proof) for proof in found} - known)
    groups = (*PROOF_GROUPS, (gettext_lazy("Further proofs"), others))
    made = (ProofGroup(title, tuple(proof for proof in found if _kind(proof) in kinds)) for title, kinds in groups)
    return tuple(group for group in made if group.proofs)


def _kind(proof: Proof) -> str:
    return proof.name.removeprefix("acceptance.").partition(".")[0]


def _proof(each: Mapping[str, Any]) -> Proof:
    return Proof(
        name=str(each.get("name", "")),
        shown=states.LEVEL.get(each.get("level", ""), states.LEVEL[""]),
        message=render(each.get("message")),
        value=str(each.get("value") or ""),
        remedy=render(each.get("remedy")),
        evidence=evidence(each.get("evidence") or {}),
    )
