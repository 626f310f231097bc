"""The shape of a release: layout, names, packages, workloads, values. Data only; read from YAML by reading.py."""

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
    version: str  #: empty where no source names it
    wave: int
    workloads: tuple[Workload, ...] = ()


@dataclass(frozen=True)
class PublicCertificate:
    """A certificate of public names; hosts are prefixes, "" is the zone itself."""

    name: str
    secret: str
    hosts: tuple[str, ...]
    package: str = ""  #: name of the package that asks for it
    internal: bool = False  #: signed by the release's own authority, not by the operator's issuer


@dataclass(frozen=True)
class Layout:
    """An unpacked download: its folders, what starts in it, and where its package repository goes."""

    folders: tuple[str, ...]
    programs: tuple[str, ...]  #: the vendor's, in the order of preference
    parent_package: str
    repository: str  #: below the registry project


@dataclass(frozen=True)
class Endpoints:
    """Prefixes of the public names that have a part in the sign-in; "" is the zone itself."""

    console: str
    landing: str
    sign_in: str
    supervisor: str


@dataclass(frozen=True)
class Source:
    """Where a value comes from: an answer, a constant, or what the plan derives from several answers."""

    answer: str = ""
    derived: str = ""
    constant: Any = None


@dataclass(frozen=True)
class Release:
    """A TMC-SM version and what is known of it."""

    version: str
    generation: str  #: the folder of data it was read from
    layout: Layout
    push: tuple[str, ...]  #: arguments of the vendor's program that push; {project} stands for the registry project
    stages: tuple[str, ...]  #: slugs, in the order in which they are carried out
    namespace: str
    repository_name: str  #: of the PackageRepository object
    install_name: str  #: of the parent PackageInstall
    ingress: str  #: the Service that the public names lead to
    endpoints: Endpoints
    hosts: tuple[str, ...]  #: prefixes of the public names; "" is the zone itself
    certificates: tuple[PublicCertificate, ...]
    packages: tuple[Package, ...]
    values_schema: Mapping[str, Any]  #: OpenAPI v3, as the parent Package carries it
    sources: Mapping[str, Source]  #: dotted key of a value to where it comes from
    downloads: tuple[str, ...]  #: names of the vendor's file
    kubernetes: tuple[str, str]  #: lowest and highest minor version seen working, "1.23"
    seen: str  #: a Kubernetes version that the release ran on
    cert_manager: tuple[str, str]  #: lowest and highest version seen working
    traps: tuple[str, ...]  #: codes of words.TRAPS
    thin: tuple[str, ...]  #: codes of words.THIN: what no source names
    workers: int
    worker_cpu: int  #: cores
    worker_memory: int  #: bytes
    worker_disk: int  #: bytes
    near: str = ""  #: the nearest known release, where this one is known from its download alone

    @property
    def ref_name(self) -> str:
        """Of the parent package."""
        return self.layout.parent_package

    @property
    def repository_path(self) -> str:
        """Of the package repository, below the registry project."""
        return self.layout.repository

    @property
    def operator_certificates(self) -> tuple[PublicCertificate, ...]:
        """Those that the operator's issuer signs."""
        return tuple(each for each in self.certificates if not each.internal)

    def certificate_of(self, host: str) -> PublicCertificate | None:
        return next((each for each in self.certificates if host in each.hosts), None)

    def public_names(self, zone: str) -> tuple[str, ...]:
        """Every name that must resolve to the load balancer."""
        return tuple(host_name(host, zone) for host in self.hosts)

    def redirect_uri(self, zone: str) -> str:
        """The callback to register at the identity provider, exact (facts: every guide)."""
        return f"{self.issuer_url(zone)}/callback"

    def issuer_url(self, zone: str) -> str:
        """What the sign-in service of TMC-SM itself is called, as an issuer."""
        return f"https://{host_name(self.endpoints.supervisor, zone)}/provider/pinniped"

    def repository_image(self, project: str) -> str:
        """The package repository as kapp-controller fetches it."""
        return f"{project}/{self.repository_path}:{self.version}"

    def push_arguments(self, project: str) -> tuple[str, ...]:
        return tuple(project if part == "{project}" else part for part in self.push)


def host_name(host: str, zone: str) -> str:
    return f"{host}.{zone}" if host else zone


def order(version: str) -> tuple[int, ...]:
    """To compare versions by: 1.4.10 is after 1.4.9."""
    return tuple(int("".join(filter(str.isdigit, part)) or 0) for part in version.split("."))
