"""The ClusterIssuer that signs the public names, and its authority."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext, gettext_lazy

from installer_tasks.text import mark as _
from wizard.steps.base import Step, StepForm
from wizard.steps.fields import ChoiceField, DocumentField, Option, matching, pem


class CertificatesForm(StepForm):
    step = "certificates"

    cluster_issuer = ChoiceField(
        label=gettext_lazy("ClusterIssuer"),
        help_text=gettext_lazy("The cert-manager ClusterIssuer that signs the certificates. An Issuer is not enough."),
        example="local-issuer",
        parse=matching(
            r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?",
            _("A ClusterIssuer has lower-case letters, digits, dashes and dots in its name."),
            _("List them with: kubectl get clusterissuers"),
        ),
        open=True,
    )
    ca = DocumentField(
        label=gettext_lazy("Certificate authority of the issuer"),
        help_text=gettext_lazy(
            "PEM of the authority at the end of its chain. Browsers, clusters and the services must trust it."
        ),
        accept=".pem,.crt,.cer,text/*",
        parse=pem,
        rows=6,
    )

    def options(self) -> dict[str, list[Option]]:
        return {"cluster_issuer": [_option(issuer) for issuer in self.fact("issuers") or []]}


def _option(issuer: Mapping[str, Any]) -> Option:
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
        "Every public name gets a certificate from an issuer in the cluster. A trial certificate is asked for, and "
        "removed again."
    ),
    owner=gettext_lazy("The security team that runs your certificate authority, with the platform team"),
    ask=(
        gettext_lazy("Which ClusterIssuer signs names in our zone?"),
        gettext_lazy("Which authority ends its chain, and is it in the browsers of the people who will sign in?"),
        gettext_lazy("May certificates be renewed by the cluster without anybody approving each one?"),
    ),
    form=CertificatesForm,
    handout_title=gettext_lazy("Commands that show issuers and authority"),
    handout=authority,
    looks_ahead="cluster.kubeconfig",
)
