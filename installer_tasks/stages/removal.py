"""Removing an object from the cluster, and waiting until it and what it held are gone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from installer_tasks.cluster import carvel
from installer_tasks.cluster.waiting import wait_for
from installer_tasks.errors import SystemFailure
from installer_tasks.stages.base import Context
from installer_tasks.stages.systems import GivesUp, cluster_of
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

Object = dict[str, Any]
GIVE_UP = 90.0


@dataclass(frozen=True)
class Left:
    """What is still there of what is being removed."""

    obj: Object | None
    others: tuple[str, ...] = ()


def find(context: Context, obj: Object) -> Object | None:
    """As it is in the cluster now."""
    metadata = obj["metadata"]
    return cluster_of(context).find(obj["apiVersion"], obj["kind"], metadata["name"], metadata.get("namespace", ""))


def remove(
    context: Context,
    obj: Object,
    *,
    deadline: float,
    others: Callable[[], tuple[str, ...]] = tuple,
    said: Callable[[Object], str] = lambda _obj: "",
) -> None:
    """Delete it and wait until it is gone; `others` names what goes with it, `said` is what the cluster says of it."""
    context.check_cancelled()
    metadata, kind = obj["metadata"], obj["kind"]
    cluster_of(context).delete(obj["apiVersion"], kind, metadata["name"], metadata.get("namespace", ""))
    failing = GivesUp(GIVE_UP)
    wait_for(
        lambda: _look(context, obj, others, failing),
        lambda left: left.obj is None,
        deadline=deadline,
        describe=lambda left: _waits(obj, left, said),
        cancelled=context.cancelled,
        on_wait=context.report.waiting_for,
    )
    context.report.event("undo.removed", kind=kind, name=metadata["name"])


def _look(context: Context, obj: Object, others: Callable[[], tuple[str, ...]], failing: GivesUp) -> Left:
    found = find(context, obj)
    if found is None:
        return Left(None)
    status = carvel.package_status(found)
    failing.look(status.state == "failed", lambda: _failed(obj, status.message))
    return Left(found, others())


def _waits(obj: Object, left: Left | None, said: Callable[[Object], str]) -> Text:
    kind, name = obj["kind"], obj["metadata"]["name"]
    words = said(left.obj) if left and left.obj else ""
    if left and left.others:
        template = _("%(kind)s %(name)s is gone; still there (%(count)s): %(names)s")
        return text(template, kind=kind, name=name, count=len(left.others), names=", ".join(left.others[:3]))
    return text(_("%(kind)s %(name)s is gone: %(said)s"), kind=kind, name=name, said=words or "…")


def _failed(obj: Object, said: str) -> SystemFailure:
    metadata = obj["metadata"]
    return SystemFailure(
        text(_("The cluster cannot remove %(kind)s %(name)s."), kind=obj["kind"], name=metadata["name"]),
        value=metadata["name"],
        remedy=text(_("See what kapp-controller says, mend that, then resume: it tries again by itself.")),
        detail=said,
        code="undo-failed",
    )
