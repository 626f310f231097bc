"""The ClusterIssuer that signs the public names, and its authority."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext, gettext_lazy

from installer_tasks.preflight.shapes.certificates import ISSUERS, Issuer
from installer_tasks.text import mark as _
from wizard.steps.base import Step, StepForm
from wizard.steps.fields import CertificateField, ChoiceField, Option, matching


class CertificatesForm(StepForm):
    step = "certificates"

    cluster_issuer = ChoiceField(
        label=gettext_lazy("ClusterIssuer"),
        help_text=gettext_lazy(
            "The cert-manager ClusterIssuer that signs the certificates. A namespaced Issuer is not sufficient."
        ),
        example="local-issuer",
        parse=matching(
            r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?",
            _("The name of a ClusterIssuer consists of lowercase letters, digits, hyphens and dots."),
            _("List them with: kubectl get clusterissuers"),
        ),
        open=True,
    )
    ca = CertificateField(
        label=gettext_lazy("CA certificate of the issuer"),
        help_text=gettext_lazy(
            "The root CA certificate of its chain, in PEM format. Browsers, clusters and the services must trust it."
        ),
        rows=6,
    )

    def options(self) -> dict[str, list[Option]]:
        return {"cluster_issuer": [_option(issuer) for issuer in self.fact(ISSUERS) or []]}


def _option(issuer: Issuer) -> Option:
    note = gettext("ready") if issuer["ready"] else gettext("not ready: %(why)s") % {"why": issuer["message"] or "–"}
    return Option(issuer["name"], issuer["name"], note, good=bool(issuer["ready"]))


def authority(_answers: Mapping[str, str]) -> str:
    return "\n".join(
        (
            "kubectl get clusterissuers",
            "kubectl -n cert-manager get secret <secret of the issuer> -o jsonpath='{.data.tls\\.crt}' | base64 -d",
        )
    )


STEP = Step(
    slug="certificates",
    title=gettext_lazy("Certificates"),
    lead=gettext_lazy(
        "Every public name gets a certificate from an issuer in the cluster. The checks request a "
        "test certificate and delete it again."
    ),
    owner=gettext_lazy("The security team that runs your CA, with the platform team"),
    ask=(
        gettext_lazy("Which ClusterIssuer signs certificates for names in our zone?"),
        gettext_lazy("Which root CA does its chain end at, and do the users' browsers trust it?"),
        gettext_lazy("Can the cluster renew certificates without an approval for each one?"),
    ),
    form=CertificatesForm,
    handout_title=gettext_lazy("Commands that show the issuers and their CA certificates"),
    handout=authority,
    looks_ahead="cluster.kubeconfig",
)
