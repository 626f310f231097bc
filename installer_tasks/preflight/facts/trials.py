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

from installer_tasks.errors import Busy, InstallerError, Refused, Stalled
from installer_tasks.local.outside import shortened
from installer_tasks.preflight.facts import trial_owner
from installer_tasks.preflight.shapes.trial import Removal
from installer_tasks.systems.cluster import admission
from installer_tasks.systems.cluster.interface import Cluster
from installer_tasks.systems.cluster.waiting import wait_for
from installer_tasks.text import mark as _
from installer_tasks.text import text

LABEL = "tmc-sm-installer.io/trial"  #: its value is the mark of the installer that made it
#: No trial takes this long; an older one of another installer was left behind.
ABANDONED = timedelta(hours=1)
#: Groups of what trials make, and of what is made of it.
TRIED = frozenset({"", "*", "cert-manager.io"})
GOING = 10.0  #: seconds for a namespace to go
#: Seconds that any trial waits at the most, where somebody has set them.
PATIENCE = "TMC_INSTALLER_TRIAL_SECONDS"


def patience(usual: float) -> float:
    """How long to wait for the other side: `usual`, or what the environment says."""
    try:
        return float(os.environ[PATIENCE])
    except (KeyError, ValueError):
        return usual


class TrialNamespace(str):
    """Its name; once it was left, also whether it is gone."""

    gone = False
    words = ""  #: what the cluster says keeps it from going, apart from that it takes its time

    def removal(self) -> Removal:
        return {"namespace": str(self), "gone": self.gone, "words": self.words}


@contextmanager
def trial_namespace(cluster: Cluster) -> Iterator[TrialNamespace]:
    """A labelled namespace that is deleted afterwards. Refused when this user could not remove it again."""
    _require_delete(cluster)
    _require_webhooks(cluster)
    sweep(cluster)
    name = TrialNamespace(trial_owner.new_name("tmc-sm-installer-trial"))
    labels = {LABEL: trial_owner.mark()}
    with trial_owner.running(name):
        cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": str(name), "labels": labels}})
        try:
            yield name
        finally:
            # The finding matters more than the removal; what stays is swept by the next trial.
            with suppress(InstallerError):
                cluster.delete("v1", "Namespace", name)
        with suppress(InstallerError):
            _see_it_go(cluster, name)


def _see_it_go(cluster: Cluster, name: TrialNamespace) -> None:
    """For a few seconds: a namespace that goes slowly is no trouble, one that cannot go says so in its conditions."""
    waits = text(_("the test namespace to be deleted"))

    def look() -> bool:
        found = cluster.find("v1", "Namespace", name)
        name.gone, name.words = found is None, _cannot_go(found or {})
        return name.gone or bool(name.words)

    wait_for(look, bool, deadline=patience(GOING), describe=lambda _state: waits)


def _cannot_go(namespace: dict[str, Any]) -> str:
    conditions = (namespace.get("status") or {}).get("conditions") or []
    words = [str(each.get("message", "")) for each in conditions if each.get("status") == "True" and _fails(each)]
    return shortened(" ".join(words), 1000)


def _fails(condition: dict[str, Any]) -> bool:
    """Apart from what only says that something is left to delete."""
    kind = str(condition.get("type", ""))
    return kind.startswith("NamespaceDeletion") and kind.endswith("Failure")


def _require_delete(cluster: Cluster) -> None:
    if not cluster.can_i("delete", "namespaces"):
        raise Refused(
            text(_("The kubeconfig's user has no permission to delete namespaces, so the test was skipped.")),
            value="delete namespaces",
            remedy=text(_("Use a cluster administrator's kubeconfig.")),
            code="kubernetes-forbidden",
        )


def _require_webhooks(cluster: Cluster) -> None:
    """Where nobody answers for one, the cluster makes nothing of a trial, and waiting for it tells nothing."""
    labels = {"kubernetes.io/metadata.name": "tmc-sm-installer-trial"}
    dead = [hook for hook in admission.webhooks(cluster, labels, TRIED) if not hook["answers"]]
    if dead:
        raise Busy(
            text(
                _("The cluster's webhook %(webhook)s does not respond, so the test was skipped."),
                webhook=dead[0]["name"],
            ),
            value=dead[0]["service"],
            remedy=text(_("Fix the pods behind this Service, then check again.")),
            code="kubernetes-webhook",
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
    return shortened(str(newest.get("message") or ""), 1000)


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
