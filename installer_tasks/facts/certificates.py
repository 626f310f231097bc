"""cert-manager, its issuers, the supplied authority, and a real trial certificate for a name of the zone."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from typing import Any

from installer_tasks import certificates, names
from installer_tasks.cluster import certmanager
from installer_tasks.cluster.client import Cluster, connect
from installer_tasks.cluster.kubeconfig import parse_kubeconfig
from installer_tasks.errors import Stalled
from installer_tasks.facts.base import DEADLINE, Observations
from installer_tasks.facts.trials import trial_namespace, wait_until
from installer_tasks.text import mark as _
from installer_tasks.text import text

#: cert-manager signs with a CA in a second; an ACME issuer by DNS needs minutes.
TRIAL_DEADLINE = 180.0


def collect(answers: Mapping[str, str], observations: Observations) -> None:
    observations.observe("authority", lambda: _authority(answers["certificates.ca"]))
    connections: list[Cluster] = []

    def cert_manager() -> dict[str, Any]:
        kubeconfig = parse_kubeconfig(answers["cluster.kubeconfig"], context=answers["cluster.context"])
        connections.append(connect(kubeconfig))
        return {
            "installed": connections[0].has_kind(certmanager.API, "ClusterIssuer"),
            "version": certmanager.version(connections[0]),
        }

    observations.observe("cert_manager", cert_manager)
    if not connections:
        return
    cluster = connections[0]
    try:
        observations.observe("issuers", lambda: [_issuer(item) for item in certmanager.issuers(cluster)])
        if _is_ready(answers, observations):
            _try(cluster, answers, observations)
    finally:
        cluster.close()


def _issuer(issuer: certmanager.Issuer) -> dict[str, Any]:
    return {"name": issuer.name, "kind": issuer.kind, "ready": issuer.ready, "message": issuer.message}


def _is_ready(answers: Mapping[str, str], observations: Observations) -> bool:
    found = observations.get("issuers") or []
    return any(item["name"] == answers["certificates.cluster_issuer"] and item["ready"] for item in found)


def _try(cluster: Cluster, answers: Mapping[str, str], observations: Observations) -> None:
    """A certificate for a name in the real zone: issued, removed, and verified against the supplied authority."""
    issued: list[str] = []

    def trial() -> dict[str, Any]:
        host, pem, seconds = _trial(cluster, answers)
        issued.append(pem)
        return {"name": host, "seconds": seconds}

    if observations.observe("trial", trial, seconds=TRIAL_DEADLINE + DEADLINE):
        observations.observe("chain", lambda: _judged(issued[0], answers["certificates.ca"]))


def _trial(cluster: Cluster, answers: Mapping[str, str]) -> tuple[str, str, int]:
    """The name, the PEM of its chain, and the seconds it took."""
    issuer = answers["certificates.cluster_issuer"]
    zone, name = names.parse_zone(answers["dns.zone"]), f"trial-{secrets.token_hex(4)}"
    with trial_namespace(cluster) as namespace:
        cluster.apply(certmanager.trial_certificate(name, namespace, issuer, f"{name}.{zone}"))
        chain, seconds = _issued(cluster, name, namespace, issuer)
    return f"{name}.{zone}", chain, seconds


def _issued(cluster: Cluster, name: str, namespace: str, issuer: str) -> tuple[str, int]:
    def look() -> str:
        secret = cluster.find("v1", "Secret", name, namespace) or {}
        return base64.b64decode(secret.get("data", {}).get("tls.crt", "")).decode()

    stalled = Stalled(
        text(_("ClusterIssuer %(name)s signed nothing within %(seconds)d seconds."), name=issuer,
             seconds=int(TRIAL_DEADLINE)),
        value=issuer,
        remedy=text(_("Look at the log of cert-manager: the issuer may not reach what it signs with.")),
    )  # fmt: skip
    try:
        return wait_until(look, stalled, seconds=TRIAL_DEADLINE)
    except Stalled:
        if message := certmanager.request_message(cluster, name, namespace):
            stalled.cause = text(_("cert-manager says: %(message)s"), message=message)
        raise


def _judged(pem: str, authority: str) -> dict[str, Any]:
    """Whether what was issued leads to the supplied authority, and if not why."""
    chain = certificates.parse_bundle(pem)
    verdict = certificates.verify_chain(chain, certificates.parse_bundle(authority, field="certificates.ca"))
    return {
        "issuer": chain[0].issuer.rfc4514_string(),
        "trusted": verdict.trusted,
        "reason": verdict.reason.as_json() if verdict.reason else None,
        "chain": [certificates.describe(item) for item in chain],
    }


def _authority(pem: str) -> dict[str, Any]:
    found = certificates.parse_bundle(pem, field="certificates.ca")
    return {
        "certificates": [certificates.describe(item) for item in found],
        "expired": [item.subject.rfc4514_string() for item in found if certificates.has_expired(item)],
    }
