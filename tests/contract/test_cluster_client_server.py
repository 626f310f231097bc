"""The cluster client against the practice Kubernetes API over TLS: every verb, two users, a whole installation."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from installer_tasks import releases
from installer_tasks.errors import Conflict, Missing, Refused
from installer_tasks.rehearsal.ca import PracticeCA
from installer_tasks.rehearsal.controllers import Controllers, Hooks, Pace
from installer_tasks.rehearsal.kube import GVR, KubeServer, Store, kubeconfig, seed
from installer_tasks.systems.cluster import carvel, certmanager, inventory
from installer_tasks.systems.cluster.access import connect
from installer_tasks.systems.cluster.interface import Cluster
from installer_tasks.systems.cluster.kubeconfig import parse_kubeconfig
from installer_tasks.systems.cluster.waiting import wait_for
from installer_tasks.text import text
from tests.waiting import PATIENCE

NS = "tmc-local"
SECRETS = GVR("", "v1", "secrets")


@dataclass(frozen=True)
class Place:
    """A running API with a client of an administrator and one of somebody who may only read."""

    store: Store
    admin: Cluster
    reader: Cluster


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    authority = PracticeCA.load_or_create(tmp_path / "ca")
    files = authority.issue_files(tmp_path / "tls", "kube", ["localhost", "127.0.0.1"])
    store = Store()
    seed(store)
    pair = {"tls.crt": authority.ca_pem, "tls.key": authority.key_pem}
    data = {key: base64.b64encode(pem.encode()).decode() for key, pem in pair.items()}
    store.create(SECRETS, {"metadata": {"name": "ca", "namespace": "cert-manager"}, "data": data})
    server = KubeServer(store, *files, authority.ca_file, tokens={"a-token": "admin", "r-token": "read-only"})
    controllers = Controllers(store, Pace.INSTANT, Hooks(fetch=lambda _image, _authorities: None))
    server.start()
    controllers.start()
    clients = [
        connect(parse_kubeconfig(kubeconfig(server.url, authority.ca_pem, token=token, context="one")))
        for token in ("a-token", "r-token")
    ]
    try:
        yield Place(store, clients[0], clients[1])
    finally:
        for client in clients:
            client.close()
        controllers.stop()
        server.stop()


def config_map(**data: str) -> dict[str, object]:
    metadata = {"name": "one", "namespace": "default"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


class TestVerbs:
    def test_version_and_kinds(self, place: Place) -> None:
        assert place.admin.version().startswith("v1.")
        assert place.admin.has_kind(carvel.PACKAGING, "PackageInstall")
        assert not place.admin.has_kind("example.com/v1", "Unicorn")

    def test_apply_is_repeatable_and_get_gives_it_back(self, place: Place) -> None:
        first = place.admin.apply(config_map(key="value"))
        again = place.admin.apply(config_map(key="value"))
        assert first["metadata"]["resourceVersion"] == again["metadata"]["resourceVersion"]
        assert place.admin.get("v1", "ConfigMap", "one", "default")["data"] == {"key": "value"}

    def test_fields_of_another_manager_are_only_taken_by_force(self, place: Place) -> None:
        place.admin.apply(config_map(key="theirs"), field_manager="helm")
        with pytest.raises(Conflict) as caught:
            place.admin.apply(config_map(key="ours"))
        assert caught.value.code == "kubernetes-owned"
        assert "helm" in str(caught.value.cause)
        assert place.admin.apply(config_map(key="ours"), force=True)["data"] == {"key": "ours"}

    def test_delete_tells_whether_it_was_there(self, place: Place) -> None:
        place.admin.apply(config_map(key="value"))
        assert place.admin.delete("v1", "ConfigMap", "one", "default")
        assert not place.admin.delete("v1", "ConfigMap", "one", "default")
        assert place.admin.find("v1", "ConfigMap", "one", "default") is None
        with pytest.raises(Missing):
            place.admin.get("v1", "ConfigMap", "one", "default")

    def test_create_twice_is_a_conflict(self, place: Place) -> None:
        place.admin.create(config_map())
        with pytest.raises(Conflict):
            place.admin.create(config_map())

    def test_lists_name_kind_and_version_and_are_complete(self, place: Place) -> None:
        for number in range(1203):
            place.store.create(SECRETS, {"metadata": {"name": f"s-{number}", "namespace": "default"}})
        found = place.admin.list("v1", "Secret", "default")
        assert len({obj["metadata"]["name"] for obj in found}) == 1203
        assert {(obj["apiVersion"], obj["kind"]) for obj in found} == {("v1", "Secret")}

    def test_selectors(self, place: Place) -> None:
        labelled = {**config_map(), "metadata": {"name": "two", "namespace": "default", "labels": {"a": "b"}}}
        place.admin.apply(labelled)
        place.admin.apply(config_map())
        assert [o["metadata"]["name"] for o in place.admin.list("v1", "ConfigMap", "default", labels="a=b")] == ["two"]
        by_name = place.admin.list("v1", "ConfigMap", fields="metadata.name=one")
        assert [o["metadata"]["name"] for o in by_name] == ["one"]

    def test_logs_of_a_container(self, place: Place) -> None:
        spec = {"restartPolicy": "Never", "containers": [{"name": "main", "image": "harbor.test/x:1"}]}
        metadata = {"name": "trial", "namespace": "default"}
        place.admin.create({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
        wait_for(
            lambda: place.admin.get("v1", "Pod", "trial", "default"),
            lambda pod: pod.get("status", {}).get("phase") == "Succeeded",
            deadline=PATIENCE,
            describe=lambda pod: text("the pod is %(state)s", state=str((pod or {}).get("status"))),
            interval=0.05,
        )
        assert "starting main" in place.admin.logs("trial", "default", container="main")

    def test_a_watch_shows_changes_as_they_come(self, place: Place) -> None:
        seen: list[tuple[str, str]] = []
        since = str(place.store.version)
        changes = place.admin.watch("v1", "ConfigMap", "default", since=since, seconds=10)
        writer = threading.Thread(
            target=lambda: [
                place.store.create(GVR("", "v1", "configmaps"), {"metadata": {"name": "w", "namespace": "default"}}),
                place.store.delete(GVR("", "v1", "configmaps"), "default", "w"),
            ]
        )
        writer.start()
        for kind, obj in changes:
            seen.append((kind, obj["metadata"]["name"]))
            if kind == "DELETED":
                break
        writer.join()
        assert seen == [("ADDED", "w"), ("DELETED", "w")]


class TestRights:
    def test_an_administrator_may_and_a_reader_may_not(self, place: Place) -> None:
        assert place.admin.can_i("create", "namespaces")
        assert place.reader.can_i("list", "pods", namespace=NS)
        assert not place.reader.can_i("create", "namespaces")

    def test_a_refusal_names_verb_and_resource(self, place: Place) -> None:
        with pytest.raises(Refused) as caught:
            place.reader.apply(config_map())
        assert caught.value.value == "patch configmaps"
        assert "in namespace default" in str(caught.value.cause)


class TestInventory:
    def test_the_practice_cluster(self, place: Place) -> None:
        nodes = inventory.nodes(place.admin)
        workers = [node for node in nodes if node["schedulable"]]
        assert (len(nodes), len(workers)) == (4, 3)
        assert all(node["ready"] and node["cpu"] >= 3.5 and node["architecture"] == "amd64" for node in workers)
        assert [item["default"] for item in inventory.storage_classes(place.admin)] == [True]
        kapp = inventory.kapp_controller(place.admin)
        assert kapp["namespace"]
        assert kapp["resources"]
        assert certmanager.version(place.admin)[0].isdigit()
        assert inventory.leftovers(place.admin, NS) == {"namespace": NS, "objects": []}


def test_a_whole_installation_through_the_api(place: Place) -> None:
    release = releases.get("1.4.1")
    names = carvel.Names(release.install_name, NS)
    issuer = {"apiVersion": "cert-manager.io/v1", "kind": "ClusterIssuer", "metadata": {"name": "practice"}}
    place.admin.apply({**issuer, "spec": {"ca": {"secretName": "ca"}}})
    values = {
        "harborProject": "harbor.test/tmc",
        "dnsZone": "tmc.test",
        "clusterIssuer": "practice",
        "oidc": {"issuerType": "pinniped", "issuerURL": "https://idp.test"},
        "postgres": {"userPassword": "x"},
        "minio": {"username": "root", "password": "long-enough"},
        "contourEnvoy": {"serviceType": "LoadBalancer"},
    }
    place.admin.apply(carvel.namespace(NS))
    place.admin.apply(
        carvel.package_repository(release.repository_name, NS, "harbor.test/tmc/package-repository:1.4.1")
    )
    for obj in carvel.install_objects(names, release.ref_name, release.version, yaml.safe_dump(values)):
        place.admin.apply(obj)
    final = wait_for(
        lambda: carvel.package_status(place.admin.get(carvel.PACKAGING, "PackageInstall", names.install, NS)),
        lambda status: status.done,
        deadline=PATIENCE,
        describe=lambda status: text("the install is %(state)s", state=status.state if status else "unknown"),
        interval=0.1,
    )
    assert final.version == "1.4.1"
    installs = place.admin.list(carvel.PACKAGING, "PackageInstall", NS)
    assert len(installs) == len(release.packages) + 1
    assert [issuer.ready for issuer in certmanager.issuers(place.admin)] == [True]
    assert "PackageInstall/contour" in inventory.leftovers(place.admin, NS)["objects"]
