"""What came of a rehearsed sign-in, for its page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext

from installer_tasks import findings
from installer_tasks.findings import Item
from installer_tasks.models import Installation
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


@dataclass(frozen=True)
class OfDirectory:
    """What the checks have seen of the test user: a finding a line, and the groups, one a line."""

    asked: str
    lines: tuple[RemarkView, ...]
    groups: str


def of_directory(installation: Installation) -> OfDirectory:
    user = findings.fact(installation, "identity", "ldap_user") or {}
    membership = findings.fact(installation, "identity", "ldap_membership") or {}
    shown = (item for item in findings.of_step(installation, "identity") if item.name in OF_THE_PERSON)
    return OfDirectory(
        asked=str(user.get("asked") or ""),
        lines=tuple(_line(item) for item in shown),
        groups="\n".join(membership.get("groups", ())),
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
