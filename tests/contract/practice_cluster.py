"""The practice cluster as tests of facts use it: API server, controllers, two users, and ways to spoil it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from installer_tasks.preflight.facts.trials import LABEL
from installer_tasks.rehearsal.ca import PracticeCA
from installer_tasks.rehearsal.controllers import Address, Controllers, Hooks, Pace
from installer_tasks.rehearsal.controllers.issuing import Issued
from installer_tasks.rehearsal.controllers.objects import ObjectClient
from installer_tasks.rehearsal.faults import Faults
from installer_tasks.rehearsal.kube import KubeServer, Store, kubeconfig, seed
from tests.contract.looks import Look, look_at

ADMIN, READER = "canary-admin-token", "canary-reader-token"
ZONE, ISSUER, ADDRESS = "tmc.example.com", "practice-issuer", "127.0.0.9"


@dataclass
class PracticeCluster:
    """What is running, and answers that are right for it but for what a test changes."""

    ca: PracticeCA
    server: KubeServer
    store: Store
    desk: ObjectClient
    faults: Faults
    address: list[Address | None] = field(default_factory=lambda: [Address(ADDRESS)])
    provisions: list[str | None] = field(default_factory=lambda: [""])  #: why no volume is made

    def look(self, system: str, *, failed: tuple[str, ...] = (), **changes: str) -> Look:
        """`cluster_context="x"` changes the answer cluster.context."""
        right = {
            "bundle.release": "1.4.1",
            "cluster.kubeconfig": self.kubeconfig(),
            "cluster.context": "practice",
            "dns.zone": ZONE,
            "certificates.cluster_issuer": ISSUER,
            "certificates.ca": self.ca.ca_pem,
            "services.postgres_password": "canary-postgres-password",
            "services.minio_password": "canary-minio-password",
        }
        changed = {key.replace("_", ".", 1): value for key, value in changes.items()}
        return look_at(system, right | changed, failed=failed, hidden=(ADMIN, READER, "wrong-token"))

    def kubeconfig(self, *, token: str = ADMIN, ca: str = "", server: str = "", **user: Any) -> str:
        """As a person uploads it; `user` replaces the token by something else."""
        document = yaml.safe_load(kubeconfig(server or self.server.url, ca or self.ca.ca_pem, token=token))
        if user:
            document["users"][0]["user"] = user
        return yaml.safe_dump(document)

    def spoil(self, kind: str, name: str, **status: Any) -> None:
        """Change some fields of an object's status."""
        obj = self.desk.get(kind, name)
        assert obj is not None
        self.desk.status(obj, {**obj["status"], **status})

    def trial_namespaces(self) -> list[str]:
        found = self.desk.objects("Namespace")
        return [obj["metadata"]["name"] for obj in found if LABEL in (obj["metadata"].get("labels") or {})]


@contextmanager
def practice_cluster(folder: Path, ca: PracticeCA) -> Iterator[PracticeCluster]:
    store, faults = Store(), Faults()
    seed(store)
    certificate, key = ca.issue_files(folder / "tls", "kube", ["localhost", "127.0.0.1"])
    tokens = {ADMIN: "admin", READER: "read-only"}
    server = KubeServer(store, certificate, key, ca.ca_file, tokens=tokens, faults=faults)
    server.start()
    cluster = PracticeCluster(ca, server, store, ObjectClient(store), faults)
    hooks = Hooks(address=lambda _service: cluster.address[0], provision=lambda _name: cluster.provisions[0])
    controllers = Controllers(store, Pace.INSTANT, hooks)
    controllers.start()
    _make_issuer(cluster.desk, ca)
    try:
        yield cluster
    finally:
        controllers.stop()
        server.stop()


def _make_issuer(desk: ObjectClient, ca: PracticeCA) -> None:
    desk.ensure(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "practice-ca", "namespace": "cert-manager"},
            "type": "kubernetes.io/tls",
            "data": Issued(ca.ca_pem, ca.key_pem, ca.ca_pem).as_data(),
        }
    )
    desk.ensure(issuer("ClusterIssuer", ISSUER, "practice-ca"))


def issuer(kind: str, name: str, secret: str, namespace: str = "") -> dict[str, Any]:
    return {
        "apiVersion": "cert-manager.io/v1",
        "kind": kind,
        "metadata": {"name": name, **({"namespace": namespace} if namespace else {})},
        "spec": {"ca": {"secretName": secret}},
    }
