"""The cluster as it is: version, rights, nodes, storage, packages, and what an earlier installation left."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from installer_tasks import releases
from installer_tasks.cluster import inventory
from installer_tasks.cluster.carvel import PACKAGING
from installer_tasks.cluster.client import Cluster, connect
from installer_tasks.cluster.kubeconfig import Kubeconfig, parse_kubeconfig
from installer_tasks.facts import trial_volume
from installer_tasks.facts.base import Observations

#: Every right that checks and stages use: verb, resource, API group. `*` is what cluster-admin has; the package's
#: own service account gets it, and only who has it may give it.
RIGHTS: tuple[tuple[str, str, str], ...] = (
    ("create", "namespaces", ""),
    ("patch", "namespaces", ""),
    ("delete", "namespaces", ""),
    ("list", "nodes", ""),
    ("list", "pods", ""),
    ("get", "pods/log", ""),
    ("create", "pods", ""),
    ("create", "persistentvolumeclaims", ""),
    ("patch", "persistentvolumes", ""),
    ("get", "configmaps", ""),
    ("create", "secrets", ""),
    ("patch", "secrets", ""),
    ("get", "secrets", ""),
    ("create", "services", ""),
    ("create", "serviceaccounts", ""),
    ("patch", "deployments", "apps"),
    ("list", "storageclasses", "storage.k8s.io"),
    ("create", "clusterroles", "rbac.authorization.k8s.io"),
    ("create", "clusterrolebindings", "rbac.authorization.k8s.io"),
    ("create", "packagerepositories", "packaging.carvel.dev"),
    ("create", "packageinstalls", "packaging.carvel.dev"),
    ("list", "clusterissuers", "cert-manager.io"),
    ("create", "certificates", "cert-manager.io"),
    ("*", "*", "*"),
)


def collect(answers: Mapping[str, str], observations: Observations) -> None:
    parsed = _kubeconfig(answers, observations)
    if parsed is None:
        return
    connections: list[Cluster] = []
    observations.observe("version", lambda: _version(parsed, connections))
    if not connections:
        return
    cluster = connections[0]
    namespace = releases.chosen(answers).namespace
    looks: dict[str, Callable[[], Any]] = {
        "rights": partial(_rights, cluster),
        "nodes": partial(inventory.nodes, cluster),
        "storage_classes": partial(inventory.storage_classes, cluster),
        "kapp_controller": partial(_kapp_controller, cluster),
        "leftovers": partial(inventory.leftovers, cluster, namespace),
        "volume": partial(trial_volume.volume, cluster),
        "other_contours": partial(_other_contours, cluster, namespace),
    }
    try:
        for name, look in looks.items():
            observations.observe(name, look)
    finally:
        cluster.close()


def _kubeconfig(answers: Mapping[str, str], observations: Observations) -> Kubeconfig | None:
    found: list[Kubeconfig] = []

    def look() -> dict[str, Any]:
        found.append(parse_kubeconfig(answers["cluster.kubeconfig"], context=answers["cluster.context"]))
        chosen = found[0]
        return {
            "contexts": list(chosen.contexts),
            "context": chosen.context,
            "server": chosen.server,
            "user": chosen.user_kind,
        }

    observations.observe("kubeconfig", look)
    return found[0] if found else None


def _version(kubeconfig: Kubeconfig, connections: list[Cluster]) -> dict[str, str]:
    cluster = connect(kubeconfig)
    version = cluster.version()
    connections.append(cluster)
    return {"git_version": version}


def _rights(cluster: Cluster) -> dict[str, Any]:
    missing = [
        {"verb": verb, "resource": f"{resource}.{group}".rstrip("."), "group": group}
        for verb, resource, group in RIGHTS
        if not cluster.can_i(verb, resource, group=group)
    ]
    return {"asked": len(RIGHTS), "missing": missing}


def _kapp_controller(cluster: Cluster) -> dict[str, Any]:
    found = inventory.kapp_controller(cluster)
    deployment = cluster.find("apps/v1", "Deployment", "kapp-controller", found["namespace"]) if found["name"] else None
    available = ((deployment or {}).get("status") or {}).get("availableReplicas") or 0
    served = cluster.has_kind(PACKAGING, "PackageInstall") and cluster.has_kind(PACKAGING, "PackageRepository")
    return {**found, "available": available > 0, "resources": served}


def _other_contours(cluster: Cluster, namespace: str) -> list[str]:
    """Contour deployments elsewhere, told by their image or name."""
    deployments = cluster.list("apps/v1", "Deployment")
    return [
        f"{item['metadata']['namespace']}/{item['metadata']['name']}"
        for item in deployments
        if item["metadata"]["namespace"] != namespace and _is_contour(item)
    ]


def _is_contour(deployment: Mapping[str, Any]) -> bool:
    containers = deployment.get("spec", {}).get("template", {}).get("spec", {}).get("containers") or []
    images = [str(container.get("image", "")).rpartition("/")[2] for container in containers]
    return any(image.partition(":")[0] == "contour" for image in images)
