"""The CustomResourceDefinitions that kapp-controller and cert-manager bring into a cluster."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]

_DESCRIPTION = {"name": "Description", "type": "string", "jsonPath": ".status.friendlyDescription"}
_AGE = {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}
_READY = {"name": "Ready", "type": "string", "jsonPath": '.status.conditions[?(@.type=="Ready")].status'}


def _definition(
    api_version: str,
    kind: str,
    plural: str,
    *,
    short: tuple[str, ...],
    columns: tuple[Object, ...],
    scope: str = "Namespaced",
) -> Object:
    group, _slash, version = api_version.partition("/")
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    served = {
        "name": version,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "schema": {"openAPIV3Schema": anything},
        "additionalPrinterColumns": list(columns),
    }
    names = {
        "kind": kind,
        "listKind": f"{kind}List",
        "plural": plural,
        "singular": kind.lower(),
        "shortNames": list(short),
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {"group": group, "scope": scope, "names": names, "versions": [served]},
    }


def _carvel(group: str, kind: str, plural: str, short: str, *columns: Object) -> Object:
    return _definition(f"{group}/v1alpha1", kind, plural, short=(short,), columns=(*columns, _DESCRIPTION, _AGE))


def _cert_manager(kind: str, plural: str, *short: str, scope: str = "Namespaced") -> Object:
    return _definition("cert-manager.io/v1", kind, plural, short=short, columns=(_READY, _AGE), scope=scope)


_PACKAGE = {"name": "Package name", "type": "string", "jsonPath": ".spec.packageRef.refName"}
_VERSION = {"name": "Package version", "type": "string", "jsonPath": ".status.version"}

KAPP_CONTROLLER = (
    _carvel("packaging.carvel.dev", "PackageRepository", "packagerepositories", "pkgr"),
    _carvel("packaging.carvel.dev", "PackageInstall", "packageinstalls", "pkgi", _PACKAGE, _VERSION),
    _carvel("kappctrl.k14s.io", "App", "apps", "app"),
)
CERT_MANAGER = (
    _cert_manager("ClusterIssuer", "clusterissuers", scope="Cluster"),
    _cert_manager("Issuer", "issuers"),
    _cert_manager("Certificate", "certificates", "cert", "certs"),
    _cert_manager("CertificateRequest", "certificaterequests", "cr", "crs"),
)
CONTOUR = (
    _definition(
        "projectcontour.io/v1",
        "HTTPProxy",
        "httpproxies",
        short=("proxy", "proxies"),
        columns=(
            {"name": "FQDN", "type": "string", "jsonPath": ".spec.virtualhost.fqdn"},
            {"name": "TLS Secret", "type": "string", "jsonPath": ".spec.virtualhost.tls.secretName"},
            {"name": "Status", "type": "string", "jsonPath": ".status.currentStatus"},
        ),
    ),
)
