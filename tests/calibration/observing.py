"""The whole catalogue on the practice estate, with one fault on: which check says so, and does it name the cause?"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from installer_tasks import answer_keys
from installer_tasks.preflight import checks
from installer_tasks.preflight.checks.base import Facts, Level, Verdict, judge_all
from installer_tasks.rehearsal.estate import Estate
from installer_tasks.rehearsal.faults import Fault, Variant
from tests.calibration.reads import LEDGER

#: Said by a check itself, not because another one failed.
SAID = (Level.WARN, Level.FAIL, Level.ERROR)


@dataclass(frozen=True)
class Looked:
    """What was seen of an estate in one condition; judging it again costs nothing."""

    condition: Fault | Variant
    facts: dict[str, dict[str, Any]]
    answers: dict[str, str]
    seconds: float

    def verdicts(self, without: str = "") -> dict[str, Verdict]:
        """What the catalogue says, and what it would say without one of its checks."""
        known = tuple(check for check in checks.applying(self.answers) if check.name != without)
        found: dict[str, Verdict] = {}
        for system in answer_keys.STEPS:  # a check sees the facts of its own system alone, as in the worker
            own = tuple(check for check in known if check.system == system)
            failed = frozenset(name for name, verdict in found.items() if verdict.level not in (Level.PASS, Level.WARN))
            found |= judge_all(own, Facts({system: self.facts[system]}, self.answers), failed)
        return found

    def said(self, without: str = "") -> dict[str, Verdict]:
        return {name: verdict for name, verdict in self.verdicts(without).items() if verdict.level in SAID}

    def caught(self, without: str = "") -> bool:
        """The check that should said so, and its words hold the cause."""
        if not isinstance(self.condition, Fault):
            return False
        verdict = self.said(without).get(self.condition.caught_by)
        return verdict is not None and self.condition.says.casefold() in words(verdict).casefold()


def words(verdict: Verdict) -> str:
    """Everything a person reads of it."""
    parts = (verdict.message, verdict.value, verdict.cause, verdict.remedy, verdict.command)
    return " | ".join(str(part) for part in parts if part)


def look(estate: Estate, condition: Fault | Variant) -> Looked:
    answers = answer_keys.with_defaults(estate.answers())
    begun = time.monotonic()
    facts = LEDGER.observe(answers)
    return Looked(condition, facts, answers, time.monotonic() - begun)


def look_with(estate: Estate, conditions: Collection[Fault | Variant]) -> Iterator[Looked]:
    """One condition after the other, each alone."""
    for condition in conditions:
        _turn(estate, condition, on=True)
        try:
            yield look(estate, condition)
        finally:
            _turn(estate, condition, on=False)


def note_reads(estate: Estate, condition: Fault | Variant, system: str) -> None:
    """Look at one system in this condition, for nothing but the answers that its checks ask for then."""
    _turn(estate, condition, on=True)
    try:
        LEDGER.observe(answer_keys.with_defaults(estate.answers()), [system])
    finally:
        _turn(estate, condition, on=False)


def _turn(estate: Estate, condition: Fault | Variant, *, on: bool) -> None:
    if isinstance(condition, Fault):
        estate.switch(condition.name, on=on)
    else:
        estate.vary(condition, on=on)
