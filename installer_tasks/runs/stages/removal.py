"""Removing an object from the cluster, and waiting until it and what it held are gone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from installer_tasks.errors import SystemFailure
from installer_tasks.runs.stages.base import Context
from installer_tasks.runs.stages.systems import FailureDeadline, cluster_of
from installer_tasks.systems.cluster import carvel
from installer_tasks.systems.cluster.waiting import wait_for
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _
from installer_tasks.text import mark_plural as ngettext

Object = dict[str, Any]
GIVE_UP = 90.0


@dataclass(frozen=True)
class Left:
    """What is still there of what is being removed."""

    obj: Object | None
    others: tuple[str, ...] = ()
    said: Text | str = ""


def find(context: Context, obj: Object) -> Object | None:
    """As it is in the cluster now."""
    metadata = obj["metadata"]
    return cluster_of(context).find(obj["apiVersion"], obj["kind"], metadata["name"], metadata.get("namespace", ""))


def status_of(obj: Object) -> str:
    """What the status of a package says."""
    return carvel.package_status(obj).message


def remove(
    context: Context,
    obj: Object,
    *,
    deadline: float,
    others: Callable[[], tuple[str, ...]] = tuple,
    said: Callable[[Object], Text | str] = status_of,
    meanwhile: Callable[[], None] = lambda: None,
) -> None:
    """Delete it and wait until it is gone.

    `others` names what goes with it, `said` tells why it is still there (by default what its status says), `meanwhile`
    is called at every look.
    """
    context.check_cancelled()
    metadata, kind = obj["metadata"], obj["kind"]
    cluster_of(context).delete(obj["apiVersion"], kind, metadata["name"], metadata.get("namespace", ""))
    failing = FailureDeadline(GIVE_UP)

    def look() -> Left:
        meanwhile()
        return _look(context, obj, failing, others=others, said=said)

    wait_for(
        look,
        lambda left: left.obj is None,
        deadline=deadline,
        describe=lambda left: _waits(obj, left),
        cancelled=context.cancelled,
        on_wait=context.report.waiting_for,
    )
    context.report.event("undo.removed", kind=kind, name=metadata["name"])


def _look(
    context: Context,
    obj: Object,
    failing: FailureDeadline,
    *,
    others: Callable[[], tuple[str, ...]],
    said: Callable[[Object], Text | str],
) -> Left:
    found = find(context, obj)
    if found is None:
        return Left(None)
    status = carvel.package_status(found)
    failing.look(status.state == "failed", lambda: _failed(obj, status.message))
    return Left(found, others(), said(found))


def _waits(obj: Object, left: Left | None) -> Text:
    """What is still there, and in any case why, as far as anybody says."""
    what = {"kind": obj["kind"], "name": obj["metadata"]["name"]}
    if left is None or not (left.others or left.said):
        return text(_("%(kind)s %(name)s to be deleted"), **what)
    if not left.others:
        return text(_("%(kind)s %(name)s to be deleted: %(said)s"), said=left.said, **what)
    more = {**what, "count": len(left.others), "names": ", ".join(left.others[:3])}
    if not left.said:
        template = ngettext(
            "%(kind)s %(name)s to be deleted; %(count)s still exists: %(names)s",
            "%(kind)s %(name)s to be deleted; %(count)s still exist: %(names)s",
        )
        return text(template, **more)
    template = ngettext(
        "%(kind)s %(name)s to be deleted; %(count)s still exists: %(names)s. %(said)s",
        "%(kind)s %(name)s to be deleted; %(count)s still exist: %(names)s. %(said)s",
    )
    return text(template, said=left.said, **more)


def _failed(obj: Object, said: str) -> SystemFailure:
    metadata = obj["metadata"]
    return SystemFailure(
        text(_("The cluster cannot delete %(kind)s %(name)s."), kind=obj["kind"], name=metadata["name"]),
        value=metadata["name"],
        remedy=text(
            _(
                "Check the status that kapp-controller reports, fix the problem, then "
                "resume: kapp-controller retries automatically."
            )
        ),
        detail=said,
        code="undo-failed",
    )
