"""A run with a fault that strikes on its way: the real stages on a practice estate, and what they name as the cause."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Collection, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.calibration.shares import prepare

#: At instant pace nothing lasts; what waits for minutes in a real cluster waits for moments here.
HURRY = 0.02
STANDSTILL, GIVE_UP = 5.0, 3.0


@dataclass
class Recorder:
    """What the stages report, with when."""

    begun: float = field(default_factory=time.monotonic)
    said: list[tuple[float, str, str, dict[str, Any]]] = field(default_factory=list)
    diagnoses: list[dict[str, Any]] = field(default_factory=list)

    def event(self, code: str, *, level: str = "info", text: str = "", **params: Any) -> None:
        self.said.append((time.monotonic() - self.begun, code, text, params))

    def progress(self, progress: dict[str, Any]) -> None: ...

    def waiting_for(self, what: Any) -> None: ...

    def diagnosis(self, found: dict[str, Any] | None) -> None:
        if found is not None:
            self.diagnoses.append(found)


@dataclass(frozen=True)
class Ended:
    """How a run with a fault ended, in plain data: it goes through a pipe."""

    name: str
    code: str  #: of the error; empty when the run succeeded
    live: tuple[str, ...]  #: causes that were named while it waited, in order
    facts: dict[str, Any]  #: what it was judged by
    seconds: float

    def named(self, without: str = "") -> str:
        """The likeliest cause, as the table has it, or has it without one of its lines."""
        from installer_tasks.diagnosis import diagnose
        from installer_tasks.diagnosis.causes import CAUSES

        found = diagnose(self.facts, tuple(cause for cause in CAUSES if cause.name != without))
        return found.matches[0].cause.name if found.known else ""


@contextmanager
def in_a_hurry() -> Iterator[None]:
    from installer_tasks.runs import diagnosing
    from installer_tasks.runs.stages import acceptance, certificate_issuer, package_repository, packages_and_pods

    wanted = (
        (diagnosing, "PACE", HURRY),
        (packages_and_pods, "STANDSTILL", STANDSTILL),
        (packages_and_pods, "GIVE_UP", GIVE_UP),
        (packages_and_pods, "INTERVAL", 0.25),
        (package_repository, "GIVE_UP", GIVE_UP),
        (acceptance, "DEADLINE", GIVE_UP),
        (certificate_issuer, "READY_DEADLINE", GIVE_UP),
    )
    with ExitStack() as kept:
        for module, name, value in wanted:
            kept.callback(setattr, module, name, getattr(module, name))
            setattr(module, name, value)
        yield


def run_with(estate: Any, fault: Any, folder: Path) -> Ended:
    """Every stage but the checks, until one fails; the fault strikes before its stage."""
    from installer_tasks import answer_keys
    from installer_tasks.plan import Plan
    from installer_tasks.runs import stages
    from installer_tasks.runs.stages.base import Context

    plan = Plan(estate.release.version, answer_keys.with_defaults(estate.answers()))
    report = Recorder()
    context = Context(plan=plan, report=report, cancelled=lambda: False, folder=folder)
    with ExitStack() as kept:
        kept.callback(
            lambda: [kept.enter_context(closing(each)) for each in context.cache.values() if hasattr(each, "close")]
        )
        code = ""
        for stage in stages.of_kind("install", plan.known)[1:]:
            if stage.slug == fault.strikes:
                kept.callback(fault.change(estate))
            code = _carry_out(stage, context)
            if code:
                break
    live = [each["causes"][0]["name"] for each in report.diagnoses[: -1 if code else None] if each["causes"]]
    facts = report.diagnoses[-1]["facts"] if report.diagnoses else {}
    return Ended(fault.name, code, tuple(dict.fromkeys(live)), facts, time.monotonic() - report.begun)


def _carry_out(stage: Any, context: Any) -> str:
    """The code of its error, explained as the engine has it explained."""
    from installer_tasks.errors import InstallerError
    from installer_tasks.runs import diagnosing

    context.watch = diagnosing.Watch(context).look
    try:
        if not stage.is_done(context):
            stage.run(context)
    except InstallerError as error:
        diagnosing.explain(context, stage, error)
        return error.code
    return ""


def run_all(names: Collection[str]) -> list[Ended]:
    """Each alone, on an estate of its own; for a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        prepare(folder)
        from installer_tasks.rehearsal.bundle import SMALL
        from installer_tasks.rehearsal.controllers import Pace
        from installer_tasks.rehearsal.estate import Estate
        from installer_tasks.rehearsal.faults.running import RUNNING

        ended = []
        for number, fault in enumerate(each for each in RUNNING if each.name in names):
            place = Path(folder) / str(number)
            place.mkdir()
            with in_a_hurry(), Estate(place / "estate", pace=Pace.INSTANT, scale=SMALL) as estate:
                ended.append(run_with(estate, fault, place))
                print(said(fault, ended[-1]), flush=True)
        return ended


def said(fault: Any, one: Ended) -> str:
    named = one.named()
    right = "right" if named == fault.named else "WRONG"
    return f"{right} {fault.name} ({one.seconds:.1f} s): {named or 'unknown'}, live {', '.join(one.live) or 'nothing'}, {one.code}"


if __name__ == "__main__":
    import sys

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wizard.settings")
    from installer_tasks.rehearsal.faults.running import RUNNING

    run_all([each.name for each in RUNNING if any(part in each.name for part in sys.argv[1:] or [""])])
