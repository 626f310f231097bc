"""Findings for a page: the root of a trouble first, what it blocks folded below it, passes folded but counted."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext

from installer_tasks import answers as answer_keys
from installer_tasks import findings, fixes
from installer_tasks.checks import BY_NAME
from installer_tasks.checks.base import Level
from installer_tasks.findings import Item
from installer_tasks.models import Installation
from wizard.presenters import states
from wizard.presenters.states import Shown
from wizard.texts import render

#: Most urgent first.
ORDER = ("fail", "error", "stale", "", "warn", "waived", "blocked", "pass")


@dataclass(frozen=True)
class FindingView:
    name: str
    level: str
    shown: Shown
    title: str
    message: str
    value: str
    cause: str
    remedy: str
    command: str
    evidence: tuple[tuple[str, str], ...]
    owner: Any
    judged_at: datetime | None
    touches: str
    can_waive: bool
    waived_by: str
    waiver_reason: str
    waived_until: datetime | None
    step_url: str
    fix: str = ""  #: what the installer offers to do about it
    blocks: tuple[FindingView, ...] = ()


@dataclass(frozen=True)
class Panel:
    """What `_findings.html` shows of one step."""

    open: tuple[FindingView, ...]
    passed: tuple[FindingView, ...]
    unchecked: tuple[FindingView, ...]
    checking: bool
    state: str
    shown: Shown
    total: int = field(default=0)

    @property
    def done(self) -> int:
        return len(self.passed)

    @property
    def again(self) -> bool:
        """Whether it makes sense to have the system looked at once more."""
        return self.state not in ("empty", "incomplete") and not self.checking


def panel(installation: Installation, step: str) -> Panel:
    views = list(grouped(installation, findings.of_step(installation, step)))
    state = findings.step_state(installation, step)
    return Panel(
        open=tuple(view for view in views if view.level not in ("pass", "")),
        passed=tuple(view for view in views if view.level == "pass"),
        unchecked=tuple(view for view in views if view.level == ""),
        checking=state == "checking",
        state=state,
        shown=states.STEP[state],
        total=sum(1 + len(view.blocks) for view in views),
    )


def grouped(installation: Installation, items: Iterable[Item]) -> list[FindingView]:
    """Most urgent first; a blocked one is folded below its cause when that is among them."""
    found = list(items)
    names = {item.name for item in found}
    roots = [item for item in found if not (item.level is Level.BLOCKED and item.blocked_by in names)]
    blocked = [item for item in found if item not in roots]
    views = [_view(installation, item, _below(installation, item.name, blocked)) for item in roots]
    return sorted(views, key=lambda view: ORDER.index(view.level))


def _below(installation: Installation, name: str, blocked: list[Item]) -> tuple[FindingView, ...]:
    """What this one blocks, and what those block in turn."""
    direct = [item for item in blocked if item.blocked_by == name]
    further = [view for item in direct for view in _below(installation, item.name, blocked)]
    return (*(_view(installation, item) for item in direct), *further)


def _view(installation: Installation, item: Item, blocks: tuple[FindingView, ...] = ()) -> FindingView:
    level = str(item.level or "")
    waiver = item.waiver if item.level is Level.WAIVED else None
    return FindingView(
        name=item.name,
        level=level,
        shown=states.LEVEL[level],
        title=gettext(item.check.title),
        message=_message(item),
        value=str(item.verdict.get("value") or ""),
        cause=_unless_repeated(render(item.sentence("cause")), item),
        remedy="" if item.level is Level.BLOCKED else render(item.sentence("remedy")),
        command=str(item.verdict.get("command") or ""),
        evidence=evidence(item.verdict.get("evidence") or {}),
        owner=states.OWNER[item.check.owner],
        judged_at=item.judged_at,
        touches=gettext(item.check.touches) if item.check.touches else "",
        can_waive=item.level in findings.BAD and not item.check.strict and item.level is not Level.BLOCKED,
        waived_by=waiver.person.get_username() if waiver else "",
        waiver_reason=waiver.reason if waiver else "",
        waived_until=waiver.expires_at if waiver else None,
        step_url=reverse("step", args=[installation.pk, item.check.system]),
        fix=_fix(item),
        blocks=blocks,
    )


def _fix(item: Item) -> str:
    """Only for what is as it was judged: a stale finding speaks of other answers."""
    found = fixes.offered(item.name, item.verdict) if item.level not in (Level.STALE, None) else None
    return gettext(found.label) if found else ""


def _message(item: Item) -> str:
    if item.level is Level.BLOCKED:
        cause = BY_NAME.get(item.blocked_by)
        return gettext("Not judged yet. It depends on: %(check)s.") % {
            "check": gettext(cause.title) if cause else item.blocked_by
        }
    return render(item.sentence("message"))


def _unless_repeated(cause: str, item: Item) -> str:
    blocked = item.level is Level.BLOCKED
    return "" if blocked or cause == render(item.sentence("message")) else cause


def evidence(data: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Name and value, what has structure as indented JSON."""
    return tuple(
        (key, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=1))
        for key, value in data.items()
        if value not in ("", None, [], {}) and key != "blocked_by"
    )


def blocking(installation: Installation) -> list[FindingView]:
    """What keeps a run from starting, over all steps, most urgent first."""
    names = set(findings.blocking(installation))
    items = [item for step in answer_keys.STEPS for item in findings.of_step(installation, step)]
    return grouped(installation, [item for item in items if item.name in names])
