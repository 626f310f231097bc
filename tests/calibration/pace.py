"""How long the whole catalogue takes beside the slowest system of it, in a process of its own as a worker is one."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import django

ROUNDS = 7


@dataclass(frozen=True)
class Pace:
    """Seconds, medians."""

    together: float
    slowest: float
    system: str

    def __str__(self) -> str:
        return (
            f"the whole catalogue takes {self.together / self.slowest:.2f} times as long as its slowest system alone "
            f"({self.together:.2f} s beside {self.slowest:.2f} s, {self.system})"
        )


def pace(answers: dict[str, str]) -> Pace:
    """Of an estate that runs in this process, looked at from another; answers hold secrets and go by a pipe."""
    asked = [sys.executable, "-m", "tests.calibration.pace"]
    root = Path(__file__).resolve().parent.parent.parent
    said = subprocess.run(asked, cwd=root, input=json.dumps(answers), capture_output=True, text=True, check=True)
    return Pace(**json.loads(said.stdout.splitlines()[-1]))


def measure(answers: dict[str, str]) -> Pace:
    """Interleaved, so that whatever else this machine does weighs on both; the first round warms up."""
    from installer_tasks.preflight.facts import COLLECTORS, observe_all, observing

    together: list[float] = []
    alone: dict[str, list[float]] = {system: [] for system in COLLECTORS}
    for number in range(1 + ROUNDS):
        every = _seconds(lambda: observe_all(answers))
        each = {system: _seconds(lambda system=system: list(observing(answers, [system]))) for system in COLLECTORS}
        if number:
            together.append(every)
            for system, seconds in each.items():
                alone[system].append(seconds)
    slowest, system = max((statistics.median(taken), system) for system, taken in alone.items())
    return Pace(statistics.median(together), slowest, system)


def _seconds(work: Callable[[], object]) -> float:
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wizard.settings")
    django.setup()
    print(json.dumps(asdict(measure(json.load(sys.stdin)))))
