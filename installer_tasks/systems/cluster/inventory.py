"""What a cluster consists of, as plain values for facts."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from functools import partial
from typing import Any

from installer_tasks.errors import Missing
from installer_tasks.systems.cluster import certmanager
from installer_tasks.systems.cluster.carvel import KAPPCTRL, PACKAGING
from installer_tasks.systems.cluster.concurrency import gather
from installer_tasks.systems.cluster.interface import Cluster
from installer_tasks.systems.cluster.quantity import parse, parse_size
from installer_tasks.systems.cluster.values import KappController, Leftovers, Node, Quota, StorageClass

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
HTTP_PROXIES = "httpproxies.projectcontour.io"
#: Taints that Kubernetes sets by itself: a node with one of them is ill, not closed.
ILL = "node.kubernetes.io/"
PRESSURES = ("DiskPressure", "MemoryPressure", "PIDPressure", "NetworkUnavailable")


def nodes(cluster: Cluster) -> list[Node]:
    """Every node: cpu in cores, memory and disk in bytes as allocatable, whether it takes our pods."""
    return [node(obj) for obj in cluster.list("v1", "Node")]


def node(obj: Mapping[str, Any]) -> Node:
    status, spec = obj.get("status") or {}, obj.get("spec") or {}
    allocatable, info = status.get("allocatable") or {}, status.get("nodeInfo") or {}
    labels = obj["metadata"].get("labels") or {}
    closed = any(
        taint.get("effect") in ("NoSchedule", "NoExecute") and not str(taint.get("key", "")).startswith(ILL)
        for taint in spec.get("taints") or []
    )
    conditions = {str(c["type"]): str(c["status"]) for c in status.get("conditions") or []}
    return {
        "name": obj["metadata"]["name"],
        "control_plane": any(label in labels for label in CONTROL_PLANE),
        "schedulable": not spec.get("unschedulable", False) and not closed,
        "ready": conditions.get("Ready") == "True",
        "pressures": [kind for kind in PRESSURES if conditions.get(kind) == "True"],
        "cpu": parse(str(allocatable.get("cpu", "0"))),
        "memory": parse_size(str(allocatable.get("memory", "0"))),
        "disk": parse_size(str(allocatable.get("ephemeral-storage", "0"))),
        "architecture": str(info.get("architecture") or labels.get("kubernetes.io/arch", "")),
        "kubelet": str(info.get("kubeletVersion", "")),
    }


def storage_classes(cluster: Cluster) -> list[StorageClass]:
    return [storage_class(obj) for obj in cluster.list("storage.k8s.io/v1", "StorageClass")]


def storage_class(obj: Mapping[str, Any]) -> StorageClass:
    annotations = obj["metadata"].get("annotations") or {}
    return {
        "name": obj["metadata"]["name"],
        "provisioner": str(obj.get("provisioner", "")),
        "default": any(annotations.get(key) == "true" for key in DEFAULT_CLASS),
        "binding": str(obj.get("volumeBindingMode", "")),
        "reclaim": str(obj.get("reclaimPolicy", "")),
    }


def kapp_controller(cluster: Cluster) -> KappController:
    """Where kapp-controller runs and in which version; namespace empty when it is not there."""
    found: KappController = {
        "name": "",
        "namespace": "",
        "version": "",
        "available": False,
        "resources": all(cluster.has_kind(PACKAGING, kind) for kind in ("PackageInstall", "PackageRepository")),
    }
    for obj in cluster.list("apps/v1", "Deployment", fields="metadata.name=kapp-controller"):
        metadata = obj["metadata"]
        version = str((metadata.get("annotations") or {}).get("kapp-controller.carvel.dev/version", ""))
        found["name"], found["namespace"] = metadata["name"], metadata["namespace"]
        found["version"] = version.lstrip("v") or certmanager.workload_version(obj)
        found["available"] = ((obj.get("status") or {}).get("availableReplicas") or 0) > 0
    return found


def trusted(secret: Mapping[str, Any] | None, config_map: Mapping[str, Any] | None) -> str:
    """The authorities in kapp-controller's configuration; a Secret hides a ConfigMap of the same name."""
    if secret is None:
        return str(((config_map or {}).get("data") or {}).get("caCerts", ""))
    return base64.b64decode((secret.get("data") or {}).get("caCerts", "")).decode("utf-8", "replace")


def says_anything(secret: Mapping[str, Any] | None, config_map: Mapping[str, Any] | None) -> bool:
    """Whether any key of kapp-controller's configuration has a value."""
    data = ((config_map if secret is None else secret) or {}).get("data") or {}
    return any(str(value or "").strip() for value in data.values())


def leftovers(cluster: Cluster, namespace: str) -> Leftovers:
    """What is in the namespace already, `Kind/name`, apart from what Kubernetes itself puts there."""
    found = gather(partial(objects, cluster, *kind, namespace) for kind in LEFTOVERS)
    left = [f"{obj['kind']}/{obj['metadata']['name']}" for some in found for obj in some if not _of_kubernetes(obj)]
    return {"namespace": namespace, "objects": left}


def objects(cluster: Cluster, api_version: str, kind: str, namespace: str) -> list[dict[str, Any]]:
    """A cluster that does not know the kind has none of it."""
    try:
        return cluster.list(api_version, kind, namespace)
    except Missing:
        return []


def requests(pod: Mapping[str, Any]) -> tuple[float, float]:
    """Cores and bytes that the scheduler keeps for a pod, init containers apart: they are over by then."""
    spec = pod.get("spec") or {}
    asked = [((container.get("resources") or {}).get("requests") or {}) for container in spec.get("containers") or []]
    asked.append(spec.get("overhead") or {})
    cpu = sum(parse(str(one.get("cpu", "0"))) for one in asked)
    return cpu, sum(parse(str(one.get("memory", "0"))) for one in asked)


def quota(obj: Mapping[str, Any]) -> Quota:
    """What a ResourceQuota allows of each resource, as numbers."""
    hard = (obj.get("spec") or {}).get("hard") or {}
    return {"name": obj["metadata"]["name"], "hard": {key: parse(str(value)) for key, value in hard.items()}}


def _of_kubernetes(obj: Mapping[str, Any]) -> bool:
    return obj.get("type") == "kubernetes.io/service-account-token"
