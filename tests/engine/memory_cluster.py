"""A cluster in memory, behind the same Protocol: what is applied is kept, and a script plays the controllers."""

from __future__ import annotations

import base64
import copy
from collections.abc import Callable, Iterator
from typing import Any

from installer_tasks.errors import Missing
from installer_tasks.rehearsal.ca import PracticeCA
from installer_tasks.releases import Release
from installer_tasks.systems.cluster import carvel
from installer_tasks.text import text

Object = dict[str, Any]
Key = tuple[str, str, str]


class MemoryCluster:
    """`writes` counts what changed something: a repeated stage shows. `on_apply` and `on_list` are the controllers."""

    server = "https://127.0.0.1:6443"

    def __init__(self) -> None:
        self.objects: dict[Key, Object] = {}
        self.writes: list[str] = []
        self.on_apply: list[Callable[[Object], None]] = []
        self.on_list: list[Callable[[str], None]] = []
        self.closed = False

    def version(self) -> str:
        return "v1.28.3"

    def clock(self) -> str:
        return ""

    def has_kind(self, api_version: str, kind: str) -> bool:
        return True

    def can_i(self, verb: str, resource: str, *, group: str = "", namespace: str = "", name: str = "") -> bool:
        return True

    def find(self, api_version: str, kind: str, name: str, namespace: str = "") -> Object | None:
        found = self.objects.get((kind, namespace, name))
        return copy.deepcopy(found) if found else None

    def get(self, api_version: str, kind: str, name: str, namespace: str = "") -> Object:
        found = self.find(api_version, kind, name, namespace)
        if found is None:
            raise Missing(text("%(kind)s %(name)s is not there.", kind=kind, name=name), value=name)
        return found

    def list(
        self, api_version: str, kind: str, namespace: str = "", *, labels: str = "", fields: str = ""
    ) -> list[Object]:
        for controller in self.on_list:
            controller(kind)
        wanted = fields.removeprefix("metadata.name=")
        assert "=" not in labels, "only whether there is one"
        return [
            copy.deepcopy(found)
            for (of_kind, place, name), found in self.objects.items()
            if of_kind == kind
            and namespace in ("", place)
            and wanted in ("", name)
            and (not labels or labels in (found["metadata"].get("labels") or {}))
        ]

    def apply(self, obj: Object, *, field_manager: str = "", force: bool = False) -> Object:
        self.writes.append(f"{obj['kind']}/{obj['metadata']['name']}")
        self.put(obj)
        for controller in self.on_apply:
            controller(obj)
        return obj

    create = apply

    def patch(self, api_version: str, kind: str, name: str, namespace: str, change: Object) -> Object | None:
        found = self.objects.get((kind, namespace, name))
        if found is None:
            return None
        self.objects[kind, namespace, name] = patched(found, change)
        return self.find(api_version, kind, name, namespace)

    def put(self, obj: Object) -> Object:
        """Without a trace in `writes`: as if it had been there, or a controller had made it."""
        metadata = obj["metadata"]
        key = (obj["kind"], metadata.get("namespace", ""), metadata["name"])
        merged = _merged(self.objects.get(key, {}), copy.deepcopy(obj))
        merged["metadata"].setdefault("generation", 1)
        self.objects[key] = merged
        return merged

    def delete(self, api_version: str, kind: str, name: str, namespace: str = "") -> bool:
        return self.objects.pop((kind, namespace, name), None) is not None

    def logs(self, pod: str, namespace: str, *, container: str = "", tail: int = 200) -> str:
        return ""

    def watch(
        self, api_version: str, kind: str, namespace: str = "", *, since: str = "", seconds: int = 30
    ) -> Iterator[tuple[str, Object]]:
        return iter(())

    def close(self) -> None:
        self.closed = True


def _merged(old: Object, new: Object) -> Object:
    return {
        **old,
        **{
            key: _merged(old[key], value) if isinstance(value, dict) and isinstance(old.get(key), dict) else value
            for key, value in new.items()
        },
    }


def patched(found: Object, change: Object) -> Object:
    """A merge patch: what is None in it goes."""
    result = {**found}
    for key, value in change.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = patched(result.get(key) or {}, value) if isinstance(value, dict) else value
    return result


def practice_cluster(release: Release, ca: PracticeCA, project: str, door: tuple[str, int]) -> MemoryCluster:
    """A cluster with kapp-controller and cert-manager whose controllers do what is asked, one package a look."""
    cluster = MemoryCluster()
    status = {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1}
    kapp = {"name": "kapp-controller", "namespace": "tkg-system"}
    cluster.put(
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": kapp, "spec": {"replicas": 1}, "status": status}
    )
    cluster.put(
        {
            "apiVersion": "cert-manager.io/v1",
            "kind": "ClusterIssuer",
            "metadata": {"name": "local-issuer"},
            "spec": {"ca": {"secretName": "local-ca"}},
            "status": {"conditions": [{"type": "Ready", "status": "True"}]},
        }
    )
    cluster.on_apply += [lambda obj: _issue(cluster, ca, obj), lambda obj: _offer(cluster, release, obj)]
    script = _installs(cluster, release, project, door)
    cluster.on_list.append(lambda kind: next(script, None) if kind == "PackageInstall" else None)
    return cluster


def _issue(cluster: MemoryCluster, ca: PracticeCA, obj: Object) -> None:
    if obj["kind"] != "Certificate":
        return
    issued = ca.issue(obj["spec"]["dnsNames"])
    metadata = {"name": obj["spec"]["secretName"], "namespace": obj["metadata"]["namespace"]}
    data = {"tls.crt": base64.b64encode(issued.chain_pem.encode()).decode()}
    cluster.put({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data})
    cluster.put({**obj, "status": {"conditions": [{"type": "Ready", "status": "True"}]}})


def _offer(cluster: MemoryCluster, release: Release, obj: Object) -> None:
    if obj["kind"] != "PackageRepository":
        return
    cluster.put({**obj, "status": reconciled()})
    metadata = {"name": f"{release.ref_name}.{release.version}", "namespace": release.namespace}
    cluster.put({"apiVersion": carvel.DATA_PACKAGING, "kind": "Package", "metadata": metadata})


def reconciled(state: str = "ReconcileSucceeded", message: str = "") -> Object:
    return {"observedGeneration": 1, "conditions": [{"type": state, "status": "True", "message": message}]}


def install(name: str, namespace: str, status: Object) -> Object:
    return {
        "apiVersion": carvel.PACKAGING,
        "kind": "PackageInstall",
        "metadata": {"name": name, "namespace": namespace},
        "status": status,
    }


def pod(name: str, namespace: str, image: str) -> Object:
    ready = [{"name": "main", "ready": True, "state": {"running": {}}}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"containers": [{"name": "main", "image": image}]},
        "status": {"phase": "Running", "containerStatuses": ready},
    }


def _installs(cluster: MemoryCluster, release: Release, project: str, door: tuple[str, int]) -> Iterator[None]:
    "Applied Each look finds one package more; nothing moves before the parent."
    parent = ("PackageInstall", release.namespace, release.install_name)
    while parent not in cluster.objects:
        yield
    yield
    for package in release.packages:
        cluster.put(install(package.name, release.namespace, reconciled()))
        cluster.put(pod(f"{package.name}-0", release.namespace, f"{project}/package-repository@sha256:{'0' * 64}"))
        yield
    address, port = door
    cluster.put(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "contour-envoy", "namespace": release.namespace},
            "spec": {"ports": [{"name": "http", "port": 80}, {"name": "https", "port": port}]},
            "status": {"loadBalancer": {"ingress": [{"ip": address}]}},
        }
    )
    cluster.put(install(release.install_name, release.namespace, reconciled()))
