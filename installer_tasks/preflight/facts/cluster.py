"""The cluster as it is: version, rights, nodes, storage, packages, and what an earlier installation left."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar, cast

from installer_tasks import releases
from installer_tasks.errors import InstallerError
from installer_tasks.preflight.facts import cluster_parts, trial_volume
from installer_tasks.preflight.facts.base import Observations, Probe
from installer_tasks.preflight.shapes import cluster as shapes
from installer_tasks.systems.cluster import inventory
from installer_tasks.systems.cluster.access import connect
from installer_tasks.systems.cluster.concurrency import gather
from installer_tasks.systems.cluster.expiry import validity
from installer_tasks.systems.cluster.interface import Cluster
from installer_tasks.systems.cluster.kubeconfig import Kubeconfig, parse_kubeconfig
from installer_tasks.systems.cluster.rights import RIGHTS

T = TypeVar("T")


def collect(answers: Mapping[str, str], observations: Observations) -> None:
    parsed = _kubeconfig(answers, observations)
    if parsed is None:
        return
    cluster = observations.observe_with(shapes.VERSION, partial(connect, parsed), _version)
    if cluster is None:
        return

    def of_release(look: Callable[[Cluster, str], T]) -> Callable[[], T]:
        return lambda: look(cluster, releases.chosen(answers).namespace)

    probes: list[Probe] = [
        Probe(shapes.CLOCK, partial(cluster_parts.clock, cluster)),
        Probe(shapes.RIGHTS, partial(_rights, cluster)),
        Probe(shapes.NODES, partial(inventory.nodes, cluster)),
        Probe(shapes.REQUESTED, of_release(cluster_parts.requested)),
        Probe(shapes.STORAGE_CLASSES, partial(inventory.storage_classes, cluster)),
        Probe(shapes.VOLUME, partial(trial_volume.volume, cluster)),
        Probe(shapes.KAPP_CONTROLLER, partial(inventory.kapp_controller, cluster)),
        Probe(shapes.KINDS, partial(cluster_parts.kinds, cluster)),
        Probe(shapes.TRUST, partial(cluster_parts.trust, cluster, answers)),
        Probe(shapes.HOME, of_release(cluster_parts.home)),
        Probe(shapes.LIMITS, of_release(cluster_parts.limits)),
        Probe(shapes.LEFTOVERS, of_release(inventory.leftovers)),
        Probe(shapes.OTHER_CONTOURS, of_release(_other_contours)),
        Probe(shapes.INGRESS, of_release(cluster_parts.ingress)),
        Probe(shapes.WEBHOOKS, of_release(cluster_parts.webhooks)),
    ]
    try:
        observations.observe_together(*probes)
    finally:
        cluster.close()


def _kubeconfig(answers: Mapping[str, str], observations: Observations) -> Kubeconfig | None:
    def parsed() -> Kubeconfig:
        return parse_kubeconfig(answers["cluster.kubeconfig"], context=answers["cluster.context"])

    return observations.observe_with(shapes.KUBECONFIG, parsed, _access)


def _access(kubeconfig: Kubeconfig) -> shapes.Access:
    return {
        "contexts": list(kubeconfig.contexts),
        "context": kubeconfig.context,
        "server": kubeconfig.server,
        "user": kubeconfig.user_kind,
        "expires": _expiry(kubeconfig),
    }


def _expiry(kubeconfig: Kubeconfig) -> shapes.Expiry | None:
    """When the credentials expire, in how many seconds, and for how many they were given; None when they do not tell."""
    valid = validity(kubeconfig.user)
    if valid is None:
        return None
    return {
        "at": valid.until.isoformat(timespec="seconds"),
        "seconds": round((valid.until - datetime.now(UTC)).total_seconds()),
        "given": round((valid.until - valid.since).total_seconds()) if valid.since else None,
    }


def _version(cluster: Cluster) -> shapes.Version:
    return {"git_version": cluster.version()}


def _rights(cluster: Cluster) -> shapes.Rights:
    """One question for an administrator, who may do anything; else one a right."""
    who, anything = gather([partial(_who, cluster), partial(cluster.can_i, "*", "*", group="*")])
    asked = [partial(cluster.can_i, right.verb, right.resource, group=right.group, name=right.name) for right in RIGHTS]
    given = [True] * len(RIGHTS) if anything else gather(asked)
    missing = [
        cast("shapes.Right", right.as_json()) for right, allowed in zip(RIGHTS, given, strict=True) if not allowed
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
