"""What is known of an installation, loaded once in a handful of queries and handed down; all that follows is pure.

A value of the moment it was loaded: whoever writes loads it again before reading what follows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from django.utils import timezone

from installer_tasks import answer_keys
from installer_tasks.models import Answer, Finding, Installation, Observation, Run, StageRun, Waiver
from installer_tasks.preflight import checks
from installer_tasks.preflight.checks.base import BAD, Check, Level
from installer_tasks.text import Text

SHELF_LIFE = timedelta(hours=24)


@dataclass(frozen=True)
class Item:
    """A check with what is known of it on this installation. `level` is None when it was never judged."""

    check: Check
    level: Level | None
    verdict: Mapping[str, Any]
    judged_at: datetime | None = None
    judged_level: Level | None = None  #: before `stale` and `waived` are told
    waiver: Waiver | None = None

    @property
    def name(self) -> str:
        return self.check.name

    @property
    def blocked_by(self) -> str:
        """The check that must be fixed first, if any."""
        return str(self.verdict.get("evidence", {}).get("blocked_by", ""))

    def sentence(self, part: str) -> Text | None:
        """`message`, `cause` or `remedy` as a Text."""
        data = self.verdict.get(part)
        return Text.from_json(data) if data else None


@dataclass(frozen=True)
class Levels:
    """What step states follow from: enough for a list of many installations, without verdicts and facts."""

    fingerprints: Mapping[str, str]  #: of saved answers, by key
    visible: Mapping[str, str]  #: effective values without the secrets, which are "" here always
    findings: Mapping[str, Finding]
    waivers: Mapping[str, Waiver]
    observations: Mapping[str, Observation]
    now: datetime

    @cached_property
    def items(self) -> tuple[Item, ...]:
        """Every check that applies, judged or not, in dependency order."""
        return tuple(map(self._item, checks.applying(self.visible)))

    def _item(self, check: Check) -> Item:
        level = self.level_of(check)
        row = self.findings.get(check.name)
        if row is None:
            return Item(check, None, {})
        return Item(check, level, row.verdict, row.judged_at, Level(row.level), self.waivers.get(check.name))

    @cached_property
    def levels(self) -> tuple[tuple[Check, Level | None], ...]:
        """As `items`, without what was found."""
        return tuple((check, self.level_of(check)) for check in checks.applying(self.visible))

    def level_of(self, check: Check) -> Level | None:
        """What a kept finding is worth now: stale when an answer has changed or time has passed, or waived."""
        row = self.findings.get(check.name)
        if row is None:
            return None
        changed = any(self.fingerprints.get(key, "") != fingerprint for key, fingerprint in row.reads.items())
        if changed or self.now - row.judged_at > SHELF_LIFE:
            return Level.STALE
        waiver = self.waivers.get(check.name)
        if waiver is None or (waiver.expires_at is not None and waiver.expires_at <= self.now):
            return Level(row.level)
        return Level.WAIVED if self._covers(waiver, check, row) else Level(row.level)

    def _covers(self, waiver: Waiver, check: Check, row: Finding) -> bool:
        """Who accepted a warning has not accepted what is worse."""
        if waiver.of_warning:
            return row.level == Level.WARN
        return row.level in BAD and not check.strict

    def answered(self, step: str) -> bool:
        """Whether each required key of the step that applies has an answer or a default."""
        asked = (key for key in answer_keys.of_step(step) if answer_keys.applies(key, self.visible))
        return all(not key.required or key.default or key.name in self.fingerprints for key in asked)


@dataclass(frozen=True)
class InstallationState(Levels):
    """All that pages show of one installation. `runs` are the newest first, each with `stages` by its number."""

    installation: Installation
    answers: Mapping[str, Answer]
    runs: tuple[Run, ...]
    stages: Mapping[int, tuple[StageRun, ...]]  #: by attempt; without their progress

    @property
    def last_run(self) -> Run | None:
        return self.runs[0] if self.runs else None

    def run(self, attempt: int) -> Run | None:
        return next((run for run in self.runs if run.attempt == attempt), None)

    def plain_answers(self) -> dict[str, str]:
        """Every saved answer in clear, secrets included; for plans, never for pages."""
        return {key: row.reveal() for key, row in self.answers.items()}


def load(installation: Installation) -> InstallationState:
    """`installation` comes with its workspace."""
    answers = _by("key", _own(installation.answers.select_related("changed_by"), installation))
    runs = tuple(_own(installation.runs.defer("sealed_plan").select_related("created_by"), installation))
    return InstallationState(
        fingerprints={key: row.fingerprint for key, row in answers.items()},
        visible=visible({key: row.value for key, row in answers.items()}),
        findings=_by("check_name", installation.findings.all()),
        waivers=_by("check_name", installation.waivers.select_related("person")),
        observations=_by("system", installation.observations.all()),
        now=timezone.now(),
        installation=installation,
        answers=answers,
        runs=runs,
        stages=_stages(runs),
    )


def _own(rows: Iterable[Any], installation: Installation) -> Iterable[Any]:
    """Rows that know their installation, so that none of them asks for it again."""
    for row in rows:
        row.installation = installation
        yield row


def _stages(runs: tuple[Run, ...]) -> dict[int, tuple[StageRun, ...]]:
    found: dict[int, list[StageRun]] = {run.pk: [] for run in runs}
    for row in StageRun.objects.filter(run__in=found).defer("progress", "facts") if runs else ():
        found[row.run_id].append(row)
    return {run.attempt: tuple(found[run.pk]) for run in runs}


def _by(name: str, rows: Iterable[Any]) -> dict[str, Any]:
    return {getattr(row, name): row for row in rows}


def visible(values: Mapping[str, str]) -> dict[str, str]:
    """Effective values for pages, from those of the rows, where secrets are "" always."""
    return {**answer_keys.with_defaults(values), **values}


def load_levels(installations: Iterable[int]) -> dict[int, Levels]:
    """Of many installations at once, one query for each kind of row."""
    pks, now = list(installations), timezone.now()
    answers = _grouped(pks, Answer.objects.only("installation", "key", "value", "fingerprint"))
    findings = _grouped(pks, Finding.objects.defer("verdict"))
    waivers = _grouped(pks, Waiver.objects.defer("reason"))
    observations = _grouped(pks, Observation.objects.defer("facts"))
    return {
        pk: Levels(
            fingerprints={row.key: row.fingerprint for row in answers[pk]},
            visible=visible({row.key: row.value for row in answers[pk]}),
            findings=_by("check_name", findings[pk]),
            waivers=_by("check_name", waivers[pk]),
            observations=_by("system", observations[pk]),
            now=now,
        )
        for pk in pks
    }


def _grouped(pks: list[int], rows: Any) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {pk: [] for pk in pks}
    for row in rows.filter(installation__in=pks):
        found[row.installation_id].append(row)
    return found
