"""A practice cluster's controllers with nothing around them: what appears when the package is installed."""

from __future__ import annotations

import base64
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from installer_tasks import releases
from installer_tasks.rehearsal.ca import PracticeCA
from installer_tasks.rehearsal.controllers import Address, Controllers, FetchFailed, Hooks, Issued, Pace
from installer_tasks.rehearsal.controllers.objects import Object, ObjectClient
from installer_tasks.rehearsal.kube import Store, seed
from installer_tasks.systems.cluster import carvel

NS = "tmc-local"
NAMES = carvel.Names("tanzu-mission-control", NS)
RELEASE = releases.get("1.4.1")
VALUES: dict[str, Any] = {
    "harborProject": "harbor.test/tmc",
    "dnsZone": "tmc.test",
    "clusterIssuer": "practice",
    "oidc": {"issuerType": "pinniped", "issuerURL": "https://idp.test"},
    "postgres": {"userPassword": "x"},
    "minio": {"username": "root", "password": "long-enough"},
    "contourEnvoy": {"serviceType": "LoadBalancer"},
}


@dataclass
class Practice:
    """A store with its controllers, and what the estate around it hears."""

    desk: ObjectClient
    store: Store
    ready: threading.Event = field(default_factory=threading.Event)
    gone: threading.Event = field(default_factory=threading.Event)
    zone: str = ""
    certificates: Mapping[str, Issued] = field(default_factory=dict)
    fetched: list[tuple[str, str]] = field(default_factory=list)
    complaint: str = ""
    address: Address | None = field(default_factory=lambda: Address("127.9.9.9", 8443))

    def fetch(self, image: str, authorities: str) -> None:
        self.fetched.append((image, authorities))
        if self.complaint:
            raise FetchFailed(self.complaint)

    def on_ready(self, values: Mapping[str, Any], certificates: Mapping[str, Issued]) -> None:
        self.zone, self.certificates = values["dnsZone"], certificates
        self.ready.set()

    def hooks(self) -> Hooks:
        return Hooks(
            fetch=self.fetch, address=lambda _service: self.address, on_ready=self.on_ready, on_gone=self.gone.set
        )

    def install(self, version: str = "1.4.1", **values: Any) -> None:
        self.desk.ensure(carvel.namespace(NS))
        self.desk.ensure(carvel.package_repository("packages", NS, f"harbor.test/tmc/package-repository:{version}"))
        content = yaml.safe_dump({**VALUES, **values})
        for obj in carvel.install_objects(NAMES, "tmc.tanzu.vmware.com", "1.4.1", content):
            self.desk.ensure(obj)

    def status(self, kind: str, name: str) -> carvel.PackageStatus:
        found = self.desk.get(kind, name, NS)
        return carvel.package_status(found) if found else carvel.PackageStatus(name, "pending")

    def objects(self, kind: str) -> dict[str, Object]:
        return {obj["metadata"]["name"]: obj for obj in self.desk.objects(kind, NS)}


class running:
    """The practice cluster at a pace, for a `with`."""

    def __init__(self, authority: PracticeCA, pace: Pace) -> None:
        store = Store()
        self.practice = Practice(ObjectClient(store), store)
        seed(store)
        pair = {"tls.crt": authority.ca_pem, "tls.key": authority.key_pem}
        data = {key: base64.b64encode(pem.encode()).decode() for key, pem in pair.items()}
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "ca-key-pair", "namespace": "cert-manager"},
        }
        self.practice.desk.ensure({**secret, "type": "kubernetes.io/tls", "data": data})
        issuer = {"apiVersion": "cert-manager.io/v1", "kind": "ClusterIssuer", "metadata": {"name": "practice"}}
        self.practice.desk.ensure({**issuer, "spec": {"ca": {"secretName": "ca-key-pair"}}})
        self.controllers = Controllers(store, pace, self.practice.hooks())

    def __enter__(self) -> Practice:
        self.controllers.start()
        return self.practice

    def __exit__(self, *_: object) -> None:
        self.controllers.stop()
