"""Every state a page shows: its word, its icon and its tone, so that colour is never alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy, pgettext_lazy

from installer_tasks.models import Run
from installer_tasks.preflight.checks.base import Level, Owner


@dataclass(frozen=True)
class Shown:
    """`tone` is one of: good, warn, bad, busy, idle."""

    word: Any
    icon: str
    tone: str


STEP: Mapping[str, Shown] = {
    "empty": Shown(gettext_lazy("not started"), "ring", "idle"),
    "incomplete": Shown(gettext_lazy("incomplete"), "half", "idle"),
    "checking": Shown(gettext_lazy("checking"), "busy", "busy"),
    "stale": Shown(gettext_lazy("needs checking"), "clock", "warn"),
    "failed": Shown(gettext_lazy("failed"), "cross", "bad"),
    "warned": Shown(gettext_lazy("verified, with warnings"), "warn", "warn"),
    "proven": Shown(gettext_lazy("verified"), "check", "good"),
}

LEVEL: Mapping[str, Shown] = {
    Level.PASS: Shown(gettext_lazy("passed"), "check", "good"),
    Level.WARN: Shown(gettext_lazy("warning"), "warn", "warn"),
    Level.FAIL: Shown(gettext_lazy("failed"), "cross", "bad"),
    Level.BLOCKED: Shown(gettext_lazy("blocked"), "block", "idle"),
    Level.ERROR: Shown(gettext_lazy("could not run"), "question", "bad"),
    Level.STALE: Shown(gettext_lazy("outdated"), "clock", "warn"),
    Level.WAIVED: Shown(gettext_lazy("waived"), "waived", "warn"),
    "": Shown(gettext_lazy("not checked yet"), "ring", "idle"),
}

STAGE: Mapping[str, Shown] = {
    "waiting": Shown(gettext_lazy("waiting"), "ring", "idle"),
    "running": Shown(pgettext_lazy("state of a stage", "in progress"), "busy", "busy"),
    "succeeded": Shown(gettext_lazy("done"), "check", "good"),
    "kept": Shown(gettext_lazy("already done"), "check", "good"),
    "failed": Shown(gettext_lazy("failed"), "cross", "bad"),
    "cancelled": Shown(gettext_lazy("stopped"), "block", "idle"),
}

RUN: Mapping[str, Shown] = {
    "queued": Shown(gettext_lazy("waiting for a worker"), "clock", "busy"),
    "running": Shown(gettext_lazy("installing"), "busy", "busy"),
    "cancelling": Shown(gettext_lazy("stopping"), "busy", "warn"),
    "succeeded": Shown(gettext_lazy("installed"), "check", "good"),
    "failed": Shown(gettext_lazy("failed"), "cross", "bad"),
    "cancelled": Shown(gettext_lazy("stopped"), "block", "idle"),
}

UNDOING: Mapping[str, Shown] = {
    **RUN,
    "running": Shown(gettext_lazy("removing"), "busy", "busy"),
    "succeeded": Shown(gettext_lazy("removed"), "check", "idle"),
}


def of_run(run: Run) -> Shown:
    return (UNDOING if run.undoes else RUN)[run.state]


OWNER: Mapping[str, Any] = {
    Owner.INSTALLER: gettext_lazy("you"),
    Owner.PLATFORM: gettext_lazy("platform team"),
    Owner.NETWORK: gettext_lazy("network team"),
    Owner.IDENTITY: gettext_lazy("identity team"),
    Owner.REGISTRY: gettext_lazy("registry team"),
    Owner.SECURITY: gettext_lazy("security team"),
}

SOURCE: Mapping[str, Any] = {
    "default": gettext_lazy("default"),
    "found": gettext_lazy("found"),
    "template": gettext_lazy("from a template"),
    "import": gettext_lazy("imported"),
    "generated": gettext_lazy("generated"),
    "person": gettext_lazy("entered"),
}
