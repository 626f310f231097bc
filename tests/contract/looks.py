"""Looking at a system as the worker does: its collector on real answers, then its checks; what every look must keep.

look = look_at("registry", answers)
assert look.levels == all_of("registry", "pass")
"""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from installer_tasks import answer_keys
from installer_tasks.preflight import checks
from installer_tasks.preflight.checks.base import Facts, Level, Verdict, judge
from installer_tasks.preflight.collecting import verdict_json
from installer_tasks.preflight.facts import COLLECTORS
from installer_tasks.preflight.facts.base import DEADLINE, Observations
from installer_tasks.preflight.findings import BAD
from installer_tasks.preflight.shapes.base import Fact
from tests.shapes import require_shapes

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


def all_of(system: str, level: str, answers: Mapping[str, str] | None = None) -> dict[str, str]:
    """Every check of the system that applies at this level."""
    return {check.name: level for check in checks.of_system(system, answers)}


def look_at(system: str, answers: Mapping[str, str], *, failed: Iterable[str] = (), hidden: Iterable[str] = ()) -> Look:
    """Collect and judge.

    Fails when a finding lacks its words, when a fact is not as its shape says, when a check read an answer that it does
    not name, or when a secret (also one of `hidden`) is in anything.
    """
    effective = _Recorded(answer_keys.with_defaults(answers))
    observations = _Recording(effective)
    COLLECTORS[system](effective, observations)
    facts = json.loads(json.dumps(observations.facts))  # as the database keeps them
    verdicts: dict[str, Verdict] = {}
    bad = set(failed)
    for check in checks.of_system(system, effective):
        with effective.during(check.name):
            given = _RecordedFacts({system: facts}, effective)
            verdicts[check.name] = judge(check, given, frozenset(bad))
        read = effective.read[check.name].union(*(effective.read[name] for name in given.asked))
        assert read <= set(check.reads), f"{check.name} reads {read - set(check.reads)} and does not say so"
        if verdicts[check.name].level in BAD:
            bad.add(check.name)
    look = Look(facts, verdicts)
    require_shapes(system, observations.facts)
    _require_words(look)
    _require_no_secret(look, [*(effective[key] for key in answer_keys.SECRETS), *hidden])
    return look


class _Recorded(dict[str, str]):
    """Answers that remember who read which of them: a fact or a check, each in its own thread."""

    def __init__(self, answers: Mapping[str, str]) -> None:
        super().__init__(answers)
        self.read: defaultdict[str, set[str]] = defaultdict(set)
        self._reader = threading.local()

    @contextmanager
    def during(self, reader: str) -> Iterator[None]:
        self._reader.name = reader
        yield
        self._reader.name = ""

    def __getitem__(self, key: str) -> str:
        self._note(key)
        return super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        self._note(key)
        return super().get(key, default)

    def _note(self, key: str) -> None:
        self.read[getattr(self._reader, "name", "")].add(key)


class _Recording(Observations):
    def __init__(self, answers: _Recorded) -> None:
        super().__init__()
        self._answers = answers

    def observe(self, name: str, look: Callable[[], Any], seconds: float = DEADLINE) -> Any:
        def recorded() -> Any:
            with self._answers.during(name):
                return look()

        return super().observe(name, recorded, seconds)


class _RecordedFacts(Facts):
    def __init__(self, systems: Mapping[str, Mapping[str, Any]], answers: Mapping[str, str]) -> None:
        super().__init__(systems, answers)
        self.asked: set[str] = set()

    def __call__(self, fact: Fact[Any]) -> Any:
        self.asked.add(fact)
        return super().__call__(fact)


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
