"""cert-manager, its issuers, the supplied authority, and a real trial certificate for a name of the zone."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from cryptography import x509

from installer_tasks.decoding import ascii_with_comments
from installer_tasks.errors import Refused, Stalled
from installer_tasks.preflight.facts import certmanager_parts, trust
from installer_tasks.preflight.facts.base import DEADLINE, Observations, Probe
from installer_tasks.preflight.facts.descriptions import described, dissected
from installer_tasks.preflight.facts.trials import patience, trial_namespace, wait_until
from installer_tasks.preflight.shapes import certificates as shapes
from installer_tasks.preflight.shapes.trial import Removal
from installer_tasks.systems import certificates
from installer_tasks.systems.certificates.anatomy import is_self_signed
from installer_tasks.systems.certificates.chains import signed_by
from installer_tasks.systems.cluster import certmanager
from installer_tasks.systems.cluster.access import connect
from installer_tasks.systems.cluster.interface import Cluster
from installer_tasks.systems.cluster.kubeconfig import parse_kubeconfig
from installer_tasks.systems.dns import resolver
from installer_tasks.text import mark as _
from installer_tasks.text import mark_plural as ngettext
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
            Probe(shapes.AUTHORITY, lambda: _authority(answers["certificates.ca"])),
            Probe(shapes.ACCEPTED, lambda: trust.accepted(answers)),
            Probe(shapes.TRUST, lambda: trust.presented(answers)),
        )
        _look_into_cluster(answers, observations)


def _look_into_cluster(answers: Mapping[str, str], observations: Observations) -> None:
    def connected() -> Cluster:
        return connect(parse_kubeconfig(answers["cluster.kubeconfig"], context=answers["cluster.context"]))

    cluster = observations.observe_with(shapes.CERT_MANAGER, connected, _cert_manager)
    if cluster is None:
        return
    try:
        observations.observe(shapes.ISSUERS, lambda: [_issuer(item) for item in certmanager.issuers(cluster)])
        if _is_ready(answers, observations):
            observations.observe(shapes.SIGNING, lambda: _signing(cluster, answers["certificates.cluster_issuer"]))
            if observations.wants(shapes.TRIAL, shapes.ISSUED, shapes.CHAIN):
                _try(cluster, answers, observations)
    finally:
        cluster.close()


def _cert_manager(cluster: Cluster) -> shapes.CertManager:
    return {
        "installed": cluster.has_kind(certmanager.API, "ClusterIssuer"),
        "version": certmanager.version(cluster),
        "parts": certmanager_parts.parts(cluster),
    }


def _issuer(issuer: certmanager.Issuer) -> shapes.Issuer:
    return {"name": issuer.name, "kind": issuer.kind, "ready": issuer.ready, "message": issuer.message}


def _is_ready(answers: Mapping[str, str], observations: Observations) -> bool:
    found = observations.get(shapes.ISSUERS) or []
    return any(item["name"] == answers["certificates.cluster_issuer"] and item["ready"] for item in found)


def _signing(cluster: Cluster, name: str) -> shapes.Signing:
    """How this issuer signs; of ACME the server, and the kinds of challenge."""
    issuer = cluster.get(certmanager.API, "ClusterIssuer", name)
    acme = issuer["spec"].get("acme") or {}
    solvers = {kind for solver in acme.get("solvers") or [] for kind in solver if kind in ("http01", "dns01")}
    return {"kind": certmanager.issuer(issuer).kind, "server": str(acme.get("server", "")), "solvers": sorted(solvers)}


def _try(cluster: Cluster, answers: Mapping[str, str], observations: Observations) -> None:
    """A certificate for a name in the real zone: issued, removed, and verified against the supplied authority."""
    trial = observations.observe_with(
        shapes.TRIAL,
        lambda: _trial(cluster, answers),
        lambda trial: {"name": trial.name, "seconds": trial.seconds, "removal": trial.removal},
        seconds=TRIAL_DEADLINE + DEADLINE,
    )
    if trial:
        observations.observe(shapes.ISSUED, lambda: _issued_for(trial.name, trial.pem))
        observations.observe(shapes.CHAIN, lambda: _judged(trial.pem, answers["certificates.ca"]))


class _Trial(NamedTuple):
    name: str
    pem: str  #: of its chain
    seconds: int
    removal: Removal


def _trial(cluster: Cluster, answers: Mapping[str, str]) -> _Trial:
    issuer = answers["certificates.cluster_issuer"]
    zone, name = resolver.parse_zone(answers["dns.zone"]), f"trial-{secrets.token_hex(4)}"
    wanted = certmanager.trial_certificate(name, "", issuer, f"{name}.{zone}")
    wanted["spec"] |= {"duration": f"{ASKED_HOURS}h0m0s", "renewBefore": f"{RENEW_HOURS}h0m0s"}
    with trial_namespace(cluster) as namespace:
        wanted["metadata"]["namespace"] = namespace
        cluster.apply(wanted)
        chain, seconds = _issued(cluster, name, namespace, issuer)
    return _Trial(f"{name}.{zone}", chain, seconds, namespace.removal())


def _issued(cluster: Cluster, name: str, namespace: str, issuer: str) -> tuple[str, int]:
    limit = patience(TRIAL_DEADLINE)

    def look() -> str:
        secret = cluster.find("v1", "Secret", name, namespace) or {}
        found = ascii_with_comments(base64.b64decode(secret.get("data", {}).get("tls.crt", "")))
        if not found and (why := certmanager_parts.final_refusal(cluster, namespace)):
            raise Refused(
                text(_("cert-manager reports: %(message)s"), message=why),
                value=issuer,
                remedy=text(_("Check the configuration behind the issuer: it rejects this name or this usage.")),
                code="issuer-refused",
            )
        return found

    stalled = Stalled(
        text(
            ngettext(
                "ClusterIssuer %(name)s issued no certificate within %(seconds)d second.",
                "ClusterIssuer %(name)s issued no certificate within %(seconds)d seconds.",
            ),
            name=issuer,
            seconds=int(limit),
        ),
        value=issuer,
        remedy=text(_("Check the log of cert-manager: the issuer may be unable to reach its signing service.")),
    )
    try:
        return wait_until(look, stalled, seconds=limit)
    except Stalled:
        if message := certmanager.request_message(cluster, name, namespace):
            stalled.cause = text(_("cert-manager reports: %(message)s"), message=message)
        raise


def _issued_for(name: str, pem: str) -> shapes.Issued:
    """What the issuer made of the request, as servers will present it."""
    presented = certificates.parse_bundle(pem)
    return {
        "name": name,
        "asked_hours": ASKED_HOURS,
        "renew_hours": RENEW_HOURS,
        "presented": [dissected(item) for item in presented],
        "disorder": [problem.as_json() for problem in certificates.order_problems(presented)],
    }


def _judged(pem: str, authority: str) -> shapes.Chain:
    """Whether what was issued leads to the supplied authority, and if not why.

    `from_root`: also for clients that have only the root, and get everything else from the server.
    """
    chain, supplied = certificates.parse_bundle(pem), certificates.parse_bundle(authority, field="certificates.ca")
    verdict = certificates.verify_chain(chain, supplied)
    roots = [item for item in supplied if is_self_signed(item)]
    rooted = certificates.verify_chain(chain, roots)
    return {
        "issuer": certificates.issuer_of(chain[0]),
        "trusted": verdict.trusted,
        "reason": verdict.reason.as_json() if verdict.reason else None,
        "roots": len(roots),
        "from_root": rooted.trusted,
        "missing": certificates.issuer_of(rooted.path[-1]),
        "chain": [described(item) for item in chain],
    }


def _authority(pem: str) -> shapes.Authority:
    found = certificates.parse_bundle(pem, field="certificates.ca")
    return {"certificates": [_supplied(item, found) for item in found]}


def _supplied(certificate: x509.Certificate, supplied: Sequence[x509.Certificate]) -> shapes.Supplied:
    """Whether its signer is supplied too, and lets there be an authority below it."""
    signers = [other for other in supplied if signed_by(certificate, other)]
    cramped = [other for other in signers if other != certificate and certificates.path_length(other) == 0]
    return {
        **dissected(certificate),
        "signer_supplied": bool(signers),
        "cramped_by": [certificates.subject_of(other) for other in cramped],
    }
