"""Faults of the certificate authority, cert-manager and the issuer."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from installer_tasks.rehearsal import authorities
from installer_tasks.rehearsal.authorities import Made, make
from installer_tasks.rehearsal.controllers.issuing import Issued
from installer_tasks.rehearsal.controllers.roles import PENDING, ROLE, Role
from installer_tasks.rehearsal.faults.base import Change, Fault, Variant
from installer_tasks.rehearsal.kube import GVR
from installer_tasks.rehearsal.kube.store import watching
from installer_tasks.text import mark as _

if TYPE_CHECKING:
    from installer_tasks.rehearsal.estate import Estate

Object = dict[str, Any]
ISSUERS = GVR("cert-manager.io", "v1", "clusterissuers")
SECRETS = GVR("", "v1", "secrets")
DEPLOYMENTS = GVR("apps", "v1", "deployments")
DEFINITIONS = GVR("apiextensions.k8s.io", "v1", "customresourcedefinitions")
NAMESPACE, ISSUER, SECRET = "cert-manager", "practice-issuer", "practice-ca"
PARTS = ("cert-manager", "cert-manager-webhook", "cert-manager-cainjector")
SETTLED = 10.0
Undo = Callable[[], None]


def _settled(estate: Estate, gvr: GVR, name: str) -> None:
    """Wait until the controllers have seen to an object: an issuer is judged, a Deployment has the pods it wants."""
    namespace, end = _home(gvr), time.monotonic() + SETTLED
    done = {ISSUERS: _judged, DEPLOYMENTS: _whole}.get(gvr, bool)
    with watching(estate.store, gvr) as changes:
        while time.monotonic() < end and not done(estate.store.get(gvr, namespace, name) or {}):
            changes.next(0.2)


def _home(gvr: GVR) -> str:
    return "" if gvr in (ISSUERS, DEFINITIONS) else NAMESPACE


def _judged(issuer: Object) -> bool:
    conditions = (issuer.get("status") or {}).get("conditions") or []
    return any(item.get("observedGeneration") == issuer["metadata"].get("generation") for item in conditions)


def _whole(deployment: Object) -> bool:
    available = (deployment.get("status") or {}).get("availableReplicas") or 0
    return bool(deployment) and available == deployment["spec"].get("replicas", 1)


def _changed(estate: Estate, gvr: GVR, name: str, changed: Callable[[Object], Object]) -> Undo:
    """Change an object; the undo makes it what it was."""
    before = estate.store.get(gvr, _home(gvr), name)
    assert before is not None  # noqa: S101 - the estate has them all

    def back(live: Object) -> Object:
        version = live["metadata"]["resourceVersion"]
        return {**before, "metadata": {**before["metadata"], "resourceVersion": version}}

    def write(new: Callable[[Object], Object]) -> None:
        estate.store.change(gvr, _home(gvr), name, new)
        _settled(estate, gvr, name)

    write(changed)
    return lambda: write(back)


def _down(part: str) -> Change:
    def scaled(obj: Object) -> Object:
        return {**obj, "spec": {**obj["spec"], "replicas": 0}}

    return lambda estate: _changed(estate, DEPLOYMENTS, part, scaled)


def _version(version: str) -> Change:
    """Its labels say so, as those of the manifests do."""

    def relabelled(obj: Object) -> Object:
        labels = {**obj["metadata"]["labels"], "app.kubernetes.io/version": version}
        return {**obj, "metadata": {**obj["metadata"], "labels": labels}}

    def change(estate: Estate) -> Undo:
        undone = [_changed(estate, DEPLOYMENTS, part, relabelled) for part in PARTS]

        def undo() -> None:
            for take_back in undone:
                take_back()

        return undo

    return change


def _absent(estate: Estate) -> Undo:
    """Neither its Deployments nor its kinds, and so no issuer."""
    definitions = [
        item for item in estate.store.list(DEFINITIONS) if item["metadata"]["name"].endswith(f".{ISSUERS.group}")
    ]
    kinds = [GVR(ISSUERS.group, ISSUERS.version, item["spec"]["names"]["plural"]) for item in definitions]
    kept = [(DEPLOYMENTS, item) for item in estate.store.list(DEPLOYMENTS, NAMESPACE)]
    kept += [(DEFINITIONS, item) for item in definitions]
    kept += [(gvr, item) for gvr in kinds for item in estate.store.list(gvr)]
    for gvr, item in reversed(kept):
        estate.store.delete(gvr, item["metadata"].get("namespace", ""), item["metadata"]["name"])

    def undo() -> None:
        for gvr, item in kept:
            metadata = {key: value for key, value in item["metadata"].items() if key not in ("uid", "resourceVersion")}
            estate.store.create(gvr, {**item, "metadata": metadata})
        for gvr, item in kept:
            if gvr in (DEPLOYMENTS, ISSUERS):
                _settled(estate, gvr, item["metadata"]["name"])

    return undo


def _issuer_spec(spec: Object, role: Role | None = None) -> Change:
    """The same ClusterIssuer, signing in another way."""

    def respecified(obj: Object) -> Object:
        annotations = {**(obj["metadata"].get("annotations") or {})}
        if role:
            annotations[ROLE] = json.dumps(asdict(role))
        return {**obj, "metadata": {**obj["metadata"], "annotations": annotations}, "spec": spec}

    return lambda estate: _changed(estate, ISSUERS, ISSUER, respecified)


def _vault(**role: Any) -> Change:
    vault = {
        "server": "https://vault.practice.example",
        "path": "pki/sign/tmc",
        "auth": {"kubernetes": {"role": "tmc"}},
    }
    return _issuer_spec({"vault": vault}, Role(secret=SECRET, **role))


def _acme(solver: Object, **role: Any) -> Change:
    acme = {
        "server": "https://acme.practice.example/directory",
        "solvers": [solver],
        "privateKeySecretRef": {"name": "acme"},
    }
    return _issuer_spec({"acme": acme}, Role(secret=SECRET, **role))


def _secret_lost(estate: Estate) -> Undo:
    """It was made in another namespace than the one where cert-manager looks for it."""
    return _issuer_spec({"ca": {"secretName": "tmc-local-ca"}})(estate)


def signs_with(estate: Estate, authority: Made, *above: Made) -> Undo:
    """The ClusterIssuer signs with another authority, those `above` it in its Secret."""
    data = Issued("".join(item.pem for item in (authority, *above)), authority.key_pem).as_data()
    return _changed(estate, SECRETS, SECRET, lambda obj: {**obj, "data": data})


def _another_authority(estate: Estate) -> Undo:
    return signs_with(estate, make("Another practice root"))


class Intermediate:
    """Root, middle and signing authority of a company; what the issuer has of them is up to the fault."""

    def __init__(self) -> None:
        self.root = make("Company root")
        self.middle = make("Company authority", self.root)
        self.signing = make("Company signing authority", self.middle)


def _gap() -> tuple[Change, Callable[[Estate], Mapping[str, str]]]:
    company = Intermediate()
    return (
        lambda estate: signs_with(estate, company.signing),
        lambda _estate: {"certificates.ca": company.middle.pem + company.root.pem},
    )


def _rootless() -> tuple[Change, Callable[[Estate], Mapping[str, str]]]:
    company = Intermediate()
    return (
        lambda estate: signs_with(estate, company.signing, company.middle),
        lambda _estate: {"certificates.ca": company.middle.pem},
    )


def _cramped() -> tuple[Change, Callable[[Estate], Mapping[str, str]]]:
    root = make("Company root", path_length=0)
    signing = make("Company signing authority", root)
    return (lambda estate: signs_with(estate, signing), lambda _estate: {"certificates.ca": signing.pem + root.pem})


def _answered(pem: Callable[[Estate], str]) -> Callable[[Estate], Mapping[str, str]]:
    return lambda estate: {"certificates.ca": pem(estate)}


def _beside(**how: Any) -> Callable[[Estate], Mapping[str, str]]:
    """Beside the right authority, another one is supplied."""
    return lambda estate: {"certificates.ca": estate.ca.ca_pem + make("Old practice authority", **how).pem}


def _own_of_server(estate: Estate) -> str:
    chain = x509.load_pem_x509_certificates((estate.folder / "tls" / "estate.crt").read_bytes())
    return authorities.pem(chain[0])


def _pinned() -> tuple[Change, Callable[[Estate], Mapping[str, str]]]:
    """TMC-SM gets an authority of its own; of the others the server's certificate was copied in place of theirs."""
    root = make("TMC root")

    def answers(estate: Estate) -> Mapping[str, str]:
        own = _own_of_server(estate)
        return {"certificates.ca": root.pem, "identity.ca": own, "registry.ca": own}

    return lambda estate: signs_with(estate, root), answers


def _of_2009(estate: Estate) -> str:
    return estate.ca.ca_pem + authorities.OF_2009


NOT_ALLOWED = "Error making API request. Code: 400. Errors: common name not allowed by this role"

FAULTS: tuple[Fault, ...] = (
    Fault("certificates.no-cert-manager", _("cert-manager is not installed"), "certificates.cert-manager",
          "is not installed in this cluster", _absent),
    Fault("certificates.cert-manager-new", _("cert-manager is newer than the supported range"),
          "certificates.cert-manager",
          "1.19.1 is outside", _version("v1.19.1")),
    Fault("certificates.cert-manager-old", _("cert-manager is older than the supported range"),
          "certificates.cert-manager",
          "1.5.3 is outside", _version("v1.5.3")),
    Fault("certificates.webhook-down", _("The cert-manager webhook is not running"),
          "certificates.cert-manager-running",
          "cert-manager-webhook", _down("cert-manager-webhook")),
    Fault("certificates.controller-down", _("The cert-manager controller is not running"),
          "certificates.cert-manager-running", "cert-manager/cert-manager", _down("cert-manager")),
    Fault("certificates.issuer-misspelt", _("No ClusterIssuer has the name that was entered"),
          "certificates.issuer-ready",
          "practice-isuer does not exist", answers=lambda _estate: {"certificates.cluster_issuer": "practice-isuer"}),
    Fault("certificates.issuer-secret-lost", _("The Secret of the ClusterIssuer is in another namespace"),
          "certificates.issuer-ready", "not found", _secret_lost),
    Fault("certificates.self-signing", _("The ClusterIssuer issues only self-signed certificates"),
          "certificates.issuer-kind", "issues self-signed certificates only", _issuer_spec({"selfSigned": {}})),
    Fault("certificates.acme", _("The ClusterIssuer uses an ACME server"), "certificates.issuer-kind", "ACME server",
          _acme({"dns01": {"rfc2136": {"nameserver": "192.0.2.53"}}})),
    Fault("certificates.never-issued", _("The ACME challenge stays pending"), "certificates.trial-issued",
          "pending", _acme({"http01": {"ingress": {"class": "contour"}}}, pending=PENDING)),
    Fault("certificates.refused", _("The Vault issuer's role does not allow names of the zone"),
          "certificates.trial-issued", "not allowed by this role", _vault(refuses=NOT_ALLOWED)),
    Fault("certificates.for-clients", _("The issuer issues client certificates, not server certificates"),
          "certificates.trial-usable", "server authentication", _vault(for_servers=False)),
    Fault("certificates.short-lived", _("The issuer issues certificates for one day"), "certificates.lifetime",
          "24 hours", _vault(most_hours=24)),
    Fault("certificates.another-signs", _("The ClusterIssuer signs with another CA than the one entered"),
          "certificates.chain", "not among the CA certificates you entered", _another_authority),
    Fault("certificates.another-answered", _("The CA certificate belongs to another system"), "certificates.chain",
          "not signed by the CA certificate you entered", answers=_answered(lambda _estate: make("Authority of the mail server").pem)),
    Fault("certificates.gap", _("The issuer's Secret lacks the intermediate certificate above it"),
          "certificates.chain-presented", "Company authority", *_gap()),
    Fault("certificates.rootless", _("The CA certificate is an intermediate, without its root"),
          "certificates.authority-complete", "Company root", *_rootless()),
    Fault("certificates.path-length", _("The root allows no CA below it, but the issuer is one"),
          "certificates.authority-complete", "path length", *_cramped()),
    Fault("certificates.leaf", _("A server certificate was entered as the CA certificate"), "certificates.authority",
          "CA:TRUE", answers=_answered(_own_of_server)),
    Fault("certificates.key-answered", _("A private key was entered as the CA certificate"), "certificates.authority",
          "private key", answers=_answered(lambda _estate: make("Any").key_pem)),
    Fault("certificates.may-not-sign", _("The key usage of a CA certificate lacks signing"),
          "certificates.authority",
          "keyCertSign", answers=_beside(may_sign=False)),
    Fault("certificates.authority-expired", _("A CA certificate has expired"), "certificates.authority-valid",
          "expired", answers=_beside(days=-3)),
    Fault("certificates.authority-ends-soon", _("A CA certificate expires within a month"),
          "certificates.authority-valid", "expires within", answers=_beside(days=30)),
    Fault("certificates.weak-key", _("A CA certificate has a 1024-bit key"), "certificates.authority-strength",
          "RSA 1024", answers=_beside(rsa_bits=authorities.WEAK_BITS)),
    Fault("certificates.sha1", _("A CA certificate is signed with SHA-1"),
          "certificates.authority-strength", "SHA1",
          answers=_answered(_of_2009)),
    Fault("certificates.brainpool", _("A CA certificate has a key on a Brainpool curve"),
          "certificates.authority-accepted", "elliptic curve", answers=_beside(curve=ec.BrainpoolP256R1)),
    Fault("certificates.pinned", _("The provider's and the registry's own certificates were "
                                   "entered as CA certificates"),
          "certificates.trust-complete", "after its renewal", *_pinned()),
)  # fmt: skip


def _company() -> tuple[Change, Callable[[Estate], Mapping[str, str]]]:
    company = Intermediate()
    return (
        lambda estate: signs_with(estate, company.signing, company.middle),
        lambda _estate: {"certificates.ca": company.root.pem},
    )


VARIANTS = (Variant("healthy.external-authority", _("The issuer is an intermediate of the company CA"), *_company()),)
