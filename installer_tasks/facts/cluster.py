"""The cluster as it is: version, rights, nodes, storage, packages, and what an earlier installation left."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from installer_tasks import releases
from installer_tasks.cluster import inventory
from installer_tasks.cluster.abreast import side_by_side
from installer_tasks.cluster.client import Cluster, connect
from installer_tasks.cluster.expiry import expires_at
from installer_tasks.cluster.kubeconfig import Kubeconfig, parse_kubeconfig
from installer_tasks.errors import InstallerError
from installer_tasks.facts import cluster_looks, trial_volume
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
    ("get", "persistentvolumeclaims", ""),
    ("list", "persistentvolumes", ""),
    ("patch", "persistentvolumes", ""),
    ("get", "serviceaccounts", ""),
    ("list", "events", ""),
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
        "clock": partial(cluster_looks.clock, cluster),
        "rights": partial(_rights, cluster),
        "nodes": partial(inventory.nodes, cluster),
        "requested": partial(cluster_looks.requested, cluster, namespace),
        "storage_classes": partial(inventory.storage_classes, cluster),
        "volume": partial(trial_volume.volume, cluster),
        "kapp_controller": partial(inventory.kapp_controller, cluster),
        "kinds": partial(cluster_looks.kinds, cluster),
        "trust": partial(cluster_looks.trust, cluster, answers),
        "home": partial(cluster_looks.home, cluster, namespace),
        "limits": partial(cluster_looks.limits, cluster, namespace),
        "leftovers": partial(inventory.leftovers, cluster, namespace),
        "other_contours": partial(_other_contours, cluster, namespace),
        "ingress": partial(cluster_looks.ingress, cluster, namespace),
        "webhooks": partial(cluster_looks.webhooks, cluster, namespace),
    }
    try:
        observations.observe_together(looks)
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
            "expires": _expiry(chosen),
        }

    observations.observe("kubeconfig", look)
    return found[0] if found else None


def _expiry(kubeconfig: Kubeconfig) -> dict[str, Any] | None:
    """When the credentials expire and in how many seconds; None when they do not tell."""
    at = expires_at(kubeconfig.user)
    if at is None:
        return None
    return {"at": at.isoformat(timespec="seconds"), "seconds": round((at - datetime.now(UTC)).total_seconds())}


def _version(kubeconfig: Kubeconfig, connections: list[Cluster]) -> dict[str, str]:
    connections.append(connect(kubeconfig))
    return {"git_version": connections[0].version()}


def _rights(cluster: Cluster) -> dict[str, Any]:
    who, *answers = side_by_side(
        [
            partial(_who, cluster),
            *(partial(cluster.can_i, verb, resource, group=group) for verb, resource, group in RIGHTS),
        ]
    )
    missing = [
        {"verb": verb, "resource": f"{resource}.{group}".rstrip("."), "group": group}
        for (verb, resource, group), given in zip(RIGHTS, answers, strict=True)
        if not given
    ]
    return {"asked": len(RIGHTS), "missing": missing, "user": who}


def _who(cluster: Cluster) -> str:
    """As whom the cluster knows us; "" where it does not tell (before Kubernetes 1.28)."""
    try:
        review = cluster.create({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"})
    except InstallerError:
        return ""
    return str(((review.get("status") or {}).get("userInfo") or {}).get("username", ""))


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
