"""What a real server fills in when a client leaves it out; only what kubectl, our client or the controllers look at."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from typing import Any

from installer_tasks.rehearsal.kube.metadata import now
from installer_tasks.rehearsal.kube.resources import Resource

Object = dict[str, Any]


def fill(resource: Resource, obj: Object) -> None:
    """Defaults of built-in kinds, in place; never changes what is set."""
    if filled := _BY_KEY.get(resource.gvr.key):
        filled(obj)


def _namespace(obj: Object) -> None:
    obj["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = obj["metadata"]["name"]
    obj.setdefault("spec", {}).setdefault("finalizers", ["kubernetes"])
    obj.setdefault("status", {}).setdefault("phase", "Active")


def _secret(obj: Object) -> None:
    obj.setdefault("type", "Opaque")
    for key, value in (obj.pop("stringData", None) or {}).items():
        obj.setdefault("data", {})[key] = base64.b64encode(str(value).encode()).decode()


def _containers(spec: Object) -> None:
    for name in ("restartPolicy", "dnsPolicy", "schedulerName"):
        spec.setdefault(name, {"restartPolicy": "Always", "dnsPolicy": "ClusterFirst"}.get(name, "default-scheduler"))
    spec.setdefault("terminationGracePeriodSeconds", 30)
    spec.setdefault("securityContext", {})
    for container in spec.get("containers") or []:
        image = str(container.get("image", ""))
        latest = ":" not in image.rpartition("/")[2] or image.endswith(":latest")
        container.setdefault("imagePullPolicy", "Always" if latest else "IfNotPresent")
        container.setdefault("resources", {})
        for port in container.get("ports") or []:
            port.setdefault("protocol", "TCP")


def _pod(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    _containers(spec)
    spec.setdefault("serviceAccountName", "default")
    obj.setdefault("status", {}).setdefault("phase", "Pending")


def _workload(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    _containers(spec.setdefault("template", {}).setdefault("spec", {}))
    obj.setdefault("status", {})


def _replicated(obj: Object) -> None:
    _workload(obj)
    obj["spec"].setdefault("replicas", 1)


def _deployment(obj: Object) -> None:
    _replicated(obj)
    obj["spec"].setdefault("progressDeadlineSeconds", 600)
    obj["spec"].setdefault("revisionHistoryLimit", 10)
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}}
    obj["spec"].setdefault("strategy", rolling)


def _job(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    _containers(spec.setdefault("template", {}).setdefault("spec", {}))
    for name, value in (("parallelism", 1), ("completions", 1), ("backoffLimit", 6)):
        spec.setdefault(name, value)


def _service(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    spec.setdefault("type", "ClusterIP")
    spec.setdefault("sessionAffinity", "None")
    for port in spec.get("ports") or []:
        port.setdefault("protocol", "TCP")
        port.setdefault("targetPort", port.get("port"))
    if spec["type"] != "ExternalName" and "clusterIP" not in spec:
        digest = hashlib.sha256(str(obj["metadata"].get("uid")).encode()).digest()
        spec["clusterIP"] = f"10.96.{digest[0]}.{digest[1] % 253 + 2}"
    if spec.get("clusterIP"):
        spec.setdefault("clusterIPs", [spec["clusterIP"]])
    obj.setdefault("status", {}).setdefault("loadBalancer", {})


def _claim(obj: Object) -> None:
    obj.setdefault("spec", {}).setdefault("volumeMode", "Filesystem")
    obj.setdefault("status", {}).setdefault("phase", "Pending")


def _storage_class(obj: Object) -> None:
    obj.setdefault("reclaimPolicy", "Delete")
    obj.setdefault("volumeBindingMode", "Immediate")


def _definition(obj: Object) -> None:
    spec = obj["spec"]
    plural = spec["names"]["plural"]
    spec.setdefault("scope", "Namespaced")
    spec["names"].setdefault("singular", spec["names"]["kind"].lower())
    spec["names"].setdefault("listKind", f"{spec['names']['kind']}List")
    spec.setdefault("conversion", {"strategy": "None"})
    for version in spec["versions"]:
        version.setdefault("served", True)
        version.setdefault("storage", len(spec["versions"]) == 1)
    if obj.get("status", {}).get("conditions"):
        return
    conditions = [
        {"type": kind, "status": "True", "reason": reason, "message": message, "lastTransitionTime": now()}
        for kind, reason, message in (
            ("NamesAccepted", "NoConflicts", "no conflicts found"),
            ("Established", "InitialNamesAccepted", "the initial names have been accepted"),
        )
    ]
    stored = [version["name"] for version in spec["versions"] if version.get("storage")]
    names = {**spec["names"], "plural": plural}
    obj["status"] = {"conditions": conditions, "acceptedNames": names, "storedVersions": stored}


_BY_KEY: dict[tuple[str, str], Callable[[Object], None]] = {
    ("", "namespaces"): _namespace,
    ("", "secrets"): _secret,
    ("", "pods"): _pod,
    ("", "services"): _service,
    ("", "persistentvolumeclaims"): _claim,
    ("apps", "deployments"): _deployment,
    ("apps", "statefulsets"): _replicated,
    ("apps", "replicasets"): _replicated,
    ("apps", "daemonsets"): _workload,
    ("batch", "jobs"): _job,
    ("storage.k8s.io", "storageclasses"): _storage_class,
    ("apiextensions.k8s.io", "customresourcedefinitions"): _definition,
}
