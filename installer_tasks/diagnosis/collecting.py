"""What a cluster says about an installation that does not get on: asked once, bounded, as plain data.

Only what is not well is kept. What cannot be asked is named, and the rest is had all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from installer_tasks.diagnosis import pods
from installer_tasks.diagnosis.signs import LAST_WAVE
from installer_tasks.errors import InstallerError, Missing
from installer_tasks.local import redaction_patterns
from installer_tasks.releases import Release
from installer_tasks.systems.cluster import carvel, inventory
from installer_tasks.systems.cluster.interface import Cluster, Object

MOST_PODS, MOST_EVENTS, MOST_OBJECTS, MOST_LOGS = 40, 60, 40, 8
LOG_LINES, LONGEST = 20, 1500
OUTPUT = 3000
#: Events say what was; older ones than this say nothing about now.
RECENT = 15 * 60.0
#: Of type Normal, though they say why a claim gets no volume.
ORDINARY = ("ExternalProvisioning", "WaitForFirstConsumer", "FailedBinding")
CERTIFICATES = "cert-manager.io/v1"
WORKLOADS = (("apps/v1", "Deployment"), ("apps/v1", "StatefulSet"), ("apps/v1", "DaemonSet"), ("batch/v1", "Job"))


def collect(cluster: Cluster, release: Release, now: datetime | None = None) -> dict[str, Any]:
    """Never raises what a system says: it stands under `problems`."""
    asking = _Asking(cluster, release, now or datetime.now(UTC))
    return {
        "namespace": release.namespace,
        "packages": asking.ask("packages", asking.packages),
        "pods": asking.ask("pods", asking.pods),
        "objects": asking.ask("objects", asking.objects),
        "events": asking.ask("events", asking.events),
        "nodes": asking.ask("nodes", asking.nodes),
        "problems": asking.problems,
    }


class _Asking:
    """One round of questions; later ones use what earlier ones found unwell."""

    def __init__(self, cluster: Cluster, release: Release, now: datetime) -> None:
        self._cluster, self._release, self._now = cluster, release, now
        self._waves = {package.name: package.wave for package in release.packages}
        self._unwell: set[str] = set()
        self.problems: list[str] = []

    def ask(self, what: str, question: Callable[[], Iterable[dict[str, Any]]]) -> list[dict[str, Any]]:
        try:
            return list(question())
        except InstallerError as error:
            self.problems.append(f"{what}: {error.cause} {error.detail}".strip())
            return []

    def packages(self) -> Iterator[dict[str, Any]]:
        namespace = self._release.namespace
        apps = {app["metadata"]["name"]: app for app in self._list(carvel.KAPPCTRL, "App")}
        for obj in self._list(carvel.PACKAGING, "PackageRepository"):
            if obj["metadata"]["name"] == self._release.repository_name:
                yield {**_package(obj, {}), "kind": "PackageRepository", "wave": 0}
        for obj in self._cluster.list(carvel.PACKAGING, "PackageInstall", namespace):
            name = obj["metadata"]["name"]
            parent = name == self._release.install_name
            wave = LAST_WAVE if parent else self._waves.get(name, LAST_WAVE - 1)
            yield {**_package(obj, apps.get(name, {})), "kind": "PackageInstall", "wave": wave, "parent": parent}

    def pods(self) -> Iterator[dict[str, Any]]:
        found = [pod for pod in self._list("v1", "Pod") if not pods.is_well(pod)]
        found.sort(key=lambda pod: (self._wave(pod), pod["metadata"]["name"]))
        logs = 0
        for pod in found[:MOST_PODS]:
            seen = pods.described(pod)
            self._unwell |= {f"Pod/{seen['name']}", *([seen["owner"]] if seen["owner"] else [])}
            for container in seen["containers"]:
                if container["restarts"] and logs < MOST_LOGS:
                    logs += 1
                    container["log"] = self._log(seen["name"], container["name"])
            yield {**seen, "package": self._package_of(pod)}

    def _log(self, pod: str, container: str) -> str:
        try:
            said = self._cluster.logs(pod, self._release.namespace, container=container, tail=LOG_LINES)
        except InstallerError:  # a container that never started has none
            return ""
        return redaction_patterns.clean(said)[-LONGEST:]

    def objects(self) -> Iterator[dict[str, Any]]:
        found = (*self._workloads(), *self._claims(), *self._services(), *self._certificates(), *self._others())
        for each in found[:MOST_OBJECTS]:
            self._unwell.add(f"{each['kind']}/{each['name']}")
            yield {**each, "said": redaction_patterns.clean(each["said"])[:LONGEST]}

    def _workloads(self) -> Iterator[dict[str, Any]]:
        for api, kind in WORKLOADS:
            for obj in self._list(api, kind):
                said = pods.workload_trouble(obj)
                if said:
                    yield self._object(obj, kind, said)

    def _claims(self) -> Iterator[dict[str, Any]]:
        for obj in self._list("v1", "PersistentVolumeClaim"):
            phase = str((obj.get("status") or {}).get("phase", "Pending"))
            if phase != "Bound":
                named = str((obj.get("spec") or {}).get("storageClassName") or "(default)")
                yield self._object(obj, "PersistentVolumeClaim", f"{phase}, StorageClass {named}")

    def _services(self) -> Iterator[dict[str, Any]]:
        for obj in self._list("v1", "Service"):
            waits = (obj.get("spec") or {}).get("type") == "LoadBalancer"
            if waits and not ((obj.get("status") or {}).get("loadBalancer") or {}).get("ingress"):
                yield self._object(obj, "Service", "LoadBalancer without an address")

    def _certificates(self) -> Iterator[dict[str, Any]]:
        for kind in ("CertificateRequest", "Certificate", "Issuer"):
            for obj in self._list(CERTIFICATES, kind):
                said = _not_true(obj)
                if said:
                    yield self._object(obj, kind, said)
        for obj in self._list("acme.cert-manager.io/v1", "Challenge"):
            status = obj.get("status") or {}
            if status.get("state") != "valid":
                yield self._object(obj, "Challenge", f"{status.get('state', 'pending')}: {status.get('reason', '')}")

    def _others(self) -> Iterator[dict[str, Any]]:
        for obj in self._list("projectcontour.io/v1", "HTTPProxy"):
            status = obj.get("status") or {}
            if status.get("currentStatus", "valid") != "valid":
                yield self._object(obj, "HTTPProxy", f"{status.get('currentStatus')}: {status.get('description', '')}")

    def _object(self, obj: Object, kind: str, said: str) -> dict[str, Any]:
        name, package = obj["metadata"]["name"], self._package_of(obj)
        return {"kind": kind, "name": name, "said": said, "package": package, "wave": self._waves.get(package, 0)}

    def events(self) -> Iterator[dict[str, Any]]:
        """Warnings about what is not well now."""
        found = sorted(self._list("v1", "Event"), key=_when, reverse=True)
        seen: set[tuple[str, str]] = set()
        for event in found:
            about = _involved(event)
            message = redaction_patterns.clean(str(event.get("message", "")))[:LONGEST]
            if not self._concerns(event, about) or (about, message) in seen or len(seen) >= MOST_EVENTS:
                continue
            seen.add((about, message))
            package = self._package_named(about.partition("/")[2])
            yield {
                "about": about,
                "reason": str(event.get("reason", "")),
                "message": message,
                "count": int(event.get("count") or 1),
                "package": package,
                "wave": self._waves.get(package, 0),
            }

    def _concerns(self, event: Object, about: str) -> bool:
        said = str(event.get("reason", ""))
        if event.get("type") != "Warning" and said not in ORDINARY:
            return False
        if (self._now - _when(event)).total_seconds() > RECENT:
            return False
        kind, _slash, name = about.partition("/")
        if kind == "ReplicaSet":  # it is not kept itself; what made it is
            return f"Deployment/{name.rpartition('-')[0]}" in self._unwell
        return about in self._unwell

    def nodes(self) -> Iterator[dict[str, Any]]:
        for node in inventory.nodes(self._cluster):
            if node["pressures"] or not node["ready"]:
                yield {"name": node["name"], "pressures": node["pressures"], "ready": node["ready"]}

    def _list(self, api_version: str, kind: str) -> list[Object]:
        """Of the namespace; a cluster that does not have the kind has none of it."""
        try:
            return self._cluster.list(api_version, kind, self._release.namespace)
        except Missing:
            return []

    def _wave(self, pod: Object) -> int:
        return self._waves.get(self._package_of(pod), LAST_WAVE)

    def _package_of(self, obj: Object) -> str:
        return self._package_named(obj["metadata"]["name"])

    def _package_named(self, name: str) -> str:
        """By the workloads that a release has; the longest name that fits."""
        fits = [
            (len(known), package.name)
            for package in self._release.packages
            for known in (package.name, *(workload.name for workload in package.workloads))
            if name == known or name.startswith(f"{known}-") or name.endswith(f"-{known}-0")
        ]
        return max(fits)[1] if fits else ""


def _package(obj: Object, app: Object) -> dict[str, Any]:
    status, run = carvel.package_status(obj), app.get("status") or {}
    error = str(run.get("usefulErrorMessage") or status.message if status.state == "failed" else "")
    return {
        "name": status.name,
        "state": status.state,
        "version": status.version,
        "phase": _phase(run or obj.get("status") or {}) if error else "",
        "error": redaction_patterns.clean(error)[: 2 * LONGEST],
        "failures": int(run.get("consecutiveReconcileFailures") or 0),
        "output": "" if status.done else redaction_patterns.clean(carvel.deploy_output(app))[-OUTPUT:],
    }


def _phase(status: Mapping[str, Any]) -> str:
    """Which of the three phases of kapp-controller failed last."""
    for phase in ("deploy", "template", "fetch"):
        seen = status.get(phase) or {}
        if seen.get("error") or seen.get("exitCode"):
            return phase
    return ""


def _not_true(obj: Object) -> str:
    """What the condition Ready says, and whether a request was denied."""
    conditions = {str(each["type"]): each for each in (obj.get("status") or {}).get("conditions") or []}
    denied = conditions.get("Denied", {})
    if denied.get("status") == "True":
        return f"Denied: {denied.get('message', '')}"
    ready = conditions.get("Ready", {})
    if ready.get("status") == "True":
        return ""
    return f"{ready.get('reason', 'Pending')}: {ready.get('message', '')}"


def _involved(event: Object) -> str:
    about = event.get("involvedObject") or event.get("regarding") or {}
    return f"{about.get('kind', '')}/{about.get('name', '')}"


def _when(event: Object) -> datetime:
    """When it was said last."""
    said = event.get("lastTimestamp") or event.get("eventTime") or event["metadata"].get("creationTimestamp")
    try:
        return datetime.fromisoformat(str(said).replace("Z", "+00:00"))
    except ValueError:
        return datetime.fromtimestamp(0, UTC)
