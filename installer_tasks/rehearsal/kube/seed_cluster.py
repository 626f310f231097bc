"""Nodes, namespaces, storage and rights of the practice cluster."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from installer_tasks.rehearsal.kube.metadata import now

Object = dict[str, Any]
#: When nobody asks for another one.
VERSION = "v1.30.2"
_RBAC = "rbac.authorization.k8s.io"
READERS = "practice:readers"
_READ = ["get", "list", "watch"]
#: Everything of the core group but secrets: rights cannot be taken away again, only not given.
_CORE = [
    "bindings", "configmaps", "endpoints", "events", "limitranges", "namespaces", "nodes", "persistentvolumeclaims",
    "persistentvolumes", "pods", "pods/log", "pods/status", "replicationcontrollers", "resourcequotas",
    "serviceaccounts", "services", "namespaces/status", "nodes/status", "services/status",
]  # fmt: skip


def cluster(version: str = VERSION) -> Iterator[Object]:
    for name in ("default", "kube-system", "kube-public", "kube-node-lease", "cert-manager", "tkg-system"):
        yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    yield _node("practice-control-plane-0", 10, version, control_plane=True)
    for number in range(3):
        yield _node(f"practice-worker-{number}", 11 + number, version)
    yield _storage_class()
    yield from _rights()


def _node(name: str, last_byte: int, version: str, *, control_plane: bool = False) -> Object:
    labels = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
    spec: Object = {"podCIDR": f"10.244.{last_byte}.0/24", "providerID": f"vsphere://practice-{last_byte}"}
    if control_plane:
        labels["node-role.kubernetes.io/control-plane"] = ""
        spec["taints"] = [{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}]
    metadata = {"name": name, "labels": labels}
    status = _node_status(last_byte, name, version)
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": spec, "status": status}


def _node_status(last_byte: int, name: str, version: str) -> Object:
    size = {"cpu": "4", "memory": "8Gi", "ephemeral-storage": "40Gi", "pods": "110"}
    return {
        "capacity": size,
        "allocatable": size,
        "conditions": [
            _condition("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory"),
            _condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
            _condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
            _condition("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
        ],
        "addresses": [
            {"type": "InternalIP", "address": f"192.0.2.{last_byte}"},
            {"type": "Hostname", "address": name},
        ],
        "nodeInfo": {
            "machineID": f"practice{last_byte}",
            "systemUUID": f"practice-{last_byte}",
            "bootID": f"practice-boot-{last_byte}",
            "kernelVersion": "5.10.216-1.ph4-esx",
            "osImage": "VMware Photon OS/Linux",
            "containerRuntimeVersion": "containerd://1.6.31+vmware.1-fips.1",
            "kubeletVersion": version,
            "kubeProxyVersion": version,
            "operatingSystem": "linux",
            "architecture": "amd64",
        },
    }


def _condition(kind: str, status: str, reason: str, message: str) -> Object:
    times = {"lastHeartbeatTime": now(), "lastTransitionTime": now()}
    return {"type": kind, "status": status, "reason": reason, "message": message, **times}


def _storage_class() -> Object:
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {
            "name": "practice-storage",
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
        },
        "provisioner": "csi.vsphere.vmware.com",
        "allowVolumeExpansion": True,
        "volumeBindingMode": "Immediate",
    }


def _rights() -> Iterator[Object]:
    everything = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}, {"nonResourceURLs": ["*"], "verbs": ["*"]}]
    yield _role("cluster-admin", everything)
    yield _binding("cluster-admin", "cluster-admin", "system:masters")
    groups = [
        "apps", "batch", "networking.k8s.io", "storage.k8s.io", _RBAC, "apiextensions.k8s.io", "policy",
        "coordination.k8s.io", "admissionregistration.k8s.io", "packaging.carvel.dev", "data.packaging.carvel.dev",
        "internal.packaging.carvel.dev", "kappctrl.k14s.io", "cert-manager.io", "projectcontour.io",
    ]  # fmt: skip
    reading = [
        {"apiGroups": [""], "resources": _CORE, "verbs": _READ},
        {"apiGroups": groups, "resources": ["*"], "verbs": _READ},
    ]
    yield _role(READERS, reading)
    yield _binding(READERS, READERS, READERS)


def _role(name: str, rules: list[Object]) -> Object:
    return {"apiVersion": f"{_RBAC}/v1", "kind": "ClusterRole", "metadata": {"name": name}, "rules": rules}


def _binding(name: str, role: str, group: str) -> Object:
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "subjects": [{"kind": "Group", "name": group, "apiGroup": _RBAC}],
        "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": role},
    }
