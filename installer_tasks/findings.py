"""Collect, then judge: ask for it, do it in a worker, keep it, and say what it means for a step and for a run.

A finding carries the fingerprints of the answers it judged. It is stale as soon as one of them differs, or when it is
older than SHELF_LIFE; nothing stale or red enters a run without a waiver.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from installer_tasks import answers as answer_keys
from installer_tasks import sessions
from installer_tasks.checks.base import Check, Level
from installer_tasks.models import Finding, Installation, Observation, Waiver
from installer_tasks.text import Text

log = logging.getLogger(__name__)

SHELF_LIFE = timedelta(hours=24)
BAD = frozenset({Level.FAIL, Level.BLOCKED, Level.ERROR})
#: What keeps a run from starting.
RED = BAD | {Level.STALE}


def request(installation: Installation, system: str) -> None:
    """Want this system looked at; the row is the job, the message only rings."""
    _want(installation, system, [])


def request_one(installation: Installation, check: Check) -> None:
    """Want one check judged again, from facts looked at anew; a whole look that is wanted already includes it."""
    row = installation.observations.filter(system=check.system).first()
    if row is None or (row.running and not row.only):
        request(installation, check.system)
    else:
        _want(installation, check.system, sorted({check.name, *(row.only if row.running else ())}))


def _want(installation: Installation, system: str, only: list[str]) -> None:
    Observation.objects.update_or_create(
        installation=installation, system=system, defaults={"requested_at": timezone.now(), "only": only}
    )
    installation.touch()
    transaction.on_commit(lambda: _ring(installation.pk, system))


def _ring(installation_id: int, system: str) -> None:
    from installer_tasks import tasks

    tasks.ring_collect(installation_id, system)


def request_stale(installation: Installation) -> tuple[str, ...]:
    """Want every system looked at whose step is answered and has a finding that is not fresh."""
    wanted = tuple(step for step in answer_keys.STEPS if _wants_a_look(installation, step))
    for step in wanted:
        request(installation, step)
    return wanted


def request_affected(installation: Installation, system: str) -> tuple[str, ...]:
    """Want `system` looked at, and every other one whose findings went stale by an answer that was just changed."""
    others = {item.check.system for item in of_installation(installation) if item.level is Level.STALE} - {system}
    wanted = (system, *(step for step in answer_keys.STEPS if step in others))
    for step in wanted:
        request(installation, step)
    return wanted


def _wants_a_look(installation: Installation, step: str) -> bool:
    answered = sessions.has_answer(installation, (key.name for key in answer_keys.of_step(step)))
    stale = any(item.level in (Level.STALE, Level.ERROR, None) for item in of_step(installation, step))
    return answered and stale


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
        """The check that must be mended first, if any."""
        return str(self.verdict.get("evidence", {}).get("blocked_by", ""))

    def sentence(self, part: str) -> Text | None:
        """`message`, `cause` or `remedy` as a Text."""
        data = self.verdict.get(part)
        return Text.from_json(data) if data else None


def of_step(installation: Installation, step: str) -> list[Item]:
    """Every check of the step that applies, judged or not, in dependency order."""
    return [item for item in of_installation(installation) if item.check.system == step]


def of_installation(installation: Installation) -> list[Item]:
    from installer_tasks import checks

    rows = {row.check_name: row for row in installation.findings.all()}
    waivers = {waiver.check_name: waiver for waiver in installation.waivers.all()}
    current = installation.fingerprints()
    applying = checks.applying(sessions.visible_answers(installation))
    return [_item(check, rows.get(check.name), waivers.get(check.name), current) for check in applying]


def _item(check: Check, row: Finding | None, waiver: Waiver | None, current: Mapping[str, str]) -> Item:
    if row is None:
        return Item(check, None, {})
    judged = Level(row.level)
    return Item(check, _effective(check, row, waiver, current), row.verdict, row.judged_at, judged, waiver)


def _effective(check: Check, row: Finding, waiver: Waiver | None, current: Mapping[str, str]) -> Level:
    changed = any(current.get(key, "") != fingerprint for key, fingerprint in row.reads.items())
    if changed or timezone.now() - row.judged_at > SHELF_LIFE:
        return Level.STALE
    waived = waiver is not None and (waiver.expires_at is None or waiver.expires_at > timezone.now())
    if waived and row.level in BAD and not check.strict:
        return Level.WAIVED
    return Level(row.level)


STEP_STATES = ("empty", "incomplete", "checking", "stale", "failed", "warned", "proven")


def step_state(installation: Installation, step: str) -> str:
    """One word for a step: see STEP_STATES."""
    keys = [key.name for key in answer_keys.of_step(step)]
    if not installation.answers.filter(key__in=keys).exists():
        return "empty"
    if not sessions.has_answer(installation, keys):
        return "incomplete"
    observation = installation.observations.filter(system=step).first()
    if observation and observation.running:
        return "checking"
    return _worst(item.level for item in of_step(installation, step))


def _worst(levels: Iterable[Level | None]) -> str:
    found = set(levels)
    if None in found or Level.STALE in found:
        return "stale"
    if found & BAD:
        return "failed"
    return "warned" if found & {Level.WARN, Level.WAIVED} else "proven"


def blocking(installation: Installation) -> list[str]:
    """Names of the checks that keep a run from starting: red, stale, or never judged."""
    return [item.name for item in of_installation(installation) if item.level is None or item.level in RED]


def checking(installation: Installation) -> bool:
    """Whether any system is being looked at now."""
    return any(observation.running for observation in installation.observations.all())


def fact(installation: Installation, system: str, name: str) -> Any:
    """An observed value for a page (choices of a form), or None when it could not be had."""
    row = installation.observations.filter(system=system).first()
    observed = row.facts.get(name) if row else None
    return observed["value"] if observed and observed["ok"] else None
