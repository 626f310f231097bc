"""Trials in the cluster: made in a namespace of their own, labelled, and removed also when the trial fails.

`sweep` removes what an interrupted trial left; every trial sweeps first. See trial_owner.py for what is left over.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from installer_tasks.cluster.client import Cluster
from installer_tasks.cluster.waiting import wait_for
from installer_tasks.errors import InstallerError, Refused, Stalled
from installer_tasks.facts import trial_owner
from installer_tasks.text import mark as _
from installer_tasks.text import text

LABEL = "tmc-sm-installer.io/trial"  #: its value is the mark of the installer that made it
#: No trial takes this long; an older one of another installer was left behind.
ABANDONED = timedelta(hours=1)
#: Seconds that any trial waits at the most, where somebody has set them.
PATIENCE = "TMC_INSTALLER_TRIAL_SECONDS"


def patience(usual: float) -> float:
    """How long to wait for the other side: `usual`, or what the environment says."""
    try:
        return float(os.environ[PATIENCE])
    except (KeyError, ValueError):
        return usual


@contextmanager
def trial_namespace(cluster: Cluster) -> Iterator[str]:
    """A labelled namespace that is gone afterwards. Refused when this user could not remove it again."""
    _require_delete(cluster)
    sweep(cluster)
    name = trial_owner.new_name("tmc-sm-installer-trial")
    labels = {LABEL: trial_owner.mark()}
    with trial_owner.running(name):
        cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
        try:
            yield name
        finally:
            # The finding matters more than the removal; what stays is swept by the next trial.
            with suppress(InstallerError):
                cluster.delete("v1", "Namespace", name)


def _require_delete(cluster: Cluster) -> None:
    if not cluster.can_i("delete", "namespaces"):
        raise Refused(
            text(_("The user of the kubeconfig may not delete namespaces, so no trial was made.")),
            value="delete namespaces",
            remedy=text(_("Use a kubeconfig of a cluster administrator.")),
            code="kubernetes-forbidden",
        )


def sweep(cluster: Cluster) -> int:
    """Remove the namespaces of interrupted trials; returns how many."""
    left = [item["metadata"]["name"] for item in cluster.list("v1", "Namespace", labels=LABEL) if _is_left_over(item)]
    removed = 0
    for name in left:
        with suppress(InstallerError):
            free_volumes(cluster, name)
        with suppress(InstallerError):  # another look may be sweeping too; what stays is for the next one
            removed += cluster.delete("v1", "Namespace", name)
    return removed


def _is_left_over(namespace: dict[str, Any]) -> bool:
    metadata = namespace["metadata"]
    if metadata.get("deletionTimestamp"):
        return False
    if metadata["labels"][LABEL] == trial_owner.mark():
        return not trial_owner.is_running(metadata["name"])
    created = datetime.fromisoformat(metadata["creationTimestamp"].replace("Z", "+00:00"))
    return datetime.now(UTC) - created > ABANDONED


def free_volumes(cluster: Cluster, namespace: str) -> None:
    """Have the volumes of a trial deleted with their claims, also where their class would keep them."""
    for volume in cluster.list("v1", "PersistentVolume"):
        spec = volume.get("spec") or {}
        ours = (spec.get("claimRef") or {}).get("namespace") == namespace
        if ours and spec.get("persistentVolumeReclaimPolicy") != "Delete":
            changed = {"spec": {"persistentVolumeReclaimPolicy": "Delete"}}
            metadata = {"name": volume["metadata"]["name"]}
            cluster.apply({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": metadata, **changed}, force=True)


def words_about(cluster: Cluster, namespace: str, name: str) -> str:
    """What the cluster's own events say of a trial object that does not come about; "" when they say nothing."""
    try:
        events = cluster.list("v1", "Event", namespace, fields=f"involvedObject.name={name}")
    except InstallerError:  # events only explain
        return ""
    newest = max(events, key=lambda event: (event.get("type") == "Warning", _seen(event)), default={})
    return str(newest.get("message") or "")[:1000]


def _seen(event: dict[str, Any]) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or event["metadata"].get("creationTimestamp", ""))


def wait_until(look: Callable[[], Any], stalled: Stalled, *, seconds: float) -> tuple[Any, int]:
    """Look until there is something; returns it and the whole seconds it took. Raises `stalled` when time is up."""
    started = time.monotonic()
    try:
        found = wait_for(look, bool, deadline=seconds, describe=lambda _state: stalled.cause, interval=0.2)
    except Stalled as waited:
        stalled.detail = waited.detail
        raise stalled from None
    return found, round(time.monotonic() - started)
