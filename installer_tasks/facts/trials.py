"""Trials in the cluster: made in a namespace of their own, labelled, and removed also when the trial fails.

`sweep` removes what an interrupted trial left; every trial sweeps first.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from installer_tasks.cluster.client import Cluster
from installer_tasks.cluster.waiting import wait_for
from installer_tasks.errors import InstallerError, Refused, Stalled
from installer_tasks.text import mark as _
from installer_tasks.text import text

LABEL = "tmc-sm-installer.io/trial"
#: A trial never takes this long; an older namespace was left by a killed worker.
ABANDONED = timedelta(minutes=10)


@contextmanager
def trial_namespace(cluster: Cluster) -> Iterator[str]:
    """A labelled namespace that is gone afterwards. Refused when this user could not remove it again."""
    _require_delete(cluster)
    sweep(cluster)
    name = f"tmc-sm-installer-trial-{secrets.token_hex(4)}"
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {LABEL: "true"}}})
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
    old = [item for item in cluster.list("v1", "Namespace", labels=f"{LABEL}=true") if _abandoned(item)]
    return sum(cluster.delete("v1", "Namespace", item["metadata"]["name"]) for item in old)


def _abandoned(namespace: dict[str, Any]) -> bool:
    created = datetime.fromisoformat(namespace["metadata"]["creationTimestamp"].replace("Z", "+00:00"))
    return datetime.now(UTC) - created > ABANDONED


def wait_until(look: Callable[[], Any], stalled: Stalled, *, seconds: float) -> tuple[Any, int]:
    """Look until there is something; returns it and the whole seconds it took. Raises `stalled` when time is up."""
    started = time.monotonic()
    try:
        found = wait_for(look, bool, deadline=seconds, describe=lambda _state: stalled.cause, interval=0.2)
    except Stalled as waited:
        stalled.detail = waited.detail
        raise stalled from None
    return found, round(time.monotonic() - started)
