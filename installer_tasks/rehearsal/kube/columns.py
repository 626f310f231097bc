"""The columns in which `kubectl get` prints each kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from installer_tasks.rehearsal.kube.jsonpath import first
from installer_tasks.rehearsal.kube.resources import Resource

Object = dict[str, Any]
NONE = "<none>"


@dataclass(frozen=True)
class Column:
    """One column; `wide` ones are printed by `-o wide` only."""

    name: str
    cell: Callable[[Object], Any]
    type: str = "string"
    wide: bool = False
    format: str = ""

    def definition(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "type": self.type,
            "format": self.format,
            "description": self.name,
            "priority": int(self.wide),
        }


def age(since: Any) -> str:
    """How long ago, as kubectl writes it."""
    try:
        seconds = int((datetime.now(UTC) - datetime.fromisoformat(str(since).replace("Z", "+00:00"))).total_seconds())
    except ValueError:
        return "<unknown>"
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if seconds < 120:
        return f"{max(seconds, 0)}s"
    if minutes < 10:
        return f"{minutes}m{seconds % 60}s"
    if minutes < 180:
        return f"{minutes}m"
    return f"{hours}h" if hours < 48 else f"{days}d"


def _path(path: str, empty: Any = NONE) -> Callable[[Object], Any]:
    def cell(obj: Object) -> Any:
        value = first(obj, path)
        return empty if value in (None, "") else value

    return cell


def _text(name: str, path: str, *, wide: bool = False) -> Column:
    return Column(name, _path(path), wide=wide)


def _number(name: str, path: str) -> Column:
    return Column(name, _path(path, 0), "integer")


NAME = Column("Name", lambda obj: obj["metadata"]["name"], format="name")
AGE = Column("Age", lambda obj: age(obj["metadata"].get("creationTimestamp")))
CREATED = _text("Created At", ".metadata.creationTimestamp")
READY = Column("Ready", lambda obj: f"{_of(obj, 'readyReplicas')}/{(obj.get('spec') or {}).get('replicas', 1)}")


def _of(obj: Object, field: str) -> int:
    return int((obj.get("status") or {}).get(field) or 0)


def _node_status(obj: Object) -> str:
    ready = first(obj, '.status.conditions[?(@.type=="Ready")].status')
    cordoned = ",SchedulingDisabled" if (obj.get("spec") or {}).get("unschedulable") else ""
    return {"True": "Ready", "False": "NotReady"}.get(str(ready), "Unknown") + cordoned


def _node_roles(obj: Object) -> str:
    mark = "node-role.kubernetes.io/"
    labels = obj["metadata"].get("labels") or {}
    return ",".join(sorted(label.removeprefix(mark) for label in labels if label.startswith(mark))) or NONE


def _pod_ready(obj: Object) -> str:
    statuses = (obj.get("status") or {}).get("containerStatuses") or []
    return f"{sum(bool(s.get('ready')) for s in statuses)}/{len((obj.get('spec') or {}).get('containers') or [])}"


def _pod_status(obj: Object) -> str:
    if obj["metadata"].get("deletionTimestamp"):
        return "Terminating"
    status = obj.get("status") or {}
    for container in status.get("containerStatuses") or []:
        state = container.get("state") or {}
        reason = (state.get("waiting") or state.get("terminated") or {}).get("reason")
        if reason:
            return str(reason)
    return str(status.get("reason") or status.get("phase") or "Pending")


def _pod_restarts(obj: Object) -> str:
    return str(sum(int(s.get("restartCount", 0)) for s in (obj.get("status") or {}).get("containerStatuses") or []))


def _service_address(obj: Object) -> str:
    points = ((obj.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
    found = ",".join(point.get("ip") or point.get("hostname") or "" for point in points)
    return found or ("<pending>" if obj["spec"].get("type") == "LoadBalancer" else NONE)


def _service_ports(obj: Object) -> str:
    ports = [
        f"{port['port']}{':' + str(port['nodePort']) if port.get('nodePort') else ''}/{port.get('protocol', 'TCP')}"
        for port in obj["spec"].get("ports") or []
    ]
    return ",".join(ports) or NONE


def _class_name(obj: Object) -> str:
    annotations = obj["metadata"].get("annotations") or {}
    default = annotations.get("storageclass.kubernetes.io/is-default-class") == "true"
    return str(obj["metadata"]["name"]) + (" (default)" if default else "")


def _job_status(obj: Object) -> str:
    for kind, word in (("Complete", "Complete"), ("Failed", "Failed")):
        if first(obj, f'.status.conditions[?(@.type=="{kind}")].status') == "True":
            return word
    return "Running"


def _event_object(obj: Object) -> str:
    about = obj.get("involvedObject") or {}
    return f"{str(about.get('kind', '')).lower()}/{about.get('name', '')}"


def _joined(path: str, field: str) -> Callable[[Object], str]:
    return lambda obj: ",".join(str(item.get(field, "")) for item in first(obj, path) or []) or NONE


def _role(obj: Object) -> str:
    return f"{obj['roleRef']['kind']}/{obj['roleRef']['name']}"


_POD_SPEC = ".spec.template.spec.containers"
_IMAGES = (
    Column("Containers", _joined(_POD_SPEC, "name"), wide=True),
    Column("Images", _joined(_POD_SPEC, "image"), wide=True),
)
_ACCESS = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}

_BY_KEY: dict[tuple[str, str], tuple[Column, ...]] = {
    ("", "namespaces"): (NAME, _text("Status", ".status.phase"), AGE),
    ("", "nodes"): (
        NAME,
        Column("Status", _node_status),
        Column("Roles", _node_roles),
        AGE,
        _text("Version", ".status.nodeInfo.kubeletVersion"),
        _text("Internal-IP", '.status.addresses[?(@.type=="InternalIP")].address', wide=True),
        _text("External-IP", '.status.addresses[?(@.type=="ExternalIP")].address', wide=True),
        _text("OS-Image", ".status.nodeInfo.osImage", wide=True),
        _text("Kernel-Version", ".status.nodeInfo.kernelVersion", wide=True),
        _text("Container-Runtime", ".status.nodeInfo.containerRuntimeVersion", wide=True),
    ),
    ("", "pods"): (
        NAME,
        Column("Ready", _pod_ready),
        Column("Status", _pod_status),
        Column("Restarts", _pod_restarts),
        AGE,
        _text("IP", ".status.podIP", wide=True),
        _text("Node", ".spec.nodeName", wide=True),
    ),
    ("", "services"): (
        NAME,
        _text("Type", ".spec.type"),
        _text("Cluster-IP", ".spec.clusterIP"),
        Column("External-IP", _service_address),
        Column("Port(s)", _service_ports),
        AGE,
    ),
    ("", "secrets"): (
        NAME,
        _text("Type", ".type"),
        Column("Data", lambda obj: len(obj.get("data") or {}), "integer"),
        AGE,
    ),
    ("", "configmaps"): (NAME, Column("Data", lambda obj: len(obj.get("data") or {}), "integer"), AGE),
    ("", "serviceaccounts"): (NAME, Column("Secrets", lambda obj: len(obj.get("secrets") or []), "integer"), AGE),
    ("", "persistentvolumeclaims"): (
        NAME,
        _text("Status", ".status.phase"),
        Column("Volume", _path(".spec.volumeName", "")),
        Column("Capacity", _path(".status.capacity.storage", "")),
        Column(
            "Access Modes", lambda obj: ",".join(_ACCESS.get(m, m) for m in first(obj, ".status.accessModes") or [])
        ),
        Column("StorageClass", _path(".spec.storageClassName", "")),
        AGE,
    ),
    ("", "events"): (
        Column("Last Seen", lambda obj: age(obj.get("lastTimestamp") or obj["metadata"].get("creationTimestamp"))),
        _text("Type", ".type"),
        _text("Reason", ".reason"),
        Column("Object", _event_object),
        _text("Message", ".message"),
    ),
    ("apps", "deployments"): (
        NAME,
        READY,
        _number("Up-to-date", ".status.updatedReplicas"),
        _number("Available", ".status.availableReplicas"),
        AGE,
        *_IMAGES,
    ),
    ("apps", "statefulsets"): (NAME, READY, AGE, *_IMAGES),
    ("apps", "daemonsets"): (
        NAME,
        _number("Desired", ".status.desiredNumberScheduled"),
        _number("Current", ".status.currentNumberScheduled"),
        _number("Ready", ".status.numberReady"),
        _number("Up-to-date", ".status.updatedNumberScheduled"),
        _number("Available", ".status.numberAvailable"),
        AGE,
        *_IMAGES,
    ),
    ("apps", "replicasets"): (
        NAME,
        _number("Desired", ".spec.replicas"),
        _number("Current", ".status.replicas"),
        _number("Ready", ".status.readyReplicas"),
        AGE,
        *_IMAGES,
    ),
    ("batch", "jobs"): (
        NAME,
        Column("Status", _job_status),
        Column("Completions", lambda obj: f"{_of(obj, 'succeeded')}/{(obj.get('spec') or {}).get('completions', 1)}"),
        AGE,
    ),
    ("networking.k8s.io", "ingresses"): (
        NAME,
        _text("Class", ".spec.ingressClassName"),
        Column("Hosts", _joined(".spec.rules", "host")),
        Column("Address", _path(".status.loadBalancer.ingress[0].ip", "")),
        AGE,
    ),
    ("storage.k8s.io", "storageclasses"): (
        Column("Name", _class_name, format="name"),
        _text("Provisioner", ".provisioner"),
        _text("ReclaimPolicy", ".reclaimPolicy"),
        _text("VolumeBindingMode", ".volumeBindingMode"),
        Column("AllowVolumeExpansion", lambda obj: bool(obj.get("allowVolumeExpansion")), "boolean"),
        AGE,
    ),
    ("rbac.authorization.k8s.io", "clusterroles"): (NAME, CREATED),
    ("rbac.authorization.k8s.io", "roles"): (NAME, CREATED),
    ("rbac.authorization.k8s.io", "clusterrolebindings"): (NAME, Column("Role", _role), AGE),
    ("rbac.authorization.k8s.io", "rolebindings"): (NAME, Column("Role", _role), AGE),
    ("apiextensions.k8s.io", "customresourcedefinitions"): (NAME, CREATED),
    ("data.packaging.carvel.dev", "packages"): (
        NAME,
        _text("PackageMetadata Name", ".spec.refName"),
        _text("Version", ".spec.version"),
        AGE,
    ),
    ("data.packaging.carvel.dev", "packagemetadatas"): (
        NAME,
        _text("Display Name", ".spec.displayName"),
        _text("Category", ".spec.categories[0]"),
        AGE,
    ),
}


def columns(resource: Resource) -> tuple[Column, ...]:
    if resource.columns:
        return (NAME, *(_asked_for(column) for column in resource.columns))
    return _BY_KEY.get(resource.gvr.key, (NAME, AGE))


def _asked_for(column: Any) -> Column:
    """A column of a CustomResourceDefinition: kubectl prints nothing for a value that is not there."""
    value = _path(column["jsonPath"], None)
    date = column.get("type") == "date"
    cell = (lambda obj: age(value(obj)) if value(obj) else None) if date else value
    kind = "string" if date else column.get("type", "string")
    return Column(column["name"], cell, kind, wide=bool(column.get("priority")), format=column.get("format", ""))
