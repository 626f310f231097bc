"""Findings: ask for them, and say what they mean for a step and for a run.

What they mean follows from the state of the installation alone (`state.load`). A finding carries the fingerprints of
the answers it judged. It is stale as soon as one of them differs, or when it is older than SHELF_LIFE; nothing stale
or red enters a run without a waiver.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TypeVar

from django.db import transaction
from django.utils import timezone

from installer_tasks import answer_keys, queue
from installer_tasks.models import Installation, Observation
from installer_tasks.preflight.checks.base import BAD, Check, Level
from installer_tasks.preflight.shapes.base import Fact
from installer_tasks.preflight.state import Item, Levels, load

log = logging.getLogger(__name__)

T = TypeVar("T")

#: What keeps a run from starting.
RED = BAD | {Level.STALE}
TOLERATED = frozenset({Level.WARN, Level.WAIVED})


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
    queue.enqueue_collect(installation_id, system)


def request_stale(installation: Installation) -> tuple[str, ...]:
    """Want every system looked at whose step is answered and has a finding that is not fresh."""
    state = load(installation)
    wanted = tuple(step for step in answer_keys.STEPS if state.answered(step) and _is_stale(state, step))
    for step in wanted:
        request(installation, step)
    return wanted


def _is_stale(state: Levels, step: str) -> bool:
    levels = (level for check, level in state.levels if check.system == step)
    return any(level in (Level.STALE, Level.ERROR, None) for level in levels)


def request_affected(installation: Installation, system: str) -> tuple[str, ...]:
    """Want `system` looked at, and every other one whose findings went stale by an answer that was just changed."""
    others = {check.system for check, level in load(installation).levels if level is Level.STALE} - {system}
    wanted = (system, *(step for step in answer_keys.STEPS if step in others))
    for step in wanted:
        request(installation, step)
    return wanted


def of_step(state: Levels, step: str) -> list[Item]:
    """Every check of the step that applies, judged or not, in dependency order."""
    return [item for item in state.items if item.check.system == step]


STEP_STATES = ("empty", "incomplete", "checking", "stale", "failed", "warned", "proven")


def step_state(state: Levels, step: str) -> str:
    """One word for a step: see STEP_STATES."""
    if not any(key.name in state.fingerprints for key in answer_keys.of_step(step)):
        return "empty"
    observation = state.observations.get(step)
    if observation and observation.running:
        return "checking"
    if not state.answered(step):
        return "incomplete"
    return _worst(level for check, level in state.levels if check.system == step)


def _worst(levels: Iterable[Level | None]) -> str:
    found = set(levels)
    if None in found or Level.STALE in found:
        return "stale"
    if found & BAD:
        return "failed"
    return "warned" if found & TOLERATED else "proven"


def blocking(state: Levels) -> list[str]:
    """Names of the checks that keep a run from starting: red, stale, or never judged."""
    return [check.name for check, level in state.levels if level is None or level in RED]


def tolerated(state: Levels) -> list[str]:
    """Names of the checks that are not green and yet let a run start: warnings, and what a person has accepted."""
    return [check.name for check, level in state.levels if level in TOLERATED]


def checking(state: Levels) -> bool:
    """Whether any system is being looked at now."""
    return any(observation.running for observation in state.observations.values())


def fact(state: Levels, name: Fact[T]) -> T | None:
    """An observed value for a page (choices of a form), or None when it could not be had."""
    row = state.observations.get(name.system)
    return observed(row, name) if row else None


def observed(row: Observation, name: Fact[T]) -> T | None:
    """The value in the row of the fact's system, or None when it could not be had."""
    found = row.facts.get(name)
    return found["value"] if found and found["ok"] else None
