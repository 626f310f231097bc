"""Judging the certificates: cert-manager, the issuer, a real trial certificate, and the supplied authority."""

from __future__ import annotations

from typing import Any

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


def _running(facts: Facts) -> Verdict:
    parts: dict[str, dict[str, Any]] = facts("certificates", "cert_manager")["parts"]
    down = [item for item in parts.values() if not item["available"]]
    lacking = [part for part in ("controller", "webhook") if part not in parts]
    if down:
        return Verdict(
            Level.FAIL,
            text(_("cert-manager does not run whole.")),
            value=", ".join(f"{item['namespace']}/{item['name']}" for item in down),
            cause=text(_("It has %(available)d of %(wanted)d pods available."), available=0, wanted=down[0]["wanted"]),
            remedy=text(_("Bring it up; without its webhook the API server refuses every Certificate.")),
            command=f"kubectl -n {down[0]['namespace']} describe deployment {down[0]['name']}",
            evidence=parts,
        )
    if lacking:
        return Verdict(
            Level.WARN,
            text(_("A part of cert-manager was not found.")),
            value=", ".join(lacking),
            cause=text(_("No Deployment has the name that this part usually has.")),
            remedy=text(_("Go on if the trial certificate is issued.")),
            command="kubectl get deployments -A | grep cert-manager",
            evidence=parts,
        )
    return passed(_("%(count)d parts of cert-manager are available."), count=len(parts), evidence=parts)


def _issuer_kind(facts: Facts) -> Verdict:
    signing = facts("certificates", "signing")
    kind, name = signing["kind"], facts.answers["certificates.cluster_issuer"]
    if kind == "selfSigned":
        return Verdict(
            Level.FAIL,
            text(_("ClusterIssuer %(name)s lets every certificate sign itself."), name=name),
            value=f"{name} (selfSigned)",
            cause=text(_("There is no authority that browsers, pods and clusters could trust.")),
            remedy=text(
                _("Let it sign one Certificate with isCA: true, and choose a ClusterIssuer of type ca with that.")
            ),
            command=_CA_ISSUER,
            evidence=signing,
        )
    if kind == "acme":
        return Verdict(
            Level.WARN,
            text(_("ClusterIssuer %(name)s asks an ACME server for each certificate."), name=name),
            value=f"{name} ({signing['server'] or 'acme'})",
            cause=_http01() if signing["solvers"] == ["http01"] else text(
                _("Every renewal needs that server, the internet for a public one, and DNS that it sees itself.")
            ),
            remedy=text(_("Use DNS-01, and supply the root of that server; a ClusterIssuer of type ca needs neither.")),
            evidence=signing,
        )  # fmt: skip
    return passed(_("ClusterIssuer %(name)s signs with: %(kind)s."), name=name, kind=kind, evidence=signing)


def _http01() -> Text:
    return text(_("HTTP-01 asks the public names themselves, and before the load balancer is there none can answer."))


#: A CA of its own, for a cluster that has none.
_CA_ISSUER = """apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: tmc-ca, namespace: cert-manager}
spec:
  isCA: true
  commonName: TMC-SM CA
  secretName: tmc-ca
  duration: 87600h0m0s
  issuerRef: {name: <this ClusterIssuer>, kind: ClusterIssuer}
---
apiVersion: cert-manager.io/v1
kind: ClusterIssuer
metadata: {name: tmc-issuer}
spec: {ca: {secretName: tmc-ca}}"""


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


def _usable(facts: Facts) -> Verdict:
    issued = facts("certificates", "issued")
    own, name = issued["presented"][0], issued["name"]
    if own["for_servers"] and name in own["sans"]:
        return passed(_("It is for servers, and for the name that was asked for."), evidence={"sans": own["sans"]})
    cause = (
        text(_("Its extended key usage lacks server authentication."))
        if name in own["sans"]
        else text(_("Its alternative names are: %(names)s."), names=", ".join(own["sans"]) or "-")
    )
    return Verdict(
        Level.FAIL,
        text(_("The issued certificate is not one that a server can use for its name.")),
        value=name,
        cause=cause,
        remedy=text(_("Let the issuer take over the names and usages that are asked for: in Vault the role, elsewhere the template.")),
        evidence=own,
    )  # fmt: skip


def _lifetime(facts: Facts) -> Verdict:
    issued = facts("certificates", "issued")
    hours, asked = issued["presented"][0]["hours"], issued["asked_hours"]
    if hours >= issued["renew_hours"]:
        return passed(_("Certificates are issued for %(days)d days."), days=hours // 24)
    return Verdict(
        Level.WARN,
        text(_("Certificates are issued for %(hours)d hours only."), hours=hours),
        value=facts.answers["certificates.cluster_issuer"],
        cause=text(_("TMC-SM asks for %(asked)d, and wants to renew %(renew)d hours before the end."), asked=asked,
                   renew=issued["renew_hours"]),
        remedy=text(_("Let the issuer give longer ones, or expect that each renewal restarts services.")),
        evidence={"hours": hours, "asked": asked},
    )  # fmt: skip


def _presented(facts: Facts) -> Verdict:
    """What servers will present must be enough for clients that have the root alone."""
    chain, issued = facts("certificates", "chain"), facts("certificates", "issued")
    if issued["disorder"]:
        return Verdict(
            Level.WARN,
            text(_("The issued chain is not in order.")),
            value=chain["issuer"] or "-",
            cause=Text.from_json(issued["disorder"][0]),
            remedy=text(_("Put the certificates in the issuer's Secret in order: the signing one first, then each one's signer.")),
            evidence={"presented": issued["presented"]},
        )  # fmt: skip
    if chain["roots"] and not chain["from_root"]:
        return Verdict(
            Level.WARN,
            text(_("Clients that have only the root will not trust the public names.")),
            value=chain["missing"] or "-",
            cause=text(_("An intermediate certificate is not in what the issuer hands out: %(subject)s."),
                       subject=chain["missing"] or "-"),
            remedy=text(_("Add it to tls.crt in the Secret of the ClusterIssuer, after the one that signs.")),
            command="kubectl -n cert-manager get secret <secret of the issuer> -o jsonpath='{.data.tls\\.crt}' | base64 -d",
            evidence={"presented": issued["presented"]},
        )  # fmt: skip
    return passed(
        _("%(count)d certificates are presented, in order and without a gap."), count=len(issued["presented"])
    )


CHECKS = (
    Check("certificates.cert-manager", _("cert-manager is there, in a known version"), Owner.PLATFORM,
          (*CLUSTER, "bundle.release"), _cert_manager, needs=("cluster.reachable",)),
    Check("certificates.cert-manager-running", _("Every part of cert-manager is available"), Owner.PLATFORM,
          CLUSTER, _running, needs=("certificates.cert-manager",)),
    Check("certificates.issuer-ready", _("The ClusterIssuer exists and is Ready"), Owner.SECURITY, ISSUER,
          _issuer_ready, needs=("certificates.cert-manager",), strict=True),
    Check("certificates.issuer-kind", _("The ClusterIssuer signs in a way that suits"), Owner.SECURITY, ISSUER,
          _issuer_kind, needs=("certificates.issuer-ready",)),
    Check("certificates.trial-issued", _("A certificate for a name of the zone is issued"), Owner.SECURITY,
          (*ISSUER, "dns.zone"), _trial,
          needs=("certificates.cert-manager-running", "certificates.issuer-ready", "dns.zone-well-formed"),
          touches=_("Makes a Certificate in a namespace of its own and removes both.")),
    Check("certificates.trial-usable", _("What is issued suits a server and its name"), Owner.SECURITY,
          (*ISSUER, "dns.zone"), _usable, needs=("certificates.trial-issued",)),
    Check("certificates.lifetime", _("Certificates are issued for long enough"), Owner.SECURITY,
          (*ISSUER, "dns.zone"), _lifetime, needs=("certificates.trial-issued",)),
    Check("certificates.chain", _("What the issuer signs is trusted with the supplied authority"), Owner.SECURITY,
          (*ISSUER, "dns.zone", "certificates.ca"), _chain,
          needs=("certificates.trial-issued", "certificates.issuer-kind", "certificates.authority",
                 "certificates.authority-valid", "certificates.authority-complete")),
    Check("certificates.chain-presented", _("Servers will present a whole chain"), Owner.SECURITY,
          (*ISSUER, "dns.zone", "certificates.ca"), _presented, needs=("certificates.chain",)),
)  # fmt: skip
