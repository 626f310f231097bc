"""The operator's ClusterIssuer: ready, and proven by one short-lived certificate that chains to the operator's CA."""

from __future__ import annotations

import base64
import contextlib
from typing import TYPE_CHECKING, Any

from installer_tasks import certificates
from installer_tasks.cluster.waiting import wait_for
from installer_tasks.errors import InstallerError, SystemFailure
from installer_tasks.stages.base import Context
from installer_tasks.stages.systems import cluster_of
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

if TYPE_CHECKING:
    from installer_tasks.cluster.client import Cluster

#: An ACME issuer with a DNS challenge takes minutes.
DEADLINE = 300.0
API = "cert-manager.io/v1"


class CertificateIssuer:
    slug = "certificate-issuer"
    title = _("Prove the certificate issuer")
    reads: tuple[str, ...] = (
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
            deadline=60.0,
            describe=lambda state: _not_ready(issuer, state[1] if state else ""),
            cancelled=context.cancelled,
            on_wait=context.report.waiting_for,
        )
        self._try(context, issuer)
        context.report.event("issuer.proven", issuer=issuer)
        (context.folder / self.slug).touch()

    def _try(self, context: Context, issuer: str) -> None:
        from installer_tasks.cluster import certmanager

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
        from installer_tasks.cluster import certmanager

        namespace = context.plan.known.namespace
        wait_for(
            lambda: certmanager.readiness(cluster.get(API, "Certificate", name, namespace)),
            lambda state: state[0],
            deadline=DEADLINE,
            describe=lambda _state: text(
                _("The issuer signs a trial certificate: %(said)s"),
                said=certmanager.request_message(cluster, name, namespace) or "…",
            ),
            cancelled=context.cancelled,
            on_wait=context.report.waiting_for,
        )


def _readiness(context: Context) -> tuple[bool, str]:
    from installer_tasks.cluster import certmanager

    issuer = context.plan["certificates.cluster_issuer"]
    return certmanager.readiness(cluster_of(context).get(API, "ClusterIssuer", issuer))


def _not_ready(issuer: str, said: str) -> Text:
    return text(_("ClusterIssuer %(issuer)s becomes ready: %(said)s"), issuer=issuer, said=said or "…")


def _check_chain(context: Context, secret: dict[str, Any]) -> None:
    chain = certificates.parse_bundle(base64.b64decode(secret["data"]["tls.crt"]))
    verdict = certificates.verify_chain(chain, certificates.parse_bundle(context.plan["certificates.ca"]))
    if not verdict.trusted:
        raise SystemFailure(
            text(
                _("The issuer %(issuer)s signs with another authority than the one given: %(problem)s"),
                issuer=context.plan["certificates.cluster_issuer"],
                problem=str(verdict.reason or ""),
            ),
            value=context.plan["certificates.cluster_issuer"],
            remedy=text(
                _("Give the certificate of the authority that this issuer signs with, or choose another issuer.")
            ),
            code="issuer-other-authority",
            field="certificates.ca",
        )
