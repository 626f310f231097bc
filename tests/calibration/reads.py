"""Which answers a check asks for: those that it reads itself, and those that the facts it asks for were collected with.

Answers are handed to the collectors and checks as a mapping that notes each key. A fact has the keys that its own look
read, those that its collector had read on the way to it, and those of the facts that it builds on: all that come
before it in its collector's sequence, except for one without which it was seen to be had. What is looked at together
does not build on each other.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from installer_tasks.answer_keys import BY_NAME
from installer_tasks.preflight import checks
from installer_tasks.preflight.checks.base import Check, Facts, asked_by
from installer_tasks.preflight.facts import COLLECTORS, observing
from installer_tasks.preflight.facts.base import DEADLINE, Collector, Observations, Probe

Keys = set[str]


class Noted(Mapping[str, str]):
    """Answers that call `note` with each key that is asked for, and tell nothing else of themselves."""

    def __init__(self, answers: Mapping[str, str], note: Callable[[str], None]) -> None:
        self._answers, self._note = answers, note

    def __getitem__(self, key: str) -> str:
        self._note(key)
        if key in BY_NAME and BY_NAME[key].other_default:
            self._note("identity.ldap_type")  # decides what stands here by default
        return self._answers[key]

    def __iter__(self) -> Iterator[str]:
        raise AssertionError("whoever goes through all answers reads all of them")

    def __len__(self) -> int:
        return len(self._answers)


@dataclass
class Seen:
    """One look at one fact."""

    keys: Keys  #: read by itself, or by its collector before
    before: tuple[str, ...]  #: facts that its collector had looked at before, one after the other
    had: bool = False


class Looks:
    """What one system's collector read, fact by fact. A thread notes where it was told to."""

    def __init__(self) -> None:
        self.facts: dict[str, Seen] = {}
        self.strays: Keys = set()  #: read in a thread that no look is known to have started
        self._here = threading.local()

    def note(self, key: str) -> None:
        getattr(self._here, "keys", self.strays).add(key)

    @contextmanager
    def noting(self, keys: Keys, before: tuple[str, ...] = ()) -> Iterator[None]:
        self._here.keys, self._here.before = keys, before
        try:
            yield
        finally:
            del self._here.keys, self._here.before

    def here(self) -> Seen:
        """What this thread has read and looked at so far."""
        return Seen(set(getattr(self._here, "keys", ())), getattr(self._here, "before", ()))

    def looked_at(self, name: str) -> None:
        self._here.before = (*getattr(self._here, "before", ()), name)


class NotedObservations(Observations):
    """As `inner`, into which it puts what is observed."""

    def __init__(self, inner: Observations, looks: Looks) -> None:
        super().__init__(inner._wanted, inner.granted)
        self.facts, self._looks = inner.facts, looks

    def observe(self, name: str, probe: Callable[[], Any], seconds: float = DEADLINE) -> Any:
        seen = self._looks.facts[name] = self._looks.here()

        def noted() -> Any:
            with self._looks.noting(seen.keys):
                return probe()

        value = super().observe(name, noted, seconds)
        seen.had = bool(self.facts[name]["ok"])
        self._looks.looked_at(name)
        return value

    def observe_together(self, *probes: Probe) -> None:
        begun = self._looks.here()

        def look(probe: Probe) -> None:
            with self._looks.noting(set(begun.keys), begun.before):
                self.observe(probe.fact, probe.look)

        with ThreadPoolExecutor(max_workers=max(len(probes), 1)) as pool:
            list(pool.map(look, (probe for probe in probes if self.wants(probe.fact))))


class Ledger:
    """Over all conditions that were looked at."""

    def __init__(self) -> None:
        self._looks: dict[str, list[Looks]] = defaultdict(list)
        self._direct: dict[str, Keys] = defaultdict(set)
        self._facts: dict[str, set[str]] = defaultdict(set)

    def observe(
        self, answers: Mapping[str, str], systems: Collection[str] = COLLECTORS.keys()
    ) -> dict[str, dict[str, Any]]:
        """The facts of these systems, as `observing` has them."""
        looks = {system: Looks() for system in systems}
        noted = {system: _noted(COLLECTORS[system], looks[system]) for system in systems}
        *_before, (facts, _whole) = observing(answers, noted, noted)
        for system, each in looks.items():
            self._looks[system].append(each)
        self.judge(answers, facts)
        return facts

    def judge(self, answers: Mapping[str, str], facts: Mapping[str, Mapping[str, Any]]) -> None:
        """Each check by itself, whatever else has failed: it asks for more then."""
        for check in (check for check in checks.applying(answers) if check.system in facts):
            noted = Noted(answers, self._direct[check.name].add)
            self._facts[check.name] |= asked_by(check, Facts({check.system: facts[check.system]}, noted))

    @property
    def strays(self) -> Keys:
        return {key for looks in self._looks.values() for each in looks for key in each.strays}

    def asks(self, check: Check) -> Keys:
        found = self._direct[check.name].union(*(self._keys(check.system, name) for name in self._facts[check.name]))
        # Of one kind of sign-in, it is not judged by the other: whether it applies is no part of what it found.
        return found - {"identity.kind"} if check.kind else found

    def _keys(self, system: str, name: str) -> Keys:
        seen = [each.facts[name] for each in self._looks[system] if name in each.facts]
        found = {key for each in seen for key in each.keys}
        earlier = {other for each in seen for other in each.before if self._builds_on(system, name, other)}
        return found.union(*(self._keys(system, other) for other in earlier))

    def _builds_on(self, system: str, name: str, other: str) -> bool:
        def had(look: Looks, fact: str) -> bool:
            return fact in look.facts and look.facts[fact].had

        return not any(had(each, name) and not had(each, other) for each in self._looks[system])


def _noted(collect: Collector, looks: Looks) -> Collector:
    def noted(answers: Mapping[str, str], observations: Observations) -> None:
        with looks.noting(set()):
            collect(Noted(answers, looks.note), NotedObservations(observations, looks))

    return noted


LEDGER = Ledger()
