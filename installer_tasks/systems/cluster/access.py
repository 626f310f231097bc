"""The way to the cluster for everyone outside this package: without loading the library before somebody goes it."""

from __future__ import annotations

from installer_tasks.systems.cluster.interface import Cluster
from installer_tasks.systems.cluster.kubeconfig import Kubeconfig

TIMEOUT = 10.0


def connect(kubeconfig: Kubeconfig, timeout: float = TIMEOUT) -> Cluster:
    """Reach the cluster. Raises Unreachable, TlsFailure, Refused or Invalid. For several threads."""
    # Pages and most commands load the collectors and never go there: half a second of their start, and 30 MB.
    from installer_tasks.systems.cluster.client import Connection  # noqa: PLC0415

    return Connection(kubeconfig, timeout)
