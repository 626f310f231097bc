"""cert-manager, its issuers, the supplied authority, and a real trial certificate for a name of the zone."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from cryptography import x509

from installer_tasks import certificates, names
from installer_tasks.certificates.anatomy import anatomy, is_self_signed
from installer_tasks.certificates.chains import signed_by
from installer_tasks.cluster import certmanager
from installer_tasks.cluster.client import Cluster, connect
from installer_tasks.cluster.kubeconfig import parse_kubeconfig
from installer_tasks.errors import Refused, Stalled
from installer_tasks.facts import certmanager_parts, trust
from installer_tasks.facts.base import DEADLINE, Observations
from installer_tasks.facts.trials import patience, trial_namespace, wait_until
from installer_tasks.text import mark as _
from installer_tasks.text import text

#: cert-manager signs with a CA in a second; an ACME issuer by DNS needs minutes.
TRIAL_DEADLINE = 180.0
#: What the release asks for (facts: its values), so that an issuer which gives less is seen.
ASKED_HOURS, RENEW_HOURS = 8780, 780


def collect(answers: Mapping[str, str], observations: Observations) -> None:
    with ThreadPoolExecutor(1, thread_name_prefix="certificates") as aside:
        # What needs no cluster, meanwhile.
        aside.submit(
            observations.observe_together,
            {"authority": lambda: _authority(answers["certificates.ca"]), "trust": lambda: trust.presented(answers)},
        )
        _look_into_cluster(answers, observations)


def _look_into_cluster(answers: Mapping[str, str], observations: Observations) -> None:
    connections: list[Cluster] = []

    def cert_manager() -> dict[str, Any]:
        kubeconfig = parse_kubeconfig(answers["cluster.kubeconfig"], context=answers["cluster.context"])
        connections.append(connect(kubeconfig))
        return {
            "installed": connections[0].has_kind(certmanager.API, "ClusterIssuer"),
            "version": certmanager.version(connections[0]),
            "parts": certmanager_parts.parts(connections[0]),
        }

    observations.observe("cert_manager", cert_manager)
    if not connections:
        return
    cluster = connections[0]
    try:
        observations.observe("issuers", lambda: [_issuer(item) for item in certmanager.issuers(cluster)])
        if _is_ready(answers, observations):
            observations.observe("signing", lambda: _signing(cluster, answers["certificates.cluster_issuer"]))
            if observations.wants("trial", "issued", "chain"):
                _try(cluster, answers, observations)
    finally:
        cluster.close()


def _issuer(issuer: certmanager.Issuer) -> dict[str, Any]:
    return {"name": issuer.name, "kind": issuer.kind, "ready": issuer.ready, "message": issuer.message}


def _is_ready(answers: Mapping[str, str], observations: Observations) -> bool:
    found = observations.get("issuers") or []
    return any(item["name"] == answers["certificates.cluster_issuer"] and item["ready"] for item in found)


def _signing(cluster: Cluster, name: str) -> dict[str, Any]:
    """How this issuer signs; of ACME the server, and the kinds of challenge."""
    issuer = cluster.get(certmanager.API, "ClusterIssuer", name)
    acme = issuer["spec"].get("acme") or {}
    solvers = {kind for solver in acme.get("solvers") or [] for kind in solver if kind in ("http01", "dns01")}
    return {"kind": certmanager.issuer(issuer).kind, "server": str(acme.get("server", "")), "solvers": sorted(solvers)}


def _try(cluster: Cluster, answers: Mapping[str, str], observations: Observations) -> None:
    """A certificate for a name in the real zone: issued, removed, and verified against the supplied authority."""
    issued: list[str] = []

    def trial() -> dict[str, Any]:
        host, pem, seconds = _trial(cluster, answers)
        issued.append(pem)
        return {"name": host, "seconds": seconds}

    trial_found = observations.observe("trial", trial, seconds=TRIAL_DEADLINE + DEADLINE)
    if trial_found:
        observations.observe("issued", lambda: _issued_for(trial_found["name"], issued[0]))
        observations.observe("chain", lambda: _judged(issued[0], answers["certificates.ca"]))


def _trial(cluster: Cluster, answers: Mapping[str, str]) -> tuple[str, str, int]:
    """The name, the PEM of its chain, and the seconds it took."""
    issuer = answers["certificates.cluster_issuer"]
    zone, name = names.parse_zone(answers["dns.zone"]), f"trial-{secrets.token_hex(4)}"
    wanted = certmanager.trial_certificate(name, "", issuer, f"{name}.{zone}")
    wanted["spec"] |= {"duration": f"{ASKED_HOURS}h0m0s", "renewBefore": f"{RENEW_HOURS}h0m0s"}
    with trial_namespace(cluster) as namespace:
        wanted["metadata"]["namespace"] = namespace
        cluster.apply(wanted)
        chain, seconds = _issued(cluster, name, namespace, issuer)
    return f"{name}.{zone}", chain, seconds


def _issued(cluster: Cluster, name: str, namespace: str, issuer: str) -> tuple[str, int]:
    limit = patience(TRIAL_DEADLINE)

    def look() -> str:
        secret = cluster.find("v1", "Secret", name, namespace) or {}
        found = base64.b64decode(secret.get("data", {}).get("tls.crt", "")).decode()
        if not found and (why := certmanager_parts.final_refusal(cluster, namespace)):
            raise Refused(
                text(_("cert-manager says: %(message)s"), message=why),
                value=issuer,
                remedy=text(_("Look at what the issuer signs with: it refuses this name, or this use.")),
                code="issuer-refused",
            )
        return found

    stalled = Stalled(
        text(_("ClusterIssuer %(name)s signed nothing within %(seconds)d seconds."), name=issuer, seconds=int(limit)),
        value=issuer,
        remedy=text(_("Look at the log of cert-manager: the issuer may not reach what it signs with.")),
    )
    try:
        return wait_until(look, stalled, seconds=limit)
    except Stalled:
        if message := certmanager.request_message(cluster, name, namespace):
            stalled.cause = text(_("cert-manager says: %(message)s"), message=message)
        raise


def _issued_for(name: str, pem: str) -> dict[str, Any]:
    """What the issuer made of the request, as servers will present it."""
    presented = certificates.parse_bundle(pem)
    return {
        "name": name,
        "asked_hours": ASKED_HOURS,
        "renew_hours": RENEW_HOURS,
        "presented": [anatomy(item) for item in presented],
        "disorder": [problem.as_json() for problem in certificates.order_problems(presented)],
    }


def _judged(pem: str, authority: str) -> dict[str, Any]:
    """Whether what was issued leads to the supplied authority, and if not why.

    `from_root`: also for clients that have only the root, and get everything else from the server.
    """
    chain, supplied = certificates.parse_bundle(pem), certificates.parse_bundle(authority, field="certificates.ca")
    verdict = certificates.verify_chain(chain, supplied)
    roots = [item for item in supplied if is_self_signed(item)]
    rooted = certificates.verify_chain(chain, roots)
    return {
        "issuer": chain[0].issuer.rfc4514_string(),
        "trusted": verdict.trusted,
        "reason": verdict.reason.as_json() if verdict.reason else None,
        "roots": len(roots),
        "from_root": rooted.trusted,
        "missing": rooted.path[-1].issuer.rfc4514_string(),
        "chain": [certificates.describe(item) for item in chain],
    }


def _authority(pem: str) -> dict[str, Any]:
    found = certificates.parse_bundle(pem, field="certificates.ca")
    return {"certificates": [{**anatomy(item), **_above(item, found)} for item in found]}


def _above(certificate: x509.Certificate, supplied: Sequence[x509.Certificate]) -> dict[str, Any]:
    """Whether its signer is supplied too, and lets there be an authority below it."""
    signers = [other for other in supplied if signed_by(certificate, other)]
    cramped = [other for other in signers if other != certificate and certificates.path_length(other) == 0]
    return {"signer_supplied": bool(signers), "cramped_by": [other.subject.rfc4514_string() for other in cramped]}
