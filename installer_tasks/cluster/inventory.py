"""What a cluster consists of, as plain values for facts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from installer_tasks.cluster import certmanager
from installer_tasks.cluster.carvel import KAPPCTRL, PACKAGING
from installer_tasks.cluster.client import Cluster
from installer_tasks.cluster.quantity import parse, parse_size
from installer_tasks.errors import Missing

DEFAULT_CLASS = ("storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class")
CONTROL_PLANE = ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master")
#: Kinds that survive the deletion of the packages and then mix with a new installation.
LEFTOVERS = (
    (PACKAGING, "PackageInstall"),
    (PACKAGING, "PackageRepository"),
    (KAPPCTRL, "App"),
    (certmanager.API, "Certificate"),
    ("v1", "PersistentVolumeClaim"),
    ("v1", "Secret"),
)


def nodes(cluster: Cluster) -> list[dict[str, Any]]:
    """Every node: cpu in cores, memory and disk in bytes as allocatable, whether it takes our pods."""
    return [node(obj) for obj in cluster.list("v1", "Node")]


def node(obj: Mapping[str, Any]) -> dict[str, Any]:
    status, spec = obj.get("status") or {}, obj.get("spec") or {}
    allocatable, info = status.get("allocatable") or {}, status.get("nodeInfo") or {}
    labels = obj["metadata"].get("labels") or {}
    closed = any(taint.get("effect") in ("NoSchedule", "NoExecute") for taint in spec.get("taints") or [])
    return {
        "name": obj["metadata"]["name"],
        "control_plane": any(label in labels for label in CONTROL_PLANE),
        "schedulable": not spec.get("unschedulable", False) and not closed,
        "ready": any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions") or []),
        "cpu": parse(str(allocatable.get("cpu", "0"))),
        "memory": parse_size(str(allocatable.get("memory", "0"))),
        "disk": parse_size(str(allocatable.get("ephemeral-storage", "0"))),
        "architecture": str(info.get("architecture") or labels.get("kubernetes.io/arch", "")),
        "kubelet": str(info.get("kubeletVersion", "")),
    }


def storage_classes(cluster: Cluster) -> list[dict[str, Any]]:
    return [storage_class(obj) for obj in cluster.list("storage.k8s.io/v1", "StorageClass")]


def storage_class(obj: Mapping[str, Any]) -> dict[str, Any]:
    annotations = obj["metadata"].get("annotations") or {}
    return {
        "name": obj["metadata"]["name"],
        "provisioner": str(obj.get("provisioner", "")),
        "default": any(annotations.get(key) == "true" for key in DEFAULT_CLASS),
        "binding": str(obj.get("volumeBindingMode", "")),
    }


def kapp_controller(cluster: Cluster) -> dict[str, Any]:
    """Where kapp-controller runs and in which version; namespace empty when it is not there."""
    found = {"name": "", "namespace": "", "version": "", "resources": cluster.has_kind(PACKAGING, "PackageInstall")}
    for obj in cluster.list("apps/v1", "Deployment", fields="metadata.name=kapp-controller"):
        metadata = obj["metadata"]
        version = str((metadata.get("annotations") or {}).get("kapp-controller.carvel.dev/version", ""))
        found["name"], found["namespace"] = metadata["name"], metadata["namespace"]
        found["version"] = version.lstrip("v") or certmanager.workload_version(obj)
    return found


def leftovers(cluster: Cluster, namespace: str) -> dict[str, Any]:
    """What is in the namespace already, `Kind/name`, apart from what Kubernetes itself puts there."""
    objects: list[str] = []
    for api_version, kind in LEFTOVERS:
        try:
            found = cluster.list(api_version, kind, namespace)
        except Missing:  # a cluster that does not know the kind has none of it
            continue
        objects += [f"{kind}/{obj['metadata']['name']}" for obj in found if not _of_kubernetes(obj)]
    return {"namespace": namespace, "objects": objects}


def _of_kubernetes(obj: Mapping[str, Any]) -> bool:
    return obj.get("type") == "kubernetes.io/service-account-token"
