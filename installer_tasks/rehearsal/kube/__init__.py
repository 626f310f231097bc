"""A Kubernetes API server in memory, good enough for kubectl, for the official client and for us."""

from __future__ import annotations

from installer_tasks.rehearsal.kube.store import GVR, Store, Watch

__all__ = ["GVR", "Store", "Watch"]
