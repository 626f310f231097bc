"""Looking at systems and judging them: each finding is kept as soon as the facts that it reads are in."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from installer_tasks import answers as answer_keys
from installer_tasks import checks, findings
from installer_tasks.checks.base import Check, Facts, Level, NotYet, Verdict, judge
from installer_tasks.facts import looking
from installer_tasks.models import Finding, Installation, Observation
from installer_tasks.secrets import Redactor

Seen = Mapping[str, Mapping[str, Any]]  #: facts by system and name
Look = Callable[[Mapping[str, str], Collection[str]], Iterable[tuple[Seen, bool]]]


class Collecting:
    """One look at some systems, in the order of the steps, with the answers as they are at its beginning."""

    def __init__(self, installation_id: int, systems: Collection[str], look: Look = looking) -> None:
        self._look = look
        self._installation = Installation.objects.select_related("workspace").get(pk=installation_id)
        self._systems = [system for system in answer_keys.STEPS if system in systems]
        self._answers = answer_keys.with_defaults(self._installation.plain_answers())
        self._checks = [check for system in self._systems for check in checks.of_system(system, self._answers)]
        self._started = timezone.now()
        Observation.objects.filter(installation=installation_id, system__in=systems).update(started_at=self._started)
        self._fingerprints = self._installation.fingerprints()
        self._redactor = self._installation.redactor()
        self._kept: dict[str, Verdict] = {}

    def carry_out(self) -> None:
        for seen, whole in self._look(self._answers, self._systems):
            found = self._judged(seen, whole=whole)
            new = {name: verdict for name, verdict in found.items() if self._kept.get(name) != verdict}
            if new or whole:
                self._keep(new, seen if whole else {})
            self._kept |= new

    def _judged(self, seen: Seen, *, whole: bool) -> dict[str, Verdict]:
        """All of the checks, or while facts are still coming in those that these facts are enough for."""
        found: dict[str, Verdict] = {}
        failed = self._failed_elsewhere()
        for check in self._checks:
            if not whole and not self._may_be_judged(check, found):
                continue
            facts = Facts({check.system: seen[check.system]}, self._answers, coming=not whole)
            try:
                found[check.name] = judge(check, facts, frozenset(failed))
            except NotYet:
                continue
            if found[check.name].level in findings.BAD:
                failed.add(check.name)
        return found

    def _failed_elsewhere(self) -> set[str]:
        """What a check needs may be one that is not judged now: its kept finding counts."""
        items = findings.of_installation(self._installation)
        return {item.name for item in items if item.level in findings.BAD and item.check not in self._checks}

    def _may_be_judged(self, check: Check, found: Mapping[str, Verdict]) -> bool:
        needs = (need for need in check.needs if checks.BY_NAME[need].applies(self._answers))
        return all(need in found or need.partition(".")[0] not in self._systems for need in needs)

    def _keep(self, verdicts: Mapping[str, Verdict], seen: Seen) -> None:
        """At once, or not at all."""
        with transaction.atomic():
            for system, facts in seen.items():
                keep_facts(self._installation, system, storable(self._redactor.clean_data(facts)), self._started)
            for name, verdict in verdicts.items():
                keep_finding(self._installation, checks.BY_NAME[name], verdict, self._fingerprints, self._redactor)
            self._installation.touch()


class Rechecking(Collecting):
    """Some checks of one system once more: what they need first, and what waits for them, are judged with them."""

    def __init__(self, installation_id: int, system: str, names: Collection[str]) -> None:
        super().__init__(installation_id, [system])
        self._system = system
        chosen = _with_needed(names) | self._waiting_for(names)
        self._checks = [check for check in self._checks if check.name in chosen]

    def carry_out(self) -> None:
        row = Observation.objects.filter(installation=self._installation, system=self._system).first()
        before: dict[str, Any] = row.facts if row else {}
        seen = self._facts(self._asked_for(before))
        self._keep(self._judged({self._system: seen}, whole=True), {self._system: before | seen})

    def _facts(self, wanted: frozenset[str]) -> dict[str, Any]:
        """A check that failed before may have read no further then: looked at until nothing more is asked for."""
        while True:
            *_before, (seen, _whole) = looking(self._answers, [self._system], wanted=wanted)
            found = seen[self._system]
            asked = self._asked_for(found)
            if asked <= wanted | found.keys():
                return found
            wanted |= asked

    def _asked_for(self, seen: Mapping[str, Any]) -> frozenset[str]:
        facts = Facts({self._system: seen}, self._answers)
        for check in self._checks:
            judge(check, facts, frozenset())
        return frozenset(facts.asked)

    def _waiting_for(self, names: Collection[str]) -> set[str]:
        """Those that were not judged because one of `names` had failed, or one that waits for it in turn."""
        found = set(names)
        for item in findings.of_step(self._installation, self._system):
            if item.level is Level.BLOCKED and found.intersection((*item.check.needs, item.blocked_by)):
                found.add(item.name)
        return found


def _with_needed(names: Collection[str]) -> set[str]:
    needed = {need for name in names for need in checks.BY_NAME[name].needs}
    return {*names, *(_with_needed(needed) if needed else ())}


def keep_facts(installation: Installation, system: str, facts: dict[str, Any], started: datetime) -> None:
    # The time of the start: a request that came in while this ran stays unanswered.
    Observation.objects.update_or_create(
        installation=installation,
        system=system,
        defaults={"facts": facts, "collected_at": started},
        create_defaults={"facts": facts, "collected_at": started, "requested_at": started},
    )


def keep_finding(
    installation: Installation, check: Check, verdict: Verdict, fingerprints: Mapping[str, str], redactor: Redactor
) -> None:
    Finding.objects.update_or_create(
        installation=installation,
        check_name=check.name,
        defaults={
            "level": verdict.level,
            "verdict": storable(redactor.clean_data(verdict_json(verdict))),
            "reads": {key: fingerprints.get(key, "") for key in check.reads},
            "judged_at": timezone.now(),
        },
    )


def storable(data: Any) -> Any:
    """The same without what PostgreSQL keeps in no JSON: NUL, and halves of characters."""
    if isinstance(data, str):
        return data.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()
    if isinstance(data, dict):
        return {storable(key): storable(value) for key, value in data.items()}
    if isinstance(data, list):
        return [storable(value) for value in data]
    return data


def verdict_json(verdict: Verdict) -> dict[str, Any]:
    """A verdict as plain data; texts stay template and parameters."""
    return {
        "level": verdict.level,
        "message": verdict.message.as_json(),
        "value": verdict.value,
        "cause": verdict.cause.as_json() if verdict.cause else None,
        "remedy": verdict.remedy.as_json() if verdict.remedy else None,
        "command": verdict.command,
        "evidence": dict(verdict.evidence),
    }


def collect_and_judge(installation_id: int, system: str) -> None:
    """Look at one system, or at what the checks that are asked for read of it. The body of the `collect` task."""
    row = Observation.objects.filter(installation=installation_id, system=system).first()
    if row is not None and row.only:
        Rechecking(installation_id, system, row.only).carry_out()
    else:
        Collecting(installation_id, [system]).carry_out()


def collect_and_judge_all(installation_id: int) -> list[str]:
    """Look at every system again, at all of them together; returns the names of what still blocks."""
    Collecting(installation_id, answer_keys.STEPS).carry_out()
    return findings.blocking(Installation.objects.get(pk=installation_id))
