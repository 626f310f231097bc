"""What came of a rehearsed sign-in, for its page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext

from installer_tasks.preflight import findings
from installer_tasks.preflight.shapes import identity
from installer_tasks.preflight.state import InstallationState, Item
from wizard.presenters import states
from wizard.presenters.states import Shown
from wizard.texts import render

#: Checks that speak of the test user.
OF_THE_PERSON = tuple(f"identity.ldap-{name}" for name in ("user-found", "user-name", "sign-in", "role"))
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
    code: str = ""


def outcome(kept: Mapping[str, Any] | None) -> Outcome | None:
    if not kept:
        return None
    error = kept.get("error")
    if error:
        return Outcome(
            "bad", render(error["cause"]), value=error["value"], remedy=render(error["remedy"]), code=error["code"]
        )
    found = kept["judgement"]
    return Outcome(
        tone="good" if found["enters"] else "bad",
        headline=_headline(found),
        groups="\n".join(found["groups"]),
        more_groups=found["more_groups"],
        judged=True,
        remarks=tuple(_remark(remark) for remark in found["remarks"]),
    )


@dataclass(frozen=True)
class OfDirectory:
    """What the checks have seen of the test user: a finding a line, and the groups, one a line."""

    asked: str
    lines: tuple[RemarkView, ...]
    groups: str


def of_directory(state: InstallationState) -> OfDirectory:
    user = findings.fact(state, identity.LDAP_USER)
    membership = findings.fact(state, identity.LDAP_MEMBERSHIP)
    shown = (item for item in findings.of_step(state, "identity") if item.name in OF_THE_PERSON)
    return OfDirectory(
        asked=user["asked"] if user else "",
        lines=tuple(_line(item) for item in shown),
        groups="\n".join(membership["groups"] if membership else ()),
    )


def _line(item: Item) -> RemarkView:
    return RemarkView(
        shown=states.LEVEL[str(item.level or "")],
        claim=gettext(item.check.title),
        found=str(item.verdict.get("value") or ""),
        message=render(item.sentence("message")),
        remedy=render(item.sentence("remedy")),
    )


def _headline(found: Mapping[str, Any]) -> str:
    name = {"person": found["person"]}
    if not found["role"]:
        return gettext("%(person)s would get no role: none of their groups grants one.") % name
    if not found["enters"]:
        return gettext("%(person)s has a role, but could not sign in.") % name
    if found["role"] == "admin":
        return gettext("%(person)s would get the administrator role.") % name
    return gettext("%(person)s would get the member role.") % name


def _remark(remark: Mapping[str, Any]) -> RemarkView:
    return RemarkView(
        shown=states.LEVEL[_LEVELS[remark["tone"]]],
        claim=remark["claim"],
        found=remark["found"],
        message=render(remark["message"]),
        remedy=render(remark["remedy"]),
    )
