"""What came of a rehearsed sign-in, for its page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext

from wizard.presenters import states
from wizard.presenters.states import Shown
from wizard.texts import render

_LEVELS = {"good": "pass", "warn": "warn", "bad": "fail"}


@dataclass(frozen=True)
class RemarkView:
    shown: Shown
    claim: str
    found: str
    message: str
    remedy: str


@dataclass(frozen=True)
class Outcome:
    """`headline` says it in one sentence; `groups` are as the token has them, one a line."""

    tone: str
    headline: str
    groups: str = ""
    more_groups: int = 0
    judged: bool = False
    remarks: tuple[RemarkView, ...] = ()
    value: str = ""
    remedy: str = ""


def outcome(kept: Mapping[str, Any] | None) -> Outcome | None:
    if not kept:
        return None
    error = kept.get("error")
    if error:
        return Outcome("bad", render(error["cause"]), value=error["value"], remedy=render(error["remedy"]))
    found = kept["judgement"]
    return Outcome(
        tone="good" if found["enters"] else "bad",
        headline=_headline(found),
        groups="\n".join(found["groups"]),
        more_groups=found["more_groups"],
        judged=True,
        remarks=tuple(_remark(remark) for remark in found["remarks"]),
    )


def _headline(found: Mapping[str, Any]) -> str:
    name = {"person": found["person"]}
    if not found["role"]:
        return gettext("%(person)s would enter as nobody: no group of theirs gives a role.") % name
    if not found["enters"]:
        return gettext("%(person)s has a role, but could not enter.") % name
    if found["role"] == "admin":
        return gettext("%(person)s would enter as an administrator.") % name
    return gettext("%(person)s would enter as a member.") % name


def _remark(remark: Mapping[str, Any]) -> RemarkView:
    return RemarkView(
        shown=states.LEVEL[_LEVELS[remark["tone"]]],
        claim=remark["claim"],
        found=remark["found"],
        message=render(remark["message"]),
        remedy=render(remark["remedy"]),
    )
