"""A Kubernetes API server in memory, good enough for kubectl, for the official client and for us."""

from __future__ import annotations

from installer_tasks.rehearsal.kube.kubeconfig import kubeconfig
from installer_tasks.rehearsal.kube.seed import apply_manifests, seed
from installer_tasks.rehearsal.kube.server import KubeServer
from installer_tasks.rehearsal.kube.store import GVR, Store, Watch
from installer_tasks.rehearsal.kube.users import User

__all__ = ["GVR", "KubeServer", "Store", "User", "Watch", "apply_manifests", "kubeconfig", "seed"]
