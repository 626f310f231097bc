"""Faults of what is in the practice cluster: nodes, storage, kapp-controller, and what others left or set up."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from installer_tasks.rehearsal.controllers.contour import HTTP_PROXY
from installer_tasks.rehearsal.faults.base import Change, Fault
from installer_tasks.rehearsal.faults.kube_changes import (
    CLASSES,
    DEPLOYMENTS,
    NODES,
    both,
    changed,
    followed,
    made,
    removed,
)
from installer_tasks.rehearsal.kube.store import GVR
from installer_tasks.text import mark as _

if TYPE_CHECKING:
    from installer_tasks.rehearsal.estate import Estate

Object = dict[str, Any]
NAMESPACE, KAPP, KAPP_NAMESPACE = "tmc-local", "kapp-controller", "tkg-system"
WORKER = "practice-worker-2"
CLASS = "practice-storage"
DEFAULT = "storageclass.kubernetes.io/is-default-class"
NAMESPACES, ENDPOINTS = GVR("", "v1", "namespaces"), GVR("", "v1", "endpoints")
CONFIG_MAPS = GVR("", "v1", "configmaps")


def _namespace(**labels: str) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}}


def _named(api_version: str, kind: str, name: str, namespace: str = NAMESPACE, **more: Any) -> Object:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **more}


# Nodes


def _small(node: Object) -> None:
    for sizes in ("allocatable", "capacity"):
        node["status"][sizes] |= {"cpu": "2", "memory": "4Gi"}


def _arm(node: Object) -> None:
    node["status"]["nodeInfo"]["architecture"] = "arm64"
    node["metadata"]["labels"]["kubernetes.io/arch"] = "arm64"


def _condition(kind: str, status: str, taint: str) -> Callable[[Object], None]:
    """What the kubelet, or its silence, makes of a node; Kubernetes adds the taint by itself."""

    def spoil(node: Object) -> None:
        for condition in node["status"]["conditions"]:
            if condition["type"] == kind:
                condition["status"] = status
        node["spec"].setdefault("taints", []).append({"key": f"node.kubernetes.io/{taint}", "effect": "NoSchedule"})

    return spoil


def _greedy(number: int) -> Object:
    """A pod of somebody else that has most of its node."""
    node = f"practice-worker-{number}"
    asked = {"requests": {"cpu": "3200m", "memory": "6Gi"}}
    container = {"name": "batch", "image": "registry.example.com/batch/job:7", "resources": asked}
    spec = {"nodeName": node, "containers": [container]}
    return _named("v1", "Pod", f"batch-{number}", "default", spec=spec, status={"phase": "Running"})


# Storage


def _not_default(storage_class: Object) -> None:
    storage_class["metadata"]["annotations"].pop(DEFAULT)


SECOND_CLASS = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "StorageClass",
    "metadata": {"name": "gold", "annotations": {DEFAULT: "true"}},
    "provisioner": "csi.vsphere.vmware.com",
}


# kapp-controller


def _stopped(deployment: Object) -> None:
    deployment["spec"]["replicas"] = 0


def _old_image(deployment: Object) -> None:
    for container in deployment["spec"]["template"]["spec"]["containers"]:
        container["image"] = "projects.registry.vmware.com/tkg/kapp-controller:v0.30.1_vmware.1"


def _available(deployment: Object) -> bool:
    return ((deployment.get("status") or {}).get("availableReplicas") or 0) > 0


def _kapp(change: Change) -> Change:
    return followed(change, DEPLOYMENTS, KAPP, KAPP_NAMESPACE, _available)


OTHER_TRUST = _named(
    "v1", "ConfigMap", "kapp-controller-config", KAPP_NAMESPACE,
    data={"caCerts": "", "httpProxy": "", "noProxy": "10.0.0.0/8,.svc"},
)  # fmt: skip


# What others left or set up


def _contour() -> Object:
    labels = {"app": "contour"}
    container = {"name": "contour", "image": "registry.example.com/projectcontour/contour:v1.28.2"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    return _named("apps/v1", "Deployment", "contour", "tanzu-system-ingress", spec=spec)


def _definition_of_another() -> Object:
    labels = {"kapp.k14s.io/app": "1689256721874313370"}
    return {**HTTP_PROXY, "metadata": {**HTTP_PROXY["metadata"], "labels": labels}}


def _nobody(endpoints: Object) -> None:
    endpoints["subsets"] = [{"notReadyAddresses": endpoints["subsets"][0].pop("addresses")}]


def _stuck(estate: Estate) -> Callable[[], None]:
    """Deleted while kapp-controller could no longer look after what is in it."""
    finalizers = ["finalizers.kapp-ctrl.k14s.io/delete"]
    held = _named("v1", "ConfigMap", "tmc-local-stack-app")
    held["metadata"]["finalizers"] = finalizers
    made(_namespace(), held)(estate)
    estate.store.delete(NAMESPACES, "", NAMESPACE)

    def undo() -> None:
        def let_go(obj: Object) -> Object:
            return {**obj, "metadata": {**obj["metadata"], "finalizers": []}}

        estate.store.change(CONFIG_MAPS, NAMESPACE, held["metadata"]["name"], let_go)

    return undo


LEFT = _named("v1", "Secret", "server-tls", type="kubernetes.io/tls", data={"tls.crt": "", "tls.key": ""})
QUOTA = _named("v1", "ResourceQuota", "project-quota", spec={"hard": {"pods": "20", "persistentvolumeclaims": "4"}})
LIMITS = _named("v1", "LimitRange", "defaults", spec={"limits": [{"type": "Container", "max": {"memory": "512Mi"}}]})
OTHER_CLASS = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "IngressClass",
    "metadata": {"name": NAMESPACE},
    "spec": {"controller": "k8s.io/ingress-nginx"},
}
RESTRICTED = _namespace(**{"pod-security.kubernetes.io/enforce": "restricted"})
INGRESS = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "tanzu-system-ingress"}}

FAULTS = (
    Fault("kube.few-workers", _("The cluster has only two workers"), "cluster.workers", "2 of 2",
          change=removed(NODES, WORKER)),
    Fault("kube.small-worker", _("A worker has only 2 CPUs and 4 GiB of memory"), "cluster.workers", "cpu 2",
          change=changed(NODES, WORKER, _small)),
    Fault("kube.arm-worker", _("A worker is an Arm machine"), "cluster.architecture", "amd64",
          change=changed(NODES, WORKER, _arm)),
    Fault("kube.node-not-ready", _("A worker's kubelet does not respond"), "cluster.nodes-healthy", "NotReady",
          change=changed(NODES, WORKER, _condition("Ready", "Unknown", "unreachable"))),
    Fault("kube.disk-pressure", _("A worker's disk is full"), "cluster.nodes-healthy", "DiskPressure",
          change=changed(NODES, WORKER, _condition("DiskPressure", "True", "disk-pressure"))),
    Fault("kube.workers-full", _("Other workloads use most of the workers' resources"), "cluster.node-room", "Other pods request the rest",
          change=made(*map(_greedy, range(3)))),
    Fault("kube.no-default-class", _("No StorageClass is the default"), "cluster.default-storage-class",
          f"{DEFAULT}=true", change=changed(CLASSES, CLASS, _not_default)),
    Fault("kube.two-default-classes", _("Two StorageClasses are the default"), "cluster.default-storage-class",
          "gold", change=made(SECOND_CLASS)),
    Fault("kube.volumes-by-hand", _("The default StorageClass needs manually created volumes"),
          "cluster.storage-provisioner", "no-provisioner", change=both(removed(CLASSES, CLASS), made(
              {**SECOND_CLASS, "metadata": {"name": "local", "annotations": {DEFAULT: "true"}},
               "provisioner": "kubernetes.io/no-provisioner", "volumeBindingMode": "WaitForFirstConsumer"}))),
    Fault("kube.no-kapp-controller", _("kapp-controller was never installed"), "cluster.kapp-controller",
          "not installed in this cluster", change=_kapp(removed(DEPLOYMENTS, KAPP, KAPP_NAMESPACE))),
    Fault("kube.kapp-controller-stopped", _("kapp-controller has no pod"), "cluster.kapp-controller", "is not running",
          change=_kapp(changed(DEPLOYMENTS, KAPP, _stopped, KAPP_NAMESPACE))),
    Fault("kube.kapp-controller-old", _("kapp-controller is a version from 2021"), "cluster.kapp-version", "0.30.1",
          change=changed(DEPLOYMENTS, KAPP, _old_image, KAPP_NAMESPACE)),
    Fault("kube.other-trust", _("kapp-controller is configured without the registry's CA certificate"),
          "cluster.kapp-trusts-registry", "kapp-controller-config", change=made(OTHER_TRUST)),
    Fault("kube.leftovers", _("A Secret of an earlier installation remains"), "cluster.leftovers", "server-tls",
          change=made(_namespace(), LEFT)),
    Fault("kube.terminating", _("The namespace of an earlier installation cannot be deleted"),
          "cluster.namespace-not-terminating", "finalizers.kapp-ctrl.k14s.io/delete", change=_stuck),
    Fault("kube.restricted", _("The namespace exists and enforces restricted pods"), "cluster.pod-security",
          "enforce=restricted", change=made(RESTRICTED)),
    Fault("kube.quota", _("A quota allows twenty pods in the namespace"), "cluster.quota", "pods 20",
          change=made(_namespace(), QUOTA)),
    Fault("kube.limit-range", _("A LimitRange allows 512 MiB per container"), "cluster.quota", "limit range",
          change=made(_namespace(), LIMITS)),
    Fault("kube.second-contour", _("Another Contour runs in the cluster"), "cluster.no-other-contour",
          "tanzu-system-ingress/contour", change=made(INGRESS, _contour())),
    Fault("kube.contour-definitions", _("HTTPProxy exists and belongs to another application"), "cluster.ingress-class",
          "ownership", change=made(_definition_of_another())),
    Fault("kube.ingress-class", _("Another ingress controller uses the class tmc-local"), "cluster.ingress-class",
          "IngressClass/tmc-local", change=made(OTHER_CLASS)),
    Fault("kube.webhook-dead", _("cert-manager's webhook has no ready pod"), "cluster.webhooks",
          "cert-manager/cert-manager-webhook",
          change=changed(ENDPOINTS, "cert-manager-webhook", _nobody, "cert-manager")),
)  # fmt: skip
