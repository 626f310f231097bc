"""The practice estate: a customer's data centre on loopback, with everything that TMC-SM needs.

Kubernetes, registry, identity provider, directory, DNS, load balancer and a release bundle, each a real server with TLS
from the practice CA. `Estate(folder).start()` brings all up; `answers()` is what its "customer" would answer in the
wizard.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from installer_tasks.local.state_folder import private_folder
from installer_tasks.rehearsal import releases
from installer_tasks.rehearsal.bundle import FULL, Scale, download_name, make_bundle, make_download
from installer_tasks.rehearsal.ca import PracticeCA
from installer_tasks.rehearsal.controllers import Address, Controllers, Hooks, Issued, Pace, fetch_bundle
from installer_tasks.rehearsal.controllers.pulling import Node
from installer_tasks.rehearsal.controllers.site import Site
from installer_tasks.rehearsal.dns import DnsServer
from installer_tasks.rehearsal.edge import Edge, page, tmc_routes
from installer_tasks.rehearsal.faults import BY_NAME, Fault, Faults, Variant
from installer_tasks.rehearsal.identity import Client, IdentityServer, practice_people
from installer_tasks.rehearsal.kube import KubeServer, Store, apply_manifests, kubeconfig, seed
from installer_tasks.rehearsal.kube.kubeconfig import CONTEXT
from installer_tasks.rehearsal.ldap import DirectoryServer
from installer_tasks.rehearsal.ldap_tree import GROUPS, SERVICE, practice_tree
from installer_tasks.rehearsal.ldap_tree import PEOPLE as PEOPLE_BASE
from installer_tasks.rehearsal.registry import RegistryServer, practice_users
from installer_tasks.releases import settings

ZONE = "tmc.practice.example"
ISSUER = "practice-issuer"
PROJECT = "tmc"
LOCAL = ("localhost", "127.0.0.1")
PEOPLE = ("ada", "mo", "nia")


@dataclass(frozen=True)
class Passwords:
    """Made anew for every estate; nothing of it is written anywhere but where a person would type it."""

    client_secret: str
    kube_admin: str
    kube_reader: str
    directory: str  #: of the service account
    people: Mapping[str, str]

    @classmethod
    def fresh(cls) -> Passwords:
        return cls(_secret(), _secret(), _secret(), _secret(), {name: _secret() for name in PEOPLE})


def _secret() -> str:
    return secrets.token_urlsafe(18)


class Estate:
    """All systems of one practice customer, made for one release, the newest unless another is named.

    `registry_rate` (bytes a second) makes a push last.
    """

    def __init__(
        self,
        folder: Path,
        *,
        pace: Pace = Pace.QUICK,
        scale: Scale = FULL,
        zone: str = ZONE,
        registry_rate: int | None = None,
        release: str = "",
        faults: Faults | None = None,
    ) -> None:
        self.folder = private_folder(folder)
        self.zone = zone
        self.release = releases.get(release or releases.known()[-1])
        self.faults = faults or Faults()
        self.passwords = Passwords.fresh()
        self.ca = PracticeCA.load_or_create(self.folder / "ca")
        self.bundle = make_bundle(self.folder / "bundle", self.release.version, scale=scale)
        self.download = self.folder / "download" / download_name(self.release)
        self.checksum = make_download(self.bundle, self.download)
        self._running = ExitStack()
        self._changed: dict[str, Callable[[], None]] = {}
        self._answering: dict[str, Mapping[str, str]] = {}
        certificate, key = self.ca.issue_files(self.folder / "tls", "estate", LOCAL)
        self.edge = Edge(faults=self.faults)
        self.dns = DnsServer(zone, faults=self.faults)
        self._make_identity(certificate, key)
        self.registry = RegistryServer(
            self.folder / "registry",
            certificate,
            key,
            users=practice_users(PROJECT),
            rate_limit=registry_rate,
            faults=self.faults,
            ca_file=self.ca.ca_file,
        )
        self.store = Store()
        self.kube = KubeServer(
            self.store,
            certificate,
            key,
            self.ca.ca_file,
            tokens={self.passwords.kube_admin: "admin", self.passwords.kube_reader: "read-only"},
            faults=self.faults,
            version=self.release.seen,
        )
        self.site = Site(self._address, lambda: self.registry.host, Node(self.ca.ca_pem))
        self.controllers = Controllers(self.store, pace, self._hooks())

    def _make_identity(self, certificate: Path, key: Path) -> None:
        """A provider and a directory, with the same people in both."""
        people = practice_people(self.passwords.people)
        client = Client("tmc", self.passwords.client_secret, [self.release.redirect_uri(self.zone)])
        self.identity = IdentityServer(certificate, key, clients=[client], users=people, faults=self.faults)
        tree = practice_tree(people, self.passwords.directory)
        self.directory = DirectoryServer(certificate, key, tree=tree, faults=self.faults)

    def start(self) -> Estate:
        """Bring everything up; what was started before a failure is stopped again."""
        seed(self.store, kubernetes=self.release.seen, cert_manager=self.release.cert_manager[1])
        with ExitStack() as started:
            for part in (
                self.edge,
                self.dns,
                self.identity,
                self.directory,
                self.registry,
                self.kube,
                self.controllers,
            ):
                part.start()
                started.callback(part.stop)
            self._running = started.pop_all()
        self.registry.create_project(PROJECT)
        for name in self.release.public_names(self.zone):
            self.dns.set(name, self.edge.address)
        callback = f"{self.edge.origin(f'pinniped-supervisor.{self.zone}')}/provider/pinniped/callback"
        self.identity.register_redirect("tmc", callback)  # where the load balancer could not have port 443
        self._make_issuer()
        return self

    def stop(self) -> None:
        self._running.close()

    def __enter__(self) -> Estate:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def project(self) -> str:
        return f"{self.registry.host}/{PROJECT}"

    def kubeconfig(self, user: str = "admin") -> str:
        """For `admin` or `read-only`, as a person would upload it."""
        token = self.passwords.kube_admin if user == "admin" else self.passwords.kube_reader
        return kubeconfig(self.kube.url, self.ca.ca_pem, token=token, context=CONTEXT)

    def switch(self, name: str, *, on: bool) -> None:
        """Turn a fault on or off while everything runs; KeyError for a name that is none."""
        fault = BY_NAME[name]
        if on == self.faults.active(name):
            return
        self._turn(fault, on=on)
        self.faults.switch(name, on=on)

    def vary(self, variant: Variant, *, on: bool) -> None:
        """Another healthy estate, or the usual one again."""
        self._turn(variant, on=on)

    def _turn(self, what: Fault | Variant, *, on: bool) -> None:
        if on:
            if what.change:
                self._changed[what.name] = what.change(self)
            if what.answers:
                self._answering[what.name] = what.answers(self)
            return
        self._answering.pop(what.name, None)
        change_back = self._changed.pop(what.name, None)
        if change_back:
            change_back()

    def answers(self) -> dict[str, str]:
        """What this customer answers, wrongly where a fault says so; passwords of the services are made anew."""
        answers = self._right_answers()
        for wrong in self._answering.values():
            answers |= wrong
        return answers

    def _right_answers(self) -> dict[str, str]:
        robot = self.registry.users[f"robot${PROJECT}+pusher"]
        return {
            "bundle.path": str(self.bundle),
            "bundle.archive": str(self.download),
            "bundle.checksum": self.checksum,
            "bundle.release": self.release.version,
            "cluster.kubeconfig": self.kubeconfig(),
            "cluster.context": CONTEXT,
            "dns.zone": self.zone,
            "dns.server": self.dns.address,
            "identity.issuer_url": self.identity.issuer,
            "identity.ca": self.ca.ca_pem,
            "identity.client_id": "tmc",
            "identity.client_secret": self.passwords.client_secret,
            "registry.project": self.project,
            "registry.ca": self.ca.ca_pem,
            "registry.username": robot.name,
            "registry.password": robot.password,
            "certificates.cluster_issuer": ISSUER,
            "certificates.ca": self.ca.ca_pem,
            "services.load_balancer_ip": self.edge.address,
            "services.postgres_password": secrets.token_hex(18),
            "services.minio_password": secrets.token_hex(18),
            "services.redis_password": secrets.token_hex(18),
        } | self._settings()

    def _settings(self) -> dict[str, str]:
        """What this customer sets beside the steps."""
        if self.release.version != releases.INVENTED:
            return {}
        return {"services.settings": settings.dumped(settings.put({}, releases.INVENTED_SETTING, "tmc-audit"))}

    def directory_answers(self, test_user: str = PEOPLE[0]) -> dict[str, str]:
        """What this customer answers in place of the provider, where people sign in with the directory."""
        return {
            "identity.kind": "ldap",
            "identity.ldap_type": "activedirectory",
            "identity.ldap_host": self.directory.host,
            "identity.ldap_ca": self.ca.ca_pem,
            "identity.ldap_username": SERVICE,
            "identity.ldap_password": self.passwords.directory,
            "identity.ldap_domain": "practice.example",
            "identity.ldap_user_base": PEOPLE_BASE,
            "identity.ldap_group_base": GROUPS,
            "identity.ldap_test_user": test_user,
            "identity.ldap_test_password": self.passwords.people[test_user],
        }

    def _hooks(self) -> Hooks:
        site = self.site
        return Hooks(
            fetch=fetch_bundle,
            address=site.address,
            provision=site.provision,
            pull=site.pull_any,
            pull_on=site.pull,
            trouble=site.trouble,
            failing=site.fails,
            balancing=lambda _service: site.balancing,
            on_ready=self._on_ready,
            on_gone=self._on_gone,
        )

    def _address(self, _service: Mapping[str, Any]) -> Address:
        return Address(self.edge.address, self.edge.port if self.edge.port != 443 else None)

    def _make_issuer(self) -> None:
        """A ClusterIssuer of type CA that signs with the practice CA, its Secret where cert-manager looks for it."""
        apply_manifests(
            self.store,
            [
                {
                    "apiVersion": "v1",
                    "kind": "Secret",
                    "metadata": {"name": "practice-ca", "namespace": "cert-manager"},
                    "type": "kubernetes.io/tls",
                    "data": Issued(self.ca.ca_pem, self.ca.key_pem, self.ca.ca_pem).as_data(),
                },
                {
                    "apiVersion": "cert-manager.io/v1",
                    "kind": "ClusterIssuer",
                    "metadata": {"name": ISSUER},
                    "spec": {"ca": {"secretName": "practice-ca"}},
                },
            ],
        )

    def _on_ready(self, values: Mapping[str, Any], certificates: Mapping[str, Issued]) -> None:
        """The last package has reconciled: the public names answer, with the certificates that the cluster issued."""
        zone, directory = str(values.get("dnsZone", "")), values.get("authenticationType") == "ldap"
        provider = self.identity.authorization_endpoint
        routes = tmc_routes(self.edge, zone, authorize_url=provider, client_id="tmc", directory=directory)
        for name in self.release.public_names(zone):
            issued = certificates.get(name) or self._own_certificate(name)
            self.edge.publish(name, issued.certificate, issued.key, routes.get(name) or {"": page(name)})

    def _on_gone(self) -> None:
        for name in self.edge.published:
            self.edge.withdraw(name)

    def _own_certificate(self, name: str) -> Issued:
        """For the names that no Certificate of the release covers."""
        made = self.ca.issue([name])
        return Issued(made.chain_pem, made.key_pem, self.ca.ca_pem)
