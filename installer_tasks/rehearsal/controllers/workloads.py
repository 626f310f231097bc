"""Deployments, StatefulSets, DaemonSets and Jobs make their pods and count those that are ready."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from installer_tasks.rehearsal.controllers.events import tell
from installer_tasks.rehearsal.controllers.objects import Object, ObjectClient
from installer_tasks.rehearsal.controllers.world import World, condition

RETRY = 1.0  #: seconds after the API has refused a pod
TEMPLATE = "rehearsal/template"  #: annotation of a pod: digest of the template that it was made from


class Workloads:
    kinds = ("Deployment", "StatefulSet", "DaemonSet", "Job")

    def __init__(self, world: World) -> None:
        self._world = world

    def reconcile(self, obj: Object) -> float | None:
        nodes = free_nodes(self._world.desk)
        wanted = {pod["metadata"]["name"]: pod for pod in _pods(obj, nodes)}
        present = {pod["metadata"]["name"]: pod for pod in self._present(obj)}
        if len(present) == len(wanted) and _is_settled(obj) and all(map(_was_there, present.values())):
            self._count(obj, len(wanted))  # replacing what runs would make it unavailable for a moment
            return None
        if any(self._refused(obj, pod) for pod in list(wanted.values())[:1]):
            self._count(obj, len(wanted))
            return RETRY
        for name, pod in wanted.items():
            if name not in present or _digest_of(present[name]) != _digest_of(pod):
                self._replace(obj, present.get(name), pod)
        for name in present.keys() - wanted.keys():
            self._world.desk.delete("Pod", name, obj["metadata"]["namespace"])
        self._count(obj, len(wanted))
        return None

    def _refused(self, workload: Object, pod: Object) -> bool:
        """The API does not create the pod; the event stands at the one that asks for it: of a Deployment its set."""
        trouble = self._world.hooks.trouble(pod)
        if trouble is None or not trouble.refused:
            return False
        name, kind = workload["metadata"]["name"], workload["kind"]
        if kind == "Deployment":
            name, kind = f"{name}-{_digest(workload['spec']['template'])[:10]}", "ReplicaSet"
        about = {**workload, "kind": kind, "metadata": {**workload["metadata"], "name": name}}
        tell(self._world.desk, about, "FailedCreate", f"Error creating: {trouble.refused}")
        return True

    def _replace(self, workload: Object, old: Object | None, new: Object) -> None:
        namespace = workload["metadata"]["namespace"]
        if old is not None:
            self._world.desk.delete("Pod", old["metadata"]["name"], namespace)
        for template in workload["spec"].get("volumeClaimTemplates") or []:
            self._claim(workload, template, new)
        self._world.desk.create(new, owner=workload)

    def _claim(self, workload: Object, template: Object, pod: Object) -> None:
        """Claims of a StatefulSet have no owner, so they stay when it goes; they bear its selector's labels too."""
        name, namespace = f"{template['metadata']['name']}-{pod['metadata']['name']}", pod["metadata"]["namespace"]
        if self._world.desk.get("PersistentVolumeClaim", name, namespace) is None:
            selected = (workload["spec"].get("selector") or {}).get("matchLabels") or {}
            labels = {**(template["metadata"].get("labels") or {}), **selected}
            metadata = {"name": name, "namespace": namespace, "labels": labels}
            claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata}
            self._world.desk.create({**claim, "spec": template["spec"]})
        volume = {"name": template["metadata"]["name"], "persistentVolumeClaim": {"claimName": name}}
        pod["spec"].setdefault("volumes", []).append(volume)

    def _present(self, workload: Object) -> list[Object]:
        desk = self._world.desk
        return desk.owned("Pod", workload) or [pod for pod in desk.objects("Pod") if _is_seeded(pod, workload)]

    def _count(self, workload: Object, wanted: int) -> None:
        phases = [_phase(pod) for pod in self._present(workload)]
        running, done = phases.count("Running"), phases.count("Succeeded")
        self._world.desk.status(workload, _status(workload, wanted, running, done))


def free_nodes(desk: ObjectClient) -> list[str]:
    """Those that take pods."""
    free = [node for node in desk.objects("Node") if not (node.get("spec") or {}).get("taints")]
    return [node["metadata"]["name"] for node in free] or ["node"]


def _is_settled(workload: Object) -> bool:
    """Whether nobody has asked for anything else since its status was written."""
    return bool((workload.get("status") or {}).get("observedGeneration") == workload["metadata"].get("generation"))


def _was_there(pod: Object) -> bool:
    """No pod of these controllers: the cluster was delivered with it."""
    return TEMPLATE not in (pod["metadata"].get("annotations") or {})


def _is_seeded(pod: Object, workload: Object) -> bool:
    """The seed knows no uid of an owner, only its name."""
    metadata, kind, name = pod["metadata"], workload["kind"], workload["metadata"]["name"]
    owners = [(owner["kind"], owner["name"]) for owner in metadata.get("ownerReferences") or []]
    same_place = metadata.get("namespace") == workload["metadata"].get("namespace")
    return same_place and _was_there(pod) and (kind, name) in owners


def _phase(pod: Object) -> str:
    """Running counts when it is ready."""
    status = pod.get("status") or {}
    ready = all(each.get("ready", True) for each in status.get("containerStatuses") or [])
    return str(status.get("phase", "")) if ready or status.get("phase") != "Running" else "NotReady"


def is_ready(workload: Object) -> bool:
    """Whether kapp would stop waiting for it."""
    status = workload.get("status") or {}
    if workload["kind"] == "Job":
        return any(item["type"] == "Complete" and item["status"] == "True" for item in status.get("conditions") or [])
    if not _is_settled(workload):
        return False
    if workload["kind"] == "DaemonSet":
        return bool(status.get("numberReady", 0) >= status.get("desiredNumberScheduled", 1))
    return bool(status.get("readyReplicas", 0) >= workload["spec"].get("replicas", 1))


def _status(workload: Object, wanted: int, running: int, done: int) -> Object:
    generation = workload["metadata"].get("generation")
    if workload["kind"] == "Job":
        complete = done >= wanted
        status: Object = {"succeeded": done} if complete else {"active": wanted - done, "succeeded": done}
        return {**status, "conditions": [condition("Complete", True)]} if complete else status
    if workload["kind"] == "DaemonSet":
        names = ("desiredNumberScheduled", "currentNumberScheduled", "updatedNumberScheduled")
        counts = {
            **dict.fromkeys(names, wanted),
            "numberReady": running,
            "numberAvailable": running,
            "numberMisscheduled": 0,
        }
        return {"observedGeneration": generation, **counts}
    counts = {"replicas": wanted, "updatedReplicas": wanted, "readyReplicas": running, "availableReplicas": running}
    available = condition("Available", running >= wanted, "MinimumReplicasAvailable" if running >= wanted else "")
    return {"observedGeneration": generation, **counts, "conditions": [available]}


def _pods(workload: Object, nodes: list[str]) -> list[Object]:
    kind, spec = workload["kind"], workload["spec"]
    count = {"DaemonSet": len(nodes), "Job": spec.get("completions", 1)}.get(kind, spec.get("replicas", 1))
    return [_pod(workload, number, nodes[number % len(nodes)]) for number in range(count)]


def _pod(workload: Object, number: int, node: str) -> Object:
    template = workload["spec"]["template"]
    digest = _digest(template)
    metadata = template.get("metadata") or {}
    annotations = {**(metadata.get("annotations") or {}), TEMPLATE: digest}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": _pod_name(workload, number, digest),
            "namespace": workload["metadata"]["namespace"],
            "labels": dict(metadata.get("labels") or {}),
            "annotations": annotations,
        },
        "spec": {**json.loads(json.dumps(template["spec"])), "nodeName": node},
    }


def _pod_name(workload: Object, number: int, digest: str) -> str:
    """The forms that people know: `postgres-0`, `ui-server-5d8f7c9b4f-x2k7q`, `contour-envoy-9xk2p`."""
    name = workload["metadata"]["name"]
    suffix = hashlib.sha256(f"{name}{digest}{number}".encode()).hexdigest()[:5]
    if workload["kind"] == "StatefulSet":
        return f"{name}-{number}"
    return f"{name}-{digest[:10]}-{suffix}" if workload["kind"] == "Deployment" else f"{name}-{suffix}"


def _digest(template: Any) -> str:
    return hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest()


def _digest_of(pod: Object) -> str:
    return str((pod["metadata"].get("annotations") or {}).get(TEMPLATE, ""))
