"""The shape of a release: names, packages, workloads, values schema. Data only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

WorkloadKind = Literal["Deployment", "StatefulSet", "DaemonSet", "Job"]


@dataclass(frozen=True)
class Workload:
    """What a package runs; pods are named after it."""

    kind: WorkloadKind
    name: str
    replicas: int = 1
    containers: int = 1


@dataclass(frozen=True)
class Package:
    """One child package of a release; packages of one wave reconcile side by side."""

    name: str  #: of the PackageInstall
    ref_name: str  #: of the Package
    version: str
    wave: int
    workloads: tuple[Workload, ...] = ()


@dataclass(frozen=True)
class PublicCertificate:
    """A certificate that the release asks of the operator's issuer; hosts are prefixes, "" is the zone itself."""

    name: str
    secret: str
    hosts: tuple[str, ...]


@dataclass(frozen=True)
class Release:
    """A TMC-SM version and what is known of it."""

    version: str
    ref_name: str  #: of the parent package
    namespace: str
    repository_name: str  #: of the PackageRepository object
    install_name: str  #: of the parent PackageInstall
    repository_path: str  #: below the registry project
    hosts: tuple[str, ...]  #: prefixes of the public names; "" is the zone itself
    certificates: tuple[PublicCertificate, ...]
    packages: tuple[Package, ...]
    values_schema: Mapping[str, Any]  #: OpenAPI v3, as the parent Package carries it
    kubernetes: tuple[str, str]  #: lowest and highest minor version seen working, "1.23"
    cert_manager: tuple[str, str]  #: lowest and highest version seen working
    workers: int
    worker_cpu: int  #: cores
    worker_memory: int  #: bytes
    worker_disk: int  #: bytes

    def public_names(self, zone: str) -> tuple[str, ...]:
        """Every name that must resolve to the load balancer."""
        return tuple(host_name(host, zone) for host in self.hosts)

    def redirect_uri(self, zone: str) -> str:
        """The callback to register at the identity provider, exact (facts: every guide)."""
        return f"{self.issuer_url(zone)}/callback"

    def issuer_url(self, zone: str) -> str:
        """What the sign-in service of TMC-SM itself is called, as an issuer."""
        return f"https://pinniped-supervisor.{zone}/provider/pinniped"

    def repository_image(self, project: str) -> str:
        """The package repository as kapp-controller fetches it."""
        return f"{project}/{self.repository_path}:{self.version}"


def host_name(host: str, zone: str) -> str:
    return f"{host}.{zone}" if host else zone
