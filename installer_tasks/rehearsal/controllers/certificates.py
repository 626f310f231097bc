"""cert-manager: issuers become Ready, Certificates become Secrets with real X.509; and Contour's proxies turn valid."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from cryptography import x509

from installer_tasks.rehearsal.controllers.issuing import Authority, Issued, IssuerBroken, self_signed
from installer_tasks.rehearsal.controllers.objects import Object
from installer_tasks.rehearsal.controllers.roles import Role
from installer_tasks.rehearsal.controllers.world import World, condition, now

API = "cert-manager.io/v1"
CLUSTER_NAMESPACE = "cert-manager"  #: where Secrets of ClusterIssuers are
ISSUING = 0.005  #: share of an installation that an issue takes


class Issuers:
    kinds = ("ClusterIssuer", "Issuer")

    def __init__(self, world: World) -> None:
        self._world = world

    def reconcile(self, obj: Object) -> float | None:
        ready, reason, message = self._judge(obj)
        self._world.desk.status(obj, {"conditions": [_ready(obj, ready, reason, message)]})
        return None

    def _judge(self, issuer: Object) -> tuple[bool, str, str]:
        if "ca" not in issuer["spec"]:
            return True, "IsReady", ""
        try:
            authority_of(self._world, issuer)
        except IssuerBroken as error:
            return False, "ErrGetKeyPair", str(error)
        return True, "KeyPairVerified", "Signing CA verified"


def authority_of(world: World, issuer: Object) -> Authority:
    """The key pair of a CA issuer, or the one behind its role. Raises IssuerBroken."""
    namespace = issuer["metadata"].get("namespace") or CLUSTER_NAMESPACE
    role = Role.of(issuer)
    name = role.secret if role else issuer["spec"]["ca"].get("secretName", "")
    secret = world.desk.get("Secret", name, namespace)
    if secret is None:
        raise IssuerBroken(f'Error getting keypair for CA issuer: secret "{name}" not found')
    return Authority.from_secret(secret)


class Certificates:
    kinds = ("Certificate",)

    def __init__(self, world: World) -> None:
        self._world = world

    def reconcile(self, obj: Object) -> float | None:
        metadata, spec = obj["metadata"], obj["spec"]
        secret = self._world.desk.get("Secret", spec["secretName"], metadata["namespace"])
        if secret is not None and _fits(secret, spec):
            self._done(obj, secret)
            return None
        issuer, problem = self._issuer(obj)
        if issuer is None or problem:
            self._pending(obj, problem)
            return None
        role = Role.of(issuer)
        if role and (role.pending or role.refuses):
            self._unserved(obj, role)
            return None
        left = self._world.left(ISSUING, "certificate", metadata["uid"], str(metadata.get("generation")))
        if left > 0:
            self._pending(obj, "")
            return left
        self._issue(obj, issuer)
        return 0.0

    def _issuer(self, certificate: Object) -> tuple[Object | None, str]:
        reference = certificate["spec"].get("issuerRef") or {}
        kind, name = str(reference.get("kind") or "Issuer"), str(reference.get("name", ""))
        namespace = "" if kind == "ClusterIssuer" else certificate["metadata"]["namespace"]
        issuer = self._world.desk.get(kind, name, namespace) if kind in Issuers.kinds else None
        if issuer is None:
            resource = f'{kind.lower()}.cert-manager.io "{name}" not found'
            return None, f'Referenced "{kind}" not found: {resource}'
        if not is_ready(issuer):
            return issuer, "Referenced issuer does not have a Ready status condition"
        return issuer, ""

    def _issue(self, certificate: Object, issuer: Object) -> None:
        spec = certificate["spec"]
        role = Role.of(issuer)
        if role or "ca" in issuer["spec"]:
            issued = authority_of(self._world, issuer).issue(spec, role or Role())
        else:
            issued = self_signed(spec)
        self._world.desk.ensure(_tls_secret(certificate, issued))
        self._request(certificate, True, "Issued", "Certificate fetched from issuer successfully")

    def _pending(self, certificate: Object, problem: str) -> None:
        if problem:
            self._request(certificate, False, "Pending", problem)
        message = "Issuing certificate as Secret does not exist"
        conditions = [
            _ready(certificate, False, "DoesNotExist", message),
            condition("Issuing", True, "DoesNotExist", message),
        ]
        self._world.desk.status(certificate, {"conditions": conditions})

    def _unserved(self, certificate: Object, role: Role) -> None:
        """Whoever signs has said no, which is the end of this request, or has not come to it."""
        self._pending(certificate, role.pending)
        if role.refuses:
            self._request(certificate, False, "Failed", role.refuses)

    def _request(self, certificate: Object, ready: bool, reason: str, message: str) -> None:
        metadata = certificate["metadata"]
        name = f"{metadata['name']}-{metadata.get('generation', 1)}"
        annotations = {"cert-manager.io/certificate-name": metadata["name"]}
        request: Object = {
            "apiVersion": API,
            "kind": "CertificateRequest",
            "metadata": {"name": name, "namespace": metadata["namespace"], "annotations": annotations},
            "spec": {"issuerRef": certificate["spec"].get("issuerRef", {})},
        }
        stored = self._world.desk.ensure(request, owner=certificate)
        self._world.desk.status(stored, {"conditions": [condition("Ready", ready, reason, message)]})

    def _done(self, certificate: Object, secret: Object) -> None:
        found = x509.load_pem_x509_certificate(base64.b64decode(secret["data"]["tls.crt"]))
        ready = _ready(certificate, True, "Ready", "Certificate is up to date and has not expired")
        times = {"notBefore": found.not_valid_before_utc, "notAfter": found.not_valid_after_utc}
        status = {key: value.strftime("%Y-%m-%dT%H:%M:%SZ") for key, value in times.items()}
        self._world.desk.status(certificate, {**status, "revision": 1, "conditions": [ready]})


def is_ready(obj: Mapping[str, Any]) -> bool:
    conditions = (obj.get("status") or {}).get("conditions") or []
    return any(item["type"] == "Ready" and item["status"] == "True" for item in conditions)


def _ready(obj: Object, status: bool, reason: str, message: str) -> Object:
    """Keeps the time of the last transition, so that saying the same again changes nothing."""
    old: Object = next((c for c in (obj.get("status") or {}).get("conditions") or [] if c.get("type") == "Ready"), {})
    at = old.get("lastTransitionTime") if old.get("status") == str(status) else None
    generation = obj["metadata"].get("generation", 1)
    return condition("Ready", status, reason, message, lastTransitionTime=at or now(), observedGeneration=generation)


def _tls_secret(certificate: Object, issued: Issued) -> Object:
    spec, reference = certificate["spec"], certificate["spec"].get("issuerRef") or {}
    annotations = {
        "cert-manager.io/alt-names": _names(spec),
        "cert-manager.io/certificate-name": certificate["metadata"]["name"],
        "cert-manager.io/issuer-group": "cert-manager.io",
        "cert-manager.io/issuer-kind": str(reference.get("kind") or "Issuer"),
        "cert-manager.io/issuer-name": str(reference.get("name", "")),
    }
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/tls",
        "metadata": {
            "name": spec["secretName"],
            "namespace": certificate["metadata"]["namespace"],
            "annotations": annotations,
        },
        "data": issued.as_data(),
    }


def _names(spec: Mapping[str, Any]) -> str:
    return ",".join(spec.get("dnsNames") or [])


def _fits(secret: Object, spec: Mapping[str, Any]) -> bool:
    annotations = secret["metadata"].get("annotations") or {}
    return bool(
        annotations.get("cert-manager.io/alt-names") == _names(spec)
        and annotations.get("cert-manager.io/issuer-name") == (spec.get("issuerRef") or {}).get("name")
        and (secret.get("data") or {}).get("tls.crt")
    )


class Proxies:
    """Contour: a proxy is valid once its TLS Secret is there."""

    kinds = ("HTTPProxy",)

    def __init__(self, world: World) -> None:
        self._world = world

    def reconcile(self, obj: Object) -> float | None:
        host = obj["spec"].get("virtualhost") or {}
        name = (host.get("tls") or {}).get("secretName", "")
        valid = not name or self._world.desk.get("Secret", name, obj["metadata"]["namespace"]) is not None
        problem = f'Spec.VirtualHost.TLS Secret "{name}" is invalid: Secret not found'
        status = {
            "currentStatus": "valid" if valid else "invalid",
            "description": "Valid HTTPProxy" if valid else problem,
            "conditions": [condition("Valid", valid, "Valid" if valid else "ErrorPresent")],
        }
        self._world.desk.status(obj, status)
        return None
