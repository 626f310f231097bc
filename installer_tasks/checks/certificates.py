"""Judging the certificates: cert-manager, the issuer, a real trial certificate, and the supplied authority."""

from __future__ import annotations

from installer_tasks import releases
from installer_tasks.checks.base import Check, Facts, Level, Owner, Verdict, passed
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

CLUSTER = ("cluster.kubeconfig", "cluster.context")
ISSUER = (*CLUSTER, "certificates.cluster_issuer")


def _cert_manager(facts: Facts) -> Verdict:
    found = facts("certificates", "cert_manager")
    version = found["version"]
    if not found["installed"]:
        return Verdict(
            Level.FAIL,
            text(_("cert-manager is not in this cluster.")),
            value="clusterissuers.cert-manager.io",
            cause=text(_("The cluster knows no ClusterIssuer.")),
            remedy=text(_("Install cert-manager before TMC-SM.")),
            evidence=found,
        )
    if not version:
        return Verdict(
            Level.WARN,
            text(_("The version of cert-manager cannot be told.")),
            value="deployments.apps/cert-manager",
            cause=text(_("No deployment of it carries a version in its labels or the tag of its image.")),
            remedy=text(_("Go on if it issues certificates, or look into its namespace.")),
            command="kubectl get deployments -A -l app.kubernetes.io/name=cert-manager",
            evidence=found,
        )
    low, high = releases.chosen(facts.answers).cert_manager
    if not _numbers(low) <= _numbers(version) <= _numbers(high):
        return Verdict(
            Level.WARN,
            text(_("cert-manager %(version)s is outside %(low)s to %(high)s."), version=version, low=low, high=high),
            value=version,
            cause=text(_("The release has been seen working in that range.")),
            remedy=text(_("Go on if you know it works, or install a version in the range.")),
            evidence=found,
        )
    return passed(_("cert-manager %(version)s is available."), version=version, evidence=found)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(
        int("".join(filter(str.isdigit, part)) or 0) for part in version.lstrip("v").split("+")[0].split(".")[:3]
    )


def _issuer_ready(facts: Facts) -> Verdict:
    name, issuers = facts.answers["certificates.cluster_issuer"], facts("certificates", "issuers")
    chosen = next((issuer for issuer in issuers if issuer["name"] == name), None)
    if chosen is None:
        return Verdict(
            Level.FAIL,
            text(_("There is no ClusterIssuer %(name)s."), name=name),
            value=name,
            cause=text(_("The cluster has: %(names)s."), names=", ".join(item["name"] for item in issuers) or "-"),
            remedy=text(_("Choose one of these, or create a ClusterIssuer; an Issuer of one namespace is not enough.")),
            command="kubectl get clusterissuers",
            evidence={"issuers": issuers},
        )
    if not chosen["ready"]:
        return Verdict(
            Level.FAIL,
            text(_("ClusterIssuer %(name)s is not Ready."), name=name),
            value=name,
            cause=text(_("cert-manager says: %(message)s"), message=chosen["message"] or "-"),
            remedy=text(_("Mend the issuer; a CA issuer's Secret must be in the namespace of cert-manager.")),
            command=f"kubectl describe clusterissuer {name}",
            evidence=chosen,
        )
    return passed(_("ClusterIssuer %(name)s is Ready."), name=name, evidence=chosen)


def _authority(facts: Facts) -> Verdict:
    found = facts("certificates", "authority")
    if not all(item["is_ca"] for item in found["certificates"]):
        return Verdict(
            Level.FAIL,
            text(_("A supplied certificate is not a certificate authority.")),
            value=", ".join(item["subject"] for item in found["certificates"] if not item["is_ca"]),
            cause=text(_("Its basic constraints do not say CA:TRUE.")),
            remedy=text(_("Supply the authority that signs, not a server's certificate.")),
            evidence=found,
        )
    if found["expired"]:
        return Verdict(
            Level.FAIL,
            text(_("A supplied authority has expired.")),
            value=", ".join(found["expired"]),
            cause=text(_("Nothing that it signed is valid any more.")),
            remedy=text(_("Supply the authority in use.")),
            evidence=found,
        )
    return passed(_("%(count)d valid authorities are supplied."), count=len(found["certificates"]), evidence=found)


def _trial(facts: Facts) -> Verdict:
    trial = facts("certificates", "trial")
    return passed(
        _("A certificate for %(name)s was issued in %(seconds)d s and removed."),
        name=trial["name"],
        seconds=trial["seconds"],
        evidence=trial,
    )


def _chain(facts: Facts) -> Verdict:
    chain = facts("certificates", "chain")
    if chain["trusted"]:
        return passed(_("Its chain leads to the supplied authority."), evidence=chain)
    return Verdict(
        Level.FAIL,
        text(_("The issued certificate is not signed by the supplied authority.")),
        value=chain["issuer"] or "-",
        cause=Text.from_json(chain["reason"]),
        remedy=text(_("Supply the certificate of the authority behind this ClusterIssuer.")),
        evidence=chain,
    )


CHECKS = (
    Check("certificates.cert-manager", _("cert-manager is available, in a known version"), Owner.PLATFORM,
          (*CLUSTER, "bundle.release"), _cert_manager, needs=("cluster.reachable",)),
    Check("certificates.issuer-ready", _("The ClusterIssuer exists and is Ready"), Owner.SECURITY, ISSUER,
          _issuer_ready, needs=("certificates.cert-manager",), strict=True),
    Check("certificates.authority", _("The supplied authority is one and is valid"), Owner.SECURITY,
          ("certificates.ca",), _authority, strict=True),
    Check("certificates.trial-issued", _("A certificate for a name of the zone is issued"), Owner.SECURITY,
          (*ISSUER, "dns.zone"), _trial, needs=("certificates.issuer-ready", "dns.zone-well-formed"),
          touches=_("Makes a Certificate in a namespace of its own and removes both.")),
    Check("certificates.chain", _("What the issuer signs is trusted with the supplied authority"), Owner.SECURITY,
          (*ISSUER, "dns.zone", "certificates.ca"), _chain,
          needs=("certificates.trial-issued", "certificates.authority")),
)  # fmt: skip
