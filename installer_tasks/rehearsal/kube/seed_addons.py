"""What runs in the practice cluster already: kapp-controller and cert-manager."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from installer_tasks.rehearsal.kube.metadata import now

Object = dict[str, Any]
_DEPLOYMENT = {"apiVersion": "apps/v1", "kind": "Deployment"}
KAPP = "projects.registry.vmware.com/tkg/kapp-controller:v0.50.0_vmware.1"
CERT_MANAGER = "projects.registry.vmware.com/tkg/cert-manager-{part}:v{version}_vmware.1"
CERT_MANAGER_VERSION = "1.12.10"


def addons(cert_manager: str = CERT_MANAGER_VERSION) -> Iterator[Object]:
    kapp = {"app": "kapp-controller"}
    yield from _running("tkg-system", "kapp-controller", KAPP, kapp, "v0.50.0")
    yield _service("tkg-system", "packaging-api", kapp, 443, 10100)
    for name, part in (
        ("cert-manager", "controller"),
        ("cert-manager-cainjector", "cainjector"),
        ("cert-manager-webhook", "webhook"),
    ):
        labels = {
            "app": name.removeprefix("cert-manager-"),
            "app.kubernetes.io/component": part,
            "app.kubernetes.io/instance": "cert-manager",
            "app.kubernetes.io/name": name.removeprefix("cert-manager-"),
            "app.kubernetes.io/version": f"v{cert_manager}",
        }
        yield from _running(
            "cert-manager", name, CERT_MANAGER.format(part=part, version=cert_manager), labels, f"v{cert_manager}"
        )
    yield _service("cert-manager", "cert-manager-webhook", {"app": "webhook"}, 443, 10250)
    yield _endpoints("tkg-system", "packaging-api", 10100)
    yield _endpoints("cert-manager", "cert-manager-webhook", 10250)
    yield _webhook("cert-manager", "cert-manager-webhook")


def _running(namespace: str, name: str, image: str, labels: Object, version: str) -> Iterator[Object]:
    """A Deployment of one, available, and the pod that makes it so."""
    account = {"name": name, "namespace": namespace}
    yield {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account}
    spec = {"serviceAccountName": name, "containers": [{"name": name, "image": image, "resources": {}}]}
    conditions = [
        {"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable",
         "message": "Deployment has minimum availability."},
        {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable",
         "message": f'ReplicaSet "{name}" has successfully progressed.'},
    ]  # fmt: skip
    ones = dict.fromkeys(("replicas", "readyReplicas", "availableReplicas", "updatedReplicas"), 1)
    yield {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {**account, "labels": labels, "annotations": {"practice/version": version}},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
        "status": {**ones, "observedGeneration": 1, "conditions": conditions},
    }
    yield _pod(account, labels, spec)


def _pod(account: Object, labels: Object, spec: Object) -> Object:
    number = hashlib.sha256(f"{account}".encode()).hexdigest()
    started = now()
    container = spec["containers"][0]
    ready = [
        {"type": kind, "status": "True", "lastTransitionTime": started}
        for kind in ("Initialized", "Ready", "ContainersReady", "PodScheduled")
    ]
    state = {
        "name": container["name"], "image": container["image"], "imageID": f"{container['image']}@sha256:{number}",
        "ready": True, "started": True, "restartCount": 0, "state": {"running": {"startedAt": started}},
    }  # fmt: skip
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"{account['name']}-{number[:10]}-{number[10:15]}",
            "namespace": account["namespace"],
            "labels": labels,
            "ownerReferences": [{**_DEPLOYMENT, "name": account["name"], "controller": True}],
        },
        "spec": {**spec, "nodeName": "practice-worker-0"},
        "status": {
            "phase": "Running",
            "podIP": f"10.244.1.{int(number[:2], 16) % 250 + 2}",
            "hostIP": "192.0.2.11",
            "startTime": started,
            "conditions": ready,
            "containerStatuses": [state],
        },
    }


def _service(namespace: str, name: str, selector: Object, port: int, target: int) -> Object:
    ports = [{"name": "https", "port": port, "targetPort": target}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"selector": selector, "ports": ports},
    }


def _endpoints(namespace: str, name: str, port: int) -> Object:
    """The pod that stands behind a service."""
    subset = {"addresses": [{"ip": "10.244.1.20"}], "ports": [{"name": "https", "port": port}]}
    return {
        "apiVersion": "v1",
        "kind": "Endpoints",
        "metadata": {"name": name, "namespace": namespace},
        "subsets": [subset],
    }


def _webhook(namespace: str, name: str) -> Object:
    """Kept, not called: this API server lets everything pass."""
    rule = {"apiGroups": ["cert-manager.io"], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"],
            "resources": ["*/*"]}  # fmt: skip
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": name},
        "webhooks": [
            {
                "name": "webhook.cert-manager.io",
                "rules": [rule],
                "clientConfig": {"service": {"namespace": namespace, "name": name, "path": "/validate"}},
                "failurePolicy": "Fail",
                "sideEffects": "None",
                "admissionReviewVersions": ["v1"],
            }
        ],
    }
