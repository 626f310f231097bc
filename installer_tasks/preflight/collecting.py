"""Looking at systems and judging them: each finding is kept as soon as the facts that it reads are in."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction
from django.utils import timezone

from installer_tasks import answer_keys, saved_answers
from installer_tasks.local.redaction import Redactor
from installer_tasks.models import Finding, Installation, Observation, Source
from installer_tasks.preflight import bundle_access, checks, findings, outward
from installer_tasks.preflight.checks.base import BAD, Check, Facts, Level, NotYet, Verdict, asked_by, judge
from installer_tasks.preflight.facts import observing
from installer_tasks.preflight.facts.base import Reading
from installer_tasks.preflight.shapes.bundle import PACKAGES
from installer_tasks.preflight.state import load

Seen = Mapping[str, Mapping[str, Any]]  #: facts by system and name
PROGRESS_SECONDS = 2.0  #: between two words of how far a large file has been read
Observe = Callable[[Mapping[str, str], Collection[str]], Iterable[tuple[Seen, bool]]]


class Collecting:
    """One look at some systems, in the order of the steps, with the answers as they are at its beginning."""

    def __init__(self, installation_id: int, systems: Collection[str], observe: Observe | None = None) -> None:
        self._installation = Installation.objects.select_related("workspace").get(pk=installation_id)
        self._systems = [system for system in answer_keys.STEPS if system in systems]
        self._answers = answer_keys.with_defaults(self._installation.plain_answers())
        self._checks = [check for system in self._systems for check in checks.of_system(system, self._answers)]
        self._started = timezone.now()
        rows = Observation.objects.filter(installation=installation_id, system__in=systems)
        rows.update(started_at=self._started, progress={})
        self._fingerprints = self._installation.fingerprints()
        self._redactor = self._installation.redactor()
        refusals = outward.refusals(self._installation, self._systems, self._answers)
        self._granted = replace(bundle_access.granted(self._installation), refusals=refusals)
        self._told = time.monotonic()
        self._observe: Observe = observe or partial(observing, granted=self._granted, tell=self._tell)
        self._kept: dict[str, Verdict] = {}

    def carry_out(self) -> None:
        for seen, whole in self._observe(self._answers, self._systems):
            self._choose_release(seen)
            found = self._judged(seen, whole=whole)
            new = {name: verdict for name, verdict in found.items() if self._kept.get(name) != verdict}
            if new or whole:
                self._keep(new, seen if whole else {})
            self._kept |= new

    def _choose_release(self, seen: Seen) -> None:
        """The one in the folder, where no person has chosen; what follows is judged with it."""
        contents = seen.get("bundle", {}).get("contents")
        if self._answers["bundle.release"] or not contents or not contents["ok"]:
            return
        found = {"bundle.release": str(contents["value"]["release"])}
        saved_answers.save_answers(self._installation, found, source=Source.FOUND)
        self._answers = {**self._answers, **found}
        self._fingerprints = self._installation.fingerprints()

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
            if found[check.name].level in BAD:
                failed.add(check.name)
        return found

    def _tell(self, system: str, reading: Reading) -> None:
        """For pages; not so often that they are fetched again all the time."""
        if time.monotonic() - self._told < PROGRESS_SECONDS:
            return
        self._told = time.monotonic()
        rows = Observation.objects.filter(installation=self._installation, system=system)
        if rows.update(progress=storable(vars(reading))):
            self._installation.touch()

    def _failed_elsewhere(self) -> set[str]:
        """What a check needs may be one that is not judged now: its kept finding counts."""
        levels = load(self._installation).levels
        return {check.name for check, level in levels if level in BAD and check not in self._checks}

    def _may_be_judged(self, check: Check, found: Mapping[str, Verdict]) -> bool:
        needs = (need for need in check.needs if checks.BY_NAME[need].applies(self._answers))
        return all(need in found or need.partition(".")[0] not in self._systems for need in needs)

    def _keep(self, verdicts: Mapping[str, Verdict], seen: Seen) -> None:
        """At once, or not at all."""
        with transaction.atomic():
            for system, facts in seen.items():
                self._keep_description(facts.get(PACKAGES) if system == PACKAGES.system else None)
                keep_facts(self._installation, system, storable(self._redactor.clean_data(facts)), self._started)
            keep_findings(self._installation, verdicts, self._fingerprints, self._redactor)
            self._installation.touch()

    def _keep_description(self, packages: Any) -> None:
        """Of a release that is not known, what its download says becomes an answer that plans are made with."""
        if not packages or not packages["ok"]:
            return
        found = storable(packages["value"].get("described", "")) or None
        saved_answers.save_answers(self._installation, {answer_keys.DESCRIBED: found}, source=Source.FOUND)


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
            *_before, (seen, _whole) = observing(
                self._answers, [self._system], wanted=wanted, granted=self._granted, tell=self._tell
            )
            found = seen[self._system]
            asked = self._asked_for(found)
            if asked <= wanted | found.keys():
                return found
            wanted |= asked

    def _asked_for(self, seen: Mapping[str, Any]) -> frozenset[str]:
        facts = Facts({self._system: seen}, self._answers)
        return frozenset().union(*(asked_by(check, facts) for check in self._checks))

    def _waiting_for(self, names: Collection[str]) -> set[str]:
        """Those that were not judged because one of `names` had failed, or one that waits for it in turn."""
        found = set(names)
        for item in findings.of_step(load(self._installation), self._system):
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


def keep_findings(
    installation: Installation, verdicts: Mapping[str, Verdict], fingerprints: Mapping[str, str], redactor: Redactor
) -> None:
    """By the names of the checks; in one statement, for there are about a hundred of them."""
    now = timezone.now()
    rows = [
        Finding(
            installation=installation,
            check_name=name,
            level=verdict.level,
            verdict=storable(redactor.clean_data(verdict_json(verdict))),
            reads={key: fingerprints.get(key, "") for key in checks.BY_NAME[name].reads},
            judged_at=now,
        )
        for name, verdict in verdicts.items()
    ]
    Finding.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["installation", "check_name"],
        update_fields=["level", "verdict", "reads", "judged_at"],
    )
    hopeless = [name for name, verdict in verdicts.items() if verdict.hopeless]
    if hopeless:  # what was accepted before was something else
        installation.waivers.filter(check_name__in=hopeless).delete()


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
        "hopeless": verdict.hopeless,
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
    return findings.blocking(load(Installation.objects.get(pk=installation_id)))
