"""What a cluster has before anybody installs TMC-SM: nodes, storage, kapp-controller and cert-manager."""

from __future__ import annotations

from installer_tasks.rehearsal.controllers.definitions import CERT_MANAGER, KAPP_CONTROLLER
from installer_tasks.rehearsal.controllers.desk import Desk, Object
from installer_tasks.rehearsal.controllers.world import condition, now
from installer_tasks.rehearsal.kube.resources import GVR
from installer_tasks.rehearsal.kube.store import Store

KUBERNETES = "v1.28.3"
WORKERS = 3
NAMESPACES = GVR("", "v1", "namespaces")


def seed(store: Store, *, kapp_controller: str = "0.48.2", cert_manager: str = "1.10.2") -> None:
    """Furnish an empty store; safe to repeat."""
    desk = Desk(store)
    for name in ("default", "kube-system", "kapp-controller", "cert-manager"):
        if store.get(NAMESPACES, "", name) is None:
            store.create(NAMESPACES, {"metadata": {"name": name}})
    for definition in (*KAPP_CONTROLLER, *CERT_MANAGER):
        desk.ensure(definition)
    for node in (_node("control-plane", control_plane=True), *(_node(f"worker-{n}") for n in range(1, WORKERS + 1))):
        desk.status(desk.ensure({key: value for key, value in node.items() if key != "status"}), node["status"])
    desk.ensure(_storage_class())
    desk.ensure(_deployment("kapp-controller", "kapp-controller", kapp_controller))
    for name in ("cert-manager", "cert-manager-cainjector", "cert-manager-webhook"):
        desk.ensure(_deployment(name, "cert-manager", cert_manager))


def _node(name: str, *, control_plane: bool = False) -> Object:
    labels = {"kubernetes.io/hostname": name, "kubernetes.io/arch": "amd64", "kubernetes.io/os": "linux"}
    taint = {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}
    if control_plane:
        labels[taint["key"]] = ""
    size = {"cpu": "4", "memory": "8Gi", "ephemeral-storage": "40Gi", "pods": "110"}
    info = {"kubeletVersion": KUBERNETES, "architecture": "amd64", "operatingSystem": "linux", "osImage": "Practice"}
    ready = condition("Ready", True, "KubeletReady", "kubelet is posting ready status", lastHeartbeatTime=now())
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels},
        "spec": {"taints": [taint]} if control_plane else {},
        "status": {
            "capacity": size,
            "allocatable": size,
            "conditions": [ready],
            "nodeInfo": {**info, "containerRuntimeVersion": "containerd://1.7.2"},
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}, {"type": "Hostname", "address": name}],
        },
    }


def _storage_class() -> Object:
    annotations = {"storageclass.kubernetes.io/is-default-class": "true"}
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": "standard", "annotations": annotations},
        "provisioner": "csi.practice.test",
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "Immediate",
    }


def _deployment(name: str, namespace: str, version: str) -> Object:
    labels = {"app": name, "app.kubernetes.io/name": name, "app.kubernetes.io/version": f"v{version}"}
    container = {"name": name, "image": f"practice.test/{name}:v{version}"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }
