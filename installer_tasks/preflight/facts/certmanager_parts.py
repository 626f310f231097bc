"""What cert-manager runs as, and its last words on a request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from installer_tasks.errors import Missing, Refused
from installer_tasks.preflight.shapes.certificates import Part
from installer_tasks.systems.cluster import certmanager
from installer_tasks.systems.cluster.interface import Cluster

PARTS = ("controller", "webhook", "cainjector")
#: Ends of the names of its Deployments, by part: those of the manifests, of Helm and of Tanzu packages.
_NAMES = {
    "webhook": ("cert-manager-webhook",),
    "cainjector": ("cert-manager-cainjector",),
    "controller": ("cert-manager", "cert-manager-controller"),
}
#: After these cert-manager asks the issuer no more by itself.
_FINAL = ("Failed", "Denied")


def parts(cluster: Cluster) -> dict[str, Part]:
    """Its Deployments by part, with how many pods are available; a part that is not found is left out."""
    found: dict[str, Part] = {}
    for deployment in cluster.list("apps/v1", "Deployment"):
        part = _part(deployment["metadata"]["name"])
        if part:
            found[part] = _state(deployment)
    return found


def _part(name: str) -> str:
    return next((part for part, ends in _NAMES.items() if name.endswith(ends)), "")


def _state(deployment: Mapping[str, Any]) -> Part:
    metadata = deployment["metadata"]
    return {
        "name": metadata["name"],
        "namespace": metadata["namespace"],
        "wanted": deployment["spec"].get("replicas", 1),
        "available": (deployment.get("status") or {}).get("availableReplicas") or 0,
    }


def final_refusal(cluster: Cluster, namespace: str) -> str:
    """The message of a CertificateRequest that is over and has brought nothing; "" while there is hope."""
    try:
        requests = cluster.list(certmanager.API, "CertificateRequest", namespace)
    except (Missing, Refused):
        return ""
    said = [str(item.get("message") or item["reason"]) for request in requests for item in _over(request)]
    return said[0] if said else ""


def _over(request: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    conditions = (request.get("status") or {}).get("conditions") or []
    return [
        item
        for item in conditions
        if (item.get("type") == "Ready" and item.get("status") == "False" and item.get("reason") in _FINAL)
        or (item.get("type") == "Denied" and item.get("status") == "True")
    ]
