"""What the calibration found, as a table for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from installer_tasks.rehearsal.faults import Fault
from tests.calibration.observing import Looked, words
from tests.calibration.pace import Pace

GOAL = 0.95  #: of the foreseeable faults
FEWEST = 60  #: faults

HEAD = """# Calibration of the checks

Written by `make calibrate`: every fault of the practice estate is switched on alone, and the whole catalogue looks at it. A fault is
caught when the check that should say so does, with words that name the cause. What is said of a healthy estate is a false alarm.

"""


@dataclass(frozen=True)
class Result:
    faults: Sequence[Looked]
    healthy: Sequence[Looked]
    pace: Pace | None = None

    @property
    def foreseeable(self) -> list[Looked]:
        return [one for one in self.faults if isinstance(one.condition, Fault) and one.condition.foreseeable]

    def caught(self, without: str = "") -> int:
        """The score; `without` a check it is lower."""
        return sum(one.caught(without) for one in self.foreseeable)

    @cached_property
    def false_alarms(self) -> list[str]:
        return [
            f"{one.condition.name}: {name}: {verdict.level}: {words(verdict)}"
            for one in self.healthy
            for name, verdict in one.verdicts().items()
            if verdict.level != "pass"
        ]

    @property
    def good_enough(self) -> bool:
        enough = self.caught() >= GOAL * len(self.foreseeable)
        return enough and not self.false_alarms

    @property
    def last_line(self) -> str:
        return (
            f"calibration: {len(self.faults)} faults, {len(self.foreseeable)} foreseeable, "
            f"{self.caught()} caught, {len(self.false_alarms)} false alarms"
        )


def markdown(result: Result) -> str:
    return "\n".join(
        (
            HEAD + f"**{result.last_line}**\n",
            f"At instant pace {result.pace}.\n",
            *_faults(result),
            "",
            *_healthy(result),
            "",
        )
    )


def _faults(result: Result) -> list[str]:
    head = [
        "| Fault | What is wrong | Caught by | Level | It says | Others that say something |",
        "|---|---|---|---|---|---|",
    ]
    return head + [_row(one, one.condition) for one in result.faults if isinstance(one.condition, Fault)]


def _row(one: Looked, fault: Fault) -> str:
    said = one.said()
    others = ", ".join(f"`{name}`" for name in said if name != fault.caught_by) or "none"
    if not fault.foreseeable:
        return f"| `{fault.name}` | {fault.title} | no check can foresee it | | | {others} |"
    verdict = said.get(fault.caught_by)
    level = f"{verdict.level}" if one.caught() and verdict else "**missed**"
    return f"| `{fault.name}` | {fault.title} | `{fault.caught_by}` | {level} | {_cell(verdict.message) if verdict else ''} | {others} |"


def _healthy(result: Result) -> list[str]:
    rows = [f"| {one.condition.title} | {len(one.verdicts())} | {_alarms(one)} |" for one in result.healthy]
    return ["| Healthy estate | Checks | Said |", "|---|--:|---|", *rows]


def _alarms(one: Looked) -> str:
    return ", ".join(f"`{name}`" for name, verdict in one.verdicts().items() if verdict.level != "pass") or "nothing"


def _cell(said: object) -> str:
    return str(said).replace("|", "\\|").replace("\n", " ")
