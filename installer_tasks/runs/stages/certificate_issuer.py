"""The operator's ClusterIssuer: ready, and proven by one short-lived certificate that chains to the operator's CA."""

from __future__ import annotations

import base64
import contextlib
from typing import TYPE_CHECKING, Any

from installer_tasks.errors import InstallerError, SystemFailure
from installer_tasks.runs.stages.base import Context, Progress
from installer_tasks.runs.stages.systems import cluster_of
from installer_tasks.systems import certificates
from installer_tasks.systems.cluster import certmanager
from installer_tasks.systems.cluster.waiting import wait_for
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

if TYPE_CHECKING:
    from installer_tasks.systems.cluster.interface import Cluster

#: An ACME issuer with a DNS challenge takes minutes.
DEADLINE = 300.0
READY_DEADLINE = 60.0
API = "cert-manager.io/v1"


class CertificateIssuer:
    slug = "certificate-issuer"
    title = _("Verify the certificate issuer")
    doing = _("Requesting a test certificate from the issuer")
    systems: tuple[str, ...] = ("cluster", "certificates")
    shows = Progress.NONE
    reads: tuple[str, ...] = (
        "bundle.release",
        "cluster.kubeconfig",
        "cluster.context",
        "certificates.cluster_issuer",
        "certificates.ca",
        "dns.zone",
    )

    def is_done(self, context: Context) -> bool:
        """The trial leaves nothing in the cluster; that it went well stands in the run's own folder."""
        return (context.folder / self.slug).exists() and _readiness(context)[0]

    def run(self, context: Context) -> None:
        issuer = context.plan["certificates.cluster_issuer"]
        wait_for(
            lambda: _readiness(context),
            lambda state: state[0],
            deadline=READY_DEADLINE,
            describe=lambda state: _not_ready(issuer, state[1] if state else ""),
            cancelled=context.cancelled,
            on_wait=context.report.waiting_for,
        )
        self._try(context, issuer)
        context.report.event("issuer.proven", issuer=issuer)
        (context.folder / self.slug).touch()

    def _try(self, context: Context, issuer: str) -> None:
        cluster, namespace = cluster_of(context), context.plan.known.namespace
        name = f"tmc-installer-trial-{context.folder.name}"
        cluster.apply(certmanager.trial_certificate(name, namespace, issuer, f"trial.{context.plan.zone}"), force=True)
        try:
            self._wait(context, cluster, name)
            _check_chain(context, cluster.get("v1", "Secret", name, namespace))
        finally:
            with contextlib.suppress(InstallerError):  # what went wrong before is what a person must know
                certmanager.forget_trial(cluster, name, namespace)

    def _wait(self, context: Context, cluster: Cluster, name: str) -> None:
        namespace = context.plan.known.namespace
        wait_for(
            lambda: _trial_state(cluster, name, namespace),
            lambda state: state[0],
            deadline=DEADLINE,
            describe=lambda _state: text(
                _("the issuer to sign a test certificate: %(said)s"),
                said=certmanager.request_message(cluster, name, namespace) or "…",
            ),
            cancelled=context.cancelled,
            on_wait=context.report.waiting_for,
        )


def _trial_state(cluster: Cluster, name: str, namespace: str) -> tuple[bool, str]:
    """A request that was denied stays denied: nothing is waited for then."""
    denied = certmanager.denial(cluster, name, namespace)
    if denied is not None:
        raise SystemFailure(
            text(_("The certificate request was denied: %(said)s"), said=denied or "–"),
            value=name,
            remedy=text(_("Let the approval policy allow the public names for this issuer, then resume.")),
            detail=f"Denied: {denied}",
            code="certificate-denied",
        )
    return certmanager.readiness(cluster.get(API, "Certificate", name, namespace))


def _readiness(context: Context) -> tuple[bool, str]:
    issuer = context.plan["certificates.cluster_issuer"]
    return certmanager.readiness(cluster_of(context).get(API, "ClusterIssuer", issuer))


def _not_ready(issuer: str, said: str) -> Text:
    return text(_("ClusterIssuer %(issuer)s to become ready: %(said)s"), issuer=issuer, said=said or "…")


def _check_chain(context: Context, secret: dict[str, Any]) -> None:
    chain = certificates.parse_bundle(base64.b64decode(secret["data"]["tls.crt"]))
    verdict = certificates.verify_chain(chain, certificates.parse_bundle(context.plan["certificates.ca"]))
    if not verdict.trusted:
        raise SystemFailure(
            text(
                _(
                    "Certificates from the issuer %(issuer)s are not signed by the CA certificate "
                    "you entered: %(problem)s"
                ),
                issuer=context.plan["certificates.cluster_issuer"],
                problem=verdict.reason or "",
            ),
            value=context.plan["certificates.cluster_issuer"],
            remedy=text(_("Enter the CA certificate that this issuer signs with, or choose another issuer.")),
            code="issuer-other-authority",
            field="certificates.ca",
        )
