"""cert-manager: which issuers there are, whether they are ready, and a certificate to try one with."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from installer_tasks.errors import Missing, Refused
from installer_tasks.systems.cluster.interface import Cluster, Object

API = "cert-manager.io/v1"
NAMESPACE = "cert-manager"
#: Kinds of issuer, by the key of their spec.
KINDS = ("ca", "acme", "selfSigned", "vault", "venafi")


@dataclass(frozen=True)
class Issuer:
    """A ClusterIssuer and what it says of itself."""

    name: str
    kind: str  #: ca, acme, selfSigned, vault, venafi or other
    ready: bool
    message: str = ""
    secret: str = ""  #: of a CA issuer, in the cert-manager namespace


def issuers(cluster: Cluster) -> tuple[Issuer, ...]:
    """All ClusterIssuers, by name. Raises Missing when there is no cert-manager."""
    return tuple(sorted((issuer(obj) for obj in cluster.list(API, "ClusterIssuer")), key=lambda found: found.name))


def issuer(obj: Mapping[str, Any]) -> Issuer:
    spec = obj.get("spec") or {}
    ready, message = readiness(obj)
    return Issuer(
        name=obj["metadata"]["name"],
        kind=next((kind for kind in KINDS if kind in spec), "other"),
        ready=ready,
        message=message,
        secret=str((spec.get("ca") or {}).get("secretName", "")),
    )


def readiness(obj: Mapping[str, Any]) -> tuple[bool, str]:
    """Of an issuer or certificate: the Ready condition, for this generation of it, and its message."""
    for condition in (obj.get("status") or {}).get("conditions") or []:
        if condition.get("type") == "Ready":
            generation = obj["metadata"].get("generation")
            current = generation is None or condition.get("observedGeneration", generation) == generation
            return condition.get("status") == "True" and current, str(condition.get("message", ""))
    return False, ""


def version(cluster: Cluster) -> str:
    """Of the cert-manager controller, `1.10.2`; empty when it cannot be told from its image or labels."""
    deployments = cluster.list("apps/v1", "Deployment", labels="app.kubernetes.io/name=cert-manager")
    if not deployments:
        deployments = [found] if (found := cluster.find("apps/v1", "Deployment", "cert-manager", NAMESPACE)) else []
    return next(filter(None, map(workload_version, deployments)), "")


def workload_version(obj: Mapping[str, Any]) -> str:
    """From the version label, else from the tag of the first image that has one."""
    labels = obj["metadata"].get("labels") or {}
    found = [labels.get("app.kubernetes.io/version", ""), *map(_tag, _images(obj))]
    return next((value.lstrip("v") for value in found if re.match(r"v?\d+\.\d+", value)), "")


def _images(obj: Mapping[str, Any]) -> Iterable[str]:
    spec = ((obj.get("spec") or {}).get("template") or {}).get("spec") or {}
    return [str(container.get("image", "")) for container in spec.get("containers") or []]


def _tag(image: str) -> str:
    return image.partition("@")[0].rpartition("/")[2].partition(":")[2]


def trial_certificate(name: str, namespace: str, issuer_name: str, host: str) -> Object:
    """A certificate only to see that the issuer issues: short-lived, deleted after the look (see `forget_trial`)."""
    return {
        "apiVersion": API,
        "kind": "Certificate",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {"app.kubernetes.io/managed-by": "tmc-sm-installer"},
        },
        "spec": {
            "secretName": name,
            "dnsNames": [host],
            "duration": "1h0m0s",
            "renewBefore": "15m0s",
            "issuerRef": {"name": issuer_name, "kind": "ClusterIssuer", "group": "cert-manager.io"},
        },
    }


def forget_trial(cluster: Cluster, name: str, namespace: str) -> None:
    """Delete the trial and what it left; also the Secret, which cert-manager keeps."""
    cluster.delete(API, "Certificate", name, namespace)
    cluster.delete("v1", "Secret", name, namespace)


def request_message(cluster: Cluster, certificate: str, namespace: str) -> str:
    """Why a certificate is not issued, in the words of its newest CertificateRequest; empty when it says nothing."""
    newest = _newest_request(cluster, certificate, namespace)
    return readiness(newest)[1] if newest else ""


def denial(cluster: Cluster, certificate: str, namespace: str) -> str | None:
    """Why its newest CertificateRequest was denied, for good; None when it was not."""
    newest = _newest_request(cluster, certificate, namespace) or {}
    for each in (newest.get("status") or {}).get("conditions") or []:
        if each.get("type") == "Denied" and each.get("status") == "True":
            return str(each.get("message", ""))
    return None


def _newest_request(cluster: Cluster, certificate: str, namespace: str) -> Object | None:
    try:
        requests = cluster.list(API, "CertificateRequest", namespace)
    except (Missing, Refused):
        return None
    mine = [request for request in requests if _belongs(request, certificate)]
    return max(mine, key=lambda request: str(request["metadata"].get("creationTimestamp", "")), default=None)


def _belongs(request: Mapping[str, Any], certificate: str) -> bool:
    annotations = request["metadata"].get("annotations") or {}
    return bool(annotations.get("cert-manager.io/certificate-name") == certificate)
