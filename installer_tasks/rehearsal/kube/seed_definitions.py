"""CustomResourceDefinitions of kapp-controller and cert-manager, with the columns their authors chose."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Object = dict[str, Any]
_AGE = ("Age", "date", ".metadata.creationTimestamp")
_DESCRIPTION = ("Description", "string", ".status.friendlyDescription")
_READY = ("Ready", "string", '.status.conditions[?(@.type=="Ready")].status')
_STATUS = ("Status", "string", '.status.conditions[?(@.type=="Ready")].message', 1)
Column = tuple[str, str, str] | tuple[str, str, str, int]


def definitions() -> Iterator[Object]:
    yield from _carvel()
    yield from _cert_manager()


def definition(
    group: str, version: str, names: str, *columns: Column, scope: str = "Namespaced", description: str = ""
) -> Object:
    """`names` are kind, plural and short names, with spaces between."""
    kind, plural, *short = names.split()
    shown = [_column(*column) for column in columns]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": scope,
            "names": {"kind": kind, "plural": plural, "singular": kind.lower(), "shortNames": short},
            "versions": [
                {
                    "name": version,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "schema": {"openAPIV3Schema": _schema(description or f"A {kind}.")},
                    "additionalPrinterColumns": shown,
                }
            ],
        },
    }


def _column(name: str, kind: str, path: str, priority: int = 0) -> Object:
    return {"name": name, "type": kind, "jsonPath": path, "priority": priority}


def _schema(description: str) -> Object:
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {"type": "object", "description": description, "properties": {"spec": anything, "status": anything}}


def _carvel() -> Iterator[Object]:
    packaging, internal, v1alpha1 = "packaging.carvel.dev", "internal.packaging.carvel.dev", "v1alpha1"
    yield definition(
        packaging, v1alpha1, "PackageRepository packagerepositories pkgr", _AGE, _DESCRIPTION,
        description="A package repository is a collection of packages and their metadata.",
    )  # fmt: skip
    yield definition(
        packaging, v1alpha1, "PackageInstall packageinstalls pkgi",
        ("Package name", "string", ".spec.packageRef.refName"),
        ("Package version", "string", ".status.version"),
        _DESCRIPTION, _AGE,
        description="A Package Install is an actual installation of a package and its underlying resources.",
    )  # fmt: skip
    yield definition(
        "kappctrl.k14s.io", v1alpha1, "App apps", _DESCRIPTION,
        ("Since-Deploy", "date", ".status.deploy.startedAt"), _AGE,
        description="An App is a set of Kubernetes resources.",
    )  # fmt: skip
    yield definition(
        internal, v1alpha1, "InternalPackage internalpackages",
        ("PackageMetadata Name", "string", ".spec.refName"), ("Version", "string", ".spec.version"),
    )  # fmt: skip
    yield definition(
        internal, v1alpha1, "InternalPackageMetadata internalpackagemetadatas",
        ("Display Name", "string", ".spec.displayName"),
    )  # fmt: skip


def _cert_manager() -> Iterator[Object]:
    group, version = "cert-manager.io", "v1"
    issuer = ("Issuer", "string", ".spec.issuerRef.name", 1)
    yield definition(
        group, version, "Certificate certificates cert certs",
        _READY, ("Secret", "string", ".spec.secretName"), issuer, _STATUS, _AGE,
    )  # fmt: skip
    yield definition(
        group, version, "CertificateRequest certificaterequests cr crs",
        ("Approved", "string", '.status.conditions[?(@.type=="Approved")].status'),
        ("Denied", "string", '.status.conditions[?(@.type=="Denied")].status'),
        _READY, ("Issuer", "string", ".spec.issuerRef.name"), ("Requestor", "string", ".spec.username"), _STATUS, _AGE,
    )  # fmt: skip
    yield definition(group, version, "Issuer issuers", _READY, _STATUS, _AGE)
    yield definition(group, version, "ClusterIssuer clusterissuers", _READY, _STATUS, _AGE, scope="Cluster")
