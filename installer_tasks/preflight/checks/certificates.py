"""Judging the certificates: cert-manager, the issuer, a real trial certificate, and the supplied authority."""

from __future__ import annotations

from shlex import quote

from installer_tasks import releases
from installer_tasks.preflight.checks.base import Check, Facts, Level, Owner, Verdict, passed
from installer_tasks.preflight.checks.trial_removal import passed_trial
from installer_tasks.preflight.shapes import certificates as shapes
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _
from installer_tasks.text import mark_plural as ngettext

CLUSTER = ("cluster.kubeconfig", "cluster.context")
ISSUER = (*CLUSTER, "certificates.cluster_issuer")


def _cert_manager(facts: Facts) -> Verdict:
    found = facts(shapes.CERT_MANAGER)
    version = found["version"]
    if not found["installed"]:
        return Verdict(
            Level.FAIL,
            text(_("cert-manager is not installed in this cluster.")),
            value="clusterissuers.cert-manager.io",
            cause=text(_("The cluster has no ClusterIssuer resource kind.")),
            remedy=text(_("Install cert-manager before TMC-SM.")),
            evidence=found,
            hopeless=True,
        )
    if not version:
        return Verdict(
            Level.WARN,
            text(_("The version of cert-manager is unknown.")),
            value="deployments.apps/cert-manager",
            cause=text(_("None of its deployments has a version in its labels or image tag.")),
            remedy=text(_("Continue if it issues certificates, or check its namespace.")),
            command="kubectl get deployments -A -l app.kubernetes.io/name=cert-manager",
            evidence=found,
        )
    low, high = releases.chosen(facts.answers).cert_manager
    if not _numbers(low) <= _numbers(version) <= _numbers(high):
        return Verdict(
            Level.WARN,
            text(
                _("cert-manager %(version)s is outside the supported range, %(low)s to %(high)s."),
                version=version,
                low=low,
                high=high,
            ),
            value=version,
            cause=text(_("The release is known to work with versions in that range.")),
            remedy=text(_("Continue if you know that it works, or install a version in that range.")),
            evidence=found,
        )
    return passed(_("cert-manager %(version)s is installed."), version=version, evidence=found)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(
        int("".join(filter(str.isdigit, part)) or 0) for part in version.lstrip("v").split("+")[0].split(".")[:3]
    )


def _issuer_ready(facts: Facts) -> Verdict:
    name, issuers = facts.answers["certificates.cluster_issuer"], facts(shapes.ISSUERS)
    chosen = next((issuer for issuer in issuers if issuer["name"] == name), None)
    if chosen is None:
        return Verdict(
            Level.FAIL,
            text(_("ClusterIssuer %(name)s does not exist."), name=name),
            value=name,
            cause=text(_("The cluster has: %(names)s."), names=", ".join(item["name"] for item in issuers) or "-"),
            remedy=text(_("Choose one of these, or create a ClusterIssuer. A namespaced Issuer is not sufficient.")),
            command="kubectl get clusterissuers",
            evidence={"issuers": issuers},
        )
    if not chosen["ready"]:
        return Verdict(
            Level.FAIL,
            text(_("ClusterIssuer %(name)s is not ready."), name=name),
            value=name,
            cause=text(_("cert-manager reports: %(message)s"), message=chosen["message"] or "-"),
            remedy=text(_("Fix the issuer. The Secret of a CA issuer must be in the cert-manager namespace.")),
            command=f"kubectl describe clusterissuer {quote(name)}",
            evidence=chosen,
        )
    return passed(_("ClusterIssuer %(name)s is ready."), name=name, evidence=chosen)


def _running(facts: Facts) -> Verdict:
    parts = facts(shapes.CERT_MANAGER)["parts"]
    down = [item for item in parts.values() if not item["available"]]
    lacking = [part for part in ("controller", "webhook") if part not in parts]
    if down:
        return Verdict(
            Level.FAIL,
            text(_("cert-manager is only partly running.")),
            value=", ".join(f"{item['namespace']}/{item['name']}" for item in down),
            cause=text(_("%(available)d of %(wanted)d pods are available."), available=0, wanted=down[0]["wanted"]),
            remedy=text(_("Start it. Without its webhook the API server rejects every Certificate.")),
            command=f"kubectl -n {quote(down[0]['namespace'])} describe deployment {quote(down[0]['name'])}",
            evidence=parts,
        )
    if lacking:
        return Verdict(
            Level.WARN,
            text(_("A component of cert-manager was not found.")),
            value=", ".join(lacking),
            cause=text(_("No Deployment has the usual name of this component.")),
            remedy=text(_("Continue if the test certificate is issued.")),
            command="kubectl get deployments -A | grep cert-manager",
            evidence=parts,
        )
    return passed(
        ngettext(
            "%(count)d component of cert-manager is available.", "%(count)d components of cert-manager are available."
        ),
        count=len(parts),
        evidence=parts,
    )


def _issuer_kind(facts: Facts) -> Verdict:
    signing = facts(shapes.SIGNING)
    kind, name = signing["kind"], facts.answers["certificates.cluster_issuer"]
    if kind == "selfSigned":
        return Verdict(
            Level.FAIL,
            text(_("ClusterIssuer %(name)s issues self-signed certificates only."), name=name),
            value=f"{name} (selfSigned)",
            cause=text(_("There is no CA that browsers, pods and clusters can trust.")),
            remedy=text(
                _(
                    "Issue a Certificate with isCA: true from it, then choose a ClusterIssuer of type ca that uses that certificate."
                )
            ),
            command=_CA_ISSUER,
            evidence=signing,
        )
    if kind == "acme":
        return Verdict(
            Level.WARN,
            text(_("ClusterIssuer %(name)s requests each certificate from an ACME server."), name=name),
            value=f"{name} ({signing['server'] or 'acme'})",
            cause=_http01() if signing["solvers"] == ["http01"] else text(
                _("Every renewal needs the ACME server (for a public one, the internet) and DNS records that it can see.")
            ),
            remedy=text(_("Use DNS-01 and enter the root certificate of that server, or use a ClusterIssuer of type ca, which needs neither.")),
            evidence=signing,
        )  # fmt: skip
    return passed(_("ClusterIssuer %(name)s is of type %(kind)s."), name=name, kind=kind, evidence=signing)


def _http01() -> Text:
    return text(_("HTTP-01 connects to the public names, which do not respond until the load balancer exists."))


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
    trial = facts(shapes.TRIAL)
    template = _("A test certificate for %(name)s was issued in %(seconds)d s.")
    return passed_trial(trial, text(template, name=trial["name"], seconds=trial["seconds"]))


def _chain(facts: Facts) -> Verdict:
    chain = facts(shapes.CHAIN)
    if chain["trusted"]:
        return passed(_("Its chain is signed by the CA certificate you entered."), evidence=chain)
    return Verdict(
        Level.FAIL,
        text(_("The issued certificate is not signed by the CA certificate you entered.")),
        value=chain["issuer"] or "-",
        cause=Text.from_json(chain["reason"]) if chain["reason"] else None,
        remedy=text(_("Enter the CA certificate of this ClusterIssuer.")),
        evidence=chain,
    )


def _usable(facts: Facts) -> Verdict:
    issued = facts(shapes.ISSUED)
    own, name = issued["presented"][0], issued["name"]
    if own["for_servers"] and name in own["sans"]:
        return passed(_("It is a server certificate for the requested name."), evidence={"sans": own["sans"]})
    cause = (
        text(_("Its extended key usage lacks server authentication."))
        if name in own["sans"]
        else text(_("Its subject alternative names are: %(names)s."), names=", ".join(own["sans"]) or "-")
    )
    return Verdict(
        Level.FAIL,
        text(_("A server cannot use the issued certificate for its name.")),
        value=name,
        cause=cause,
        remedy=text(_("Make the issuer use the requested names and usages: in the role (Vault) or in the certificate template (others).")),
        evidence=own,
    )  # fmt: skip


def _lifetime(facts: Facts) -> Verdict:
    issued = facts(shapes.ISSUED)
    hours, asked = issued["presented"][0]["hours"], issued["asked_hours"]
    if hours >= issued["renew_hours"]:
        return passed(
            ngettext("Certificates are valid for %(days)d day.", "Certificates are valid for %(days)d days."),
            days=hours // 24,
        )
    return Verdict(
        Level.WARN,
        text(ngettext("Certificates are valid for only %(hours)d hour.", "Certificates are valid for only %(hours)d hours."), hours=hours),
        value=facts.answers["certificates.cluster_issuer"],
        cause=text(_("TMC-SM requests %(asked)d hours and renews %(renew)d hours before expiry."), asked=asked,
                   renew=issued["renew_hours"]),
        remedy=text(_("Make the issuer issue longer ones; otherwise each renewal restarts services.")),
        evidence={"hours": hours, "asked": asked},
    )  # fmt: skip


def _presented(facts: Facts) -> Verdict:
    """What servers will present must be enough for clients that have the root alone."""
    chain, issued = facts(shapes.CHAIN), facts(shapes.ISSUED)
    if issued["disorder"]:
        return Verdict(
            Level.WARN,
            text(_("The certificates in the issued chain are in the wrong order.")),
            value=chain["issuer"] or "-",
            cause=Text.from_json(issued["disorder"][0]),
            remedy=text(_("Reorder the certificates in the issuer's Secret: the signing certificate first, then each one's issuer.")),
            evidence={"presented": issued["presented"]},
        )  # fmt: skip
    if chain["roots"] and not chain["from_root"]:
        return Verdict(
            Level.WARN,
            text(_("Clients that have only the root certificate will not trust the public names.")),
            value=chain["missing"] or "-",
            cause=text(_("The issuer's certificate chain lacks an intermediate certificate: %(subject)s."),
                       subject=chain["missing"] or "-"),
            remedy=text(_("Add it to tls.crt in the Secret of the ClusterIssuer, after the signing certificate.")),
            command="kubectl -n cert-manager get secret <secret of the issuer> -o jsonpath='{.data.tls\\.crt}' | base64 -d",
            evidence={"presented": issued["presented"]},
        )  # fmt: skip
    return passed(
        ngettext(
            "The chain has %(count)d certificate and is complete.",
            "The chain has %(count)d certificates, complete and in order.",
        ),
        count=len(issued["presented"]),
    )


CHECKS = (
    Check("certificates.cert-manager", _("cert-manager is installed in a supported version"), Owner.PLATFORM,
          (*CLUSTER, "bundle.release"), _cert_manager, needs=("cluster.reachable",)),
    Check("certificates.cert-manager-running", _("Every component of cert-manager is available"), Owner.PLATFORM,
          CLUSTER, _running, needs=("certificates.cert-manager",)),
    Check("certificates.issuer-ready", _("The ClusterIssuer exists and is ready"), Owner.SECURITY, ISSUER,
          _issuer_ready, needs=("certificates.cert-manager",), strict=True),
    Check("certificates.issuer-kind", _("The type of the ClusterIssuer is suitable"), Owner.SECURITY, ISSUER,
          _issuer_kind, needs=("certificates.issuer-ready",)),
    Check("certificates.trial-issued", _("The issuer issues a certificate for a name in the zone"), Owner.SECURITY,
          (*ISSUER, "dns.zone"), _trial,
          needs=("certificates.cert-manager-running", "certificates.issuer-ready", "dns.zone-well-formed"),
          touches=_("Creates a Certificate in a temporary namespace, then deletes both.")),
    Check("certificates.trial-usable", _("The issued certificate is valid for a server and its name"), Owner.SECURITY,
          (*ISSUER, "dns.zone"), _usable, needs=("certificates.trial-issued",)),
    Check("certificates.lifetime", _("Certificates are valid long enough"), Owner.SECURITY,
          (*ISSUER, "dns.zone"), _lifetime, needs=("certificates.trial-issued",)),
    Check("certificates.chain", _("Certificates from the issuer are signed by the CA you entered"), Owner.SECURITY,
          (*ISSUER, "dns.zone", "certificates.ca"), _chain,
          needs=("certificates.trial-issued", "certificates.issuer-kind", "certificates.authority",
                 "certificates.authority-valid", "certificates.authority-complete")),
    Check("certificates.chain-presented", _("Servers present a complete certificate chain"), Owner.SECURITY,
          (*ISSUER, "dns.zone", "certificates.ca"), _presented, needs=("certificates.chain",)),
)  # fmt: skip
