"""Looking at a system as the worker does: its collector on real answers, then its checks; what every look must keep.

look = look_at("registry", answers)
assert look.levels == all_of("registry", "pass")
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from installer_tasks import answers as answer_keys
from installer_tasks import checks
from installer_tasks.checks.base import Facts, Level, Verdict, judge
from installer_tasks.facts import COLLECTORS
from installer_tasks.facts.base import Observations
from installer_tasks.findings import BAD, verdict_json

QUIET = (Level.PASS, Level.BLOCKED)


@dataclass(frozen=True)
class Look:
    """What was observed and what it was judged to mean."""

    facts: dict[str, Any]
    verdicts: dict[str, Verdict]

    def __getitem__(self, check: str) -> Verdict:
        return self.verdicts[check]

    @property
    def levels(self) -> dict[str, str]:
        return {name: str(verdict.level) for name, verdict in self.verdicts.items()}

    def says(self, check: str) -> str:
        """Everything a person reads of a finding."""
        verdict = self.verdicts[check]
        return " | ".join(str(part) for part in (verdict.message, verdict.value, verdict.cause, verdict.remedy) if part)


def all_of(system: str, level: str) -> dict[str, str]:
    """Every check of the system at this level."""
    return {check.name: level for check in checks.of_system(system)}


def look_at(system: str, answers: Mapping[str, str], *, failed: Iterable[str] = (), hidden: Iterable[str] = ()) -> Look:
    """Collect and judge; fails when a finding lacks its words, or a secret (also the `hidden` ones) is in anything."""
    effective = answer_keys.with_defaults(answers)
    observations = Observations()
    COLLECTORS[system](effective, observations)
    facts = json.loads(json.dumps(observations.facts))  # as the database keeps them
    verdicts: dict[str, Verdict] = {}
    bad = set(failed)
    for check in checks.of_system(system):
        verdicts[check.name] = judge(check, Facts({system: facts}, effective), frozenset(bad))
        if verdicts[check.name].level in BAD:
            bad.add(check.name)
    look = Look(facts, verdicts)
    _require_words(look)
    _require_no_secret(look, [*(effective[key] for key in answer_keys.SECRETS), *hidden])
    return look


def _require_words(look: Look) -> None:
    for name, verdict in look.verdicts.items():
        assert str(verdict.message), name
        if verdict.level not in QUIET:
            assert verdict.value, f"{name} names no value: {look.says(name)}"
            assert verdict.cause and str(verdict.cause), f"{name} names no cause: {look.says(name)}"
            assert verdict.remedy and str(verdict.remedy), f"{name} names no remedy: {look.says(name)}"
            assert "%(" not in look.says(name), look.says(name)
            assert "support bundle" not in str(verdict.remedy), f"{name} has no remedy of its own: {look.says(name)}"


def _require_no_secret(look: Look, secrets: Iterable[str]) -> None:
    shown = json.dumps([look.facts, [verdict_json(verdict) for verdict in look.verdicts.values()]], ensure_ascii=False)
    for secret in filter(None, secrets):
        assert secret not in shown, f"a secret is in what was found: {shown[max(shown.find(secret) - 200, 0) :][:400]}"
        assert json.dumps(secret)[1:-1] not in shown
