"""The conditions shared out among processes, each with an estate of its own: most of a look is waiting for servers."""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
from collections.abc import Collection, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import django

PROCESSES = 2
#: Name of the condition, facts, answers, seconds: what goes through a pipe. What a fault changes does not.
Seen = tuple[str, dict[str, dict[str, Any]], dict[str, str], float]


def prepare(folder: str) -> None:
    """Before anything reads the settings: a state folder of this process."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wizard.settings")
    os.environ["TMC_INSTALLER_STATE"] = folder
    os.environ.setdefault("TMC_INSTALLER_TRIAL_SECONDS", "5")  # nothing of the estate takes longer at this pace
    django.setup()


def look_at_all(names: Sequence[str], processes: int = PROCESSES) -> list[Seen]:
    """In the order of the names."""
    context = multiprocessing.get_context("spawn")  # a limit that a fault sets stays in the process of its estate
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        seen = [
            one for share in pool.map(_look_at, [names[each::processes] for each in range(processes)]) for one in share
        ]
    return sorted(seen, key=lambda one: names.index(one[0]))


def _look_at(names: Collection[str]) -> list[Seen]:
    with tempfile.TemporaryDirectory() as folder:
        prepare(folder)
        from installer_tasks.rehearsal.bundle import SMALL
        from installer_tasks.rehearsal.controllers import Pace
        from installer_tasks.rehearsal.estate import Estate
        from tests.calibration.observing import look_with

        seen: list[Seen] = []
        with Estate(Path(folder) / "estate", pace=Pace.INSTANT, scale=SMALL) as estate:
            for one in look_with(estate, [condition for condition in conditions() if condition.name in names]):
                _say(one)
                seen.append((one.condition.name, one.facts, one.answers, one.seconds))
        return seen


def conditions() -> tuple[Any, ...]:
    """The healthy estates, then every fault."""
    from installer_tasks.rehearsal.faults import FAULTS, VARIANTS, Variant

    return (Variant("healthy.usual", "The practice estate as it is"), *VARIANTS, *FAULTS)


def _say(one: Any) -> None:
    from installer_tasks.rehearsal.faults import Fault
    from tests.calibration.observing import words

    said = one.said()
    foreseeable = isinstance(one.condition, Fault) and one.condition.foreseeable
    missed = foreseeable and not one.caught()
    outcome = "MISSED" if missed else "caught" if foreseeable else "looked"
    lines = [f"{outcome} {one.condition.name} ({one.seconds:.1f} s): {', '.join(said) or 'nothing said'}"]
    if missed:
        lines += [f"    {name}: {verdict.level}: {words(verdict)}" for name, verdict in said.items()]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()
