"""Findings for a page: the root of a trouble first, what it blocks folded below it, passes folded but counted."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.translation import gettext

from installer_tasks.preflight import findings, fixes
from installer_tasks.preflight.checks import BY_NAME
from installer_tasks.preflight.checks.base import BAD, Level
from installer_tasks.preflight.state import InstallationState, Item
from wizard.presenters import states
from wizard.presenters.evidence import evidence, named
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
    fix_token: str = ""  #: of a fix that is done at once
    must_be_fixed: bool = False  #: it failed, and nobody may accept it
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
    reading: str = ""  #: how far a large file has been read

    @property
    def done(self) -> int:
        return len(self.passed)

    @property
    def again(self) -> bool:
        """Whether it makes sense to have the system looked at once more."""
        return self.state not in ("empty", "incomplete") and not self.checking


def panel(known: InstallationState, step: str) -> Panel:
    views = list(grouped(known, findings.of_step(known, step)))
    state = findings.step_state(known, step)
    return Panel(
        open=tuple(view for view in views if view.level not in ("pass", "")),
        passed=tuple(view for view in views if view.level == "pass"),
        unchecked=tuple(view for view in views if view.level == ""),
        checking=state == "checking",
        state=state,
        shown=states.STEP[state],
        total=sum(1 + len(view.blocks) for view in views),
        reading=_reading(known, step) if state == "checking" else "",
    )


def _reading(known: InstallationState, step: str) -> str:
    read = known.observations[step].progress
    if not read.get("size"):
        return ""
    share = {"file": read["file"], "percent": 100 * read["done"] // read["size"], "size": filesizeformat(read["size"])}
    return gettext("Reading %(file)s: %(percent)d%% of %(size)s") % share


def grouped(state: InstallationState, items: Iterable[Item]) -> list[FindingView]:
    """Most urgent first; a blocked one is folded below its cause when that is among them."""
    found = list(items)
    names = {item.name for item in found}
    roots = [item for item in found if not (item.level is Level.BLOCKED and item.blocked_by in names)]
    blocked = [item for item in found if item not in roots]
    views = [_view(state, item, _below(state, item.name, blocked)) for item in roots]
    return sorted(views, key=lambda view: ORDER.index(view.level))


def _below(state: InstallationState, name: str, blocked: list[Item]) -> tuple[FindingView, ...]:
    """What this one blocks, and what those block in turn."""
    direct = [item for item in blocked if item.blocked_by == name]
    further = [view for item in direct for view in _below(state, item.name, blocked)]
    return (*(_view(state, item) for item in direct), *further)


def _view(state: InstallationState, item: Item, blocks: tuple[FindingView, ...] = ()) -> FindingView:
    level = str(item.level or "")
    waiver = item.waiver if item.level is Level.WAIVED else None
    return FindingView(
        name=item.name,
        level=level,
        shown=states.LEVEL[level],
        title=gettext(item.check.title),
        message=_message(item),
        value=named(str(item.verdict.get("value") or "")),
        cause=_unless_repeated(render(item.sentence("cause")), item),
        remedy="" if item.level is Level.BLOCKED else render(item.sentence("remedy")),
        command=str(item.verdict.get("command") or ""),
        evidence=evidence(item.verdict.get("evidence") or {}),
        owner=states.OWNER[item.check.owner],
        judged_at=item.judged_at,
        touches=gettext(item.check.touches) if item.check.touches else "",
        can_waive=_can_waive(item),
        waived_by=waiver.person.get_username() if waiver else "",
        waiver_reason=waiver.reason if waiver else "",
        waived_until=waiver.expires_at if waiver else None,
        step_url=reverse("step", args=[state.installation.pk, item.check.system]),
        **_fix(item),
        must_be_fixed=item.level in BAD and _must_be_fixed(item) and item.level is not Level.BLOCKED,
        blocks=blocks,
    )


def _can_waive(item: Item) -> bool:
    """Any warning, and what failed by itself unless it must be fixed."""
    failed = item.level in BAD and item.level is not Level.BLOCKED
    return item.level is Level.WARN or (failed and not _must_be_fixed(item))


def _must_be_fixed(item: Item) -> bool:
    return item.check.strict or bool(item.verdict.get("hopeless"))


def _fix(item: Item) -> dict[str, str]:
    """Only for what is as it was judged: a stale finding speaks of other answers."""
    found = fixes.offered(item.name, item.verdict) if item.level not in (Level.STALE, None) else None
    return {"fix": gettext(found.label), "fix_token": found.shown(item.verdict)} if found else {}


def _message(item: Item) -> str:
    if item.level is Level.BLOCKED:
        cause = BY_NAME.get(item.blocked_by)
        return gettext("Not checked yet. It depends on: %(check)s.") % {
            "check": gettext(cause.title) if cause else item.blocked_by
        }
    return render(item.sentence("message"))


def _unless_repeated(cause: str, item: Item) -> str:
    blocked = item.level is Level.BLOCKED
    return "" if blocked or cause == render(item.sentence("message")) else cause


def blocking(state: InstallationState) -> list[FindingView]:
    """What keeps a run from starting, over all steps, most urgent first."""
    return _named(state, findings.blocking(state))


def tolerated(state: InstallationState) -> list[FindingView]:
    """What a run would start in spite of, over all steps."""
    return _named(state, findings.tolerated(state))


def _named(state: InstallationState, names: Collection[str]) -> list[FindingView]:
    return grouped(state, [item for item in state.items if item.name in names])
