"""Pods go Pending → Running, and on to Succeeded where they are meant to end; load balancers give addresses."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from installer_tasks.rehearsal.controllers.events import tell
from installer_tasks.rehearsal.controllers.objects import Object
from installer_tasks.rehearsal.controllers.pulling import BETWEEN_PULLS, Pulls
from installer_tasks.rehearsal.controllers.troubles import Troubles
from installer_tasks.rehearsal.controllers.volumes import claims_of
from installer_tasks.rehearsal.controllers.workloads import free_nodes
from installer_tasks.rehearsal.controllers.world import World, condition, now

START = 0.01  #: share of an installation that a pod needs to start
UNBOUND = (
    "0/4 nodes are available: pod has unbound immediate PersistentVolumeClaims. preemption: 0/4 nodes are available: "
    "4 Preemption is not helpful for scheduling."
)


class Pods:
    kinds = ("Pod",)

    def __init__(self, world: World) -> None:
        self._world = world
        self._pulls = Pulls(world)
        self._troubles = Troubles(world)

    def reconcile(self, obj: Object) -> float | None:
        status, metadata = obj.get("status") or {}, obj["metadata"]
        phase = status.get("phase", "Pending")
        if phase in ("Succeeded", "Failed") or metadata.get("deletionTimestamp"):
            return None
        if metadata.get("ownerReferences") and (again := self._troubles.keep_down(obj)) is not None:
            return again
        if phase == "Running" and all(each.get("ready") for each in status.get("containerStatuses") or []):
            return self._end(obj)
        if self._unbound_claims(obj):
            self._write(obj, "Pending", [condition("PodScheduled", False, "Unschedulable", UNBOUND)], {})
            return None
        return self._start(obj)

    def _start(self, pod: Object) -> float | None:
        left = self._world.left(START, "pod", pod["metadata"]["uid"])
        scheduled = [condition("PodScheduled", True)]
        if left > 0:
            self._write(pod, "Pending", scheduled, {"waiting": {"reason": "ContainerCreating"}})
            return left
        if not pod["metadata"].get("ownerReferences"):
            return self._start_by_hand(pod, scheduled)
        for container in pod["spec"]["containers"]:
            problem = self._world.hooks.pull(str(container.get("image", "")))
            if problem:
                tell(self._world.desk, pod, "Failed", f'Failed to pull image "{container.get("image", "")}": {problem}')
                waiting = {"waiting": {"reason": "ErrImagePull", "message": problem}}
                self._write(pod, "Pending", scheduled, waiting)
                return max(1.0, self._world.pace.seconds(START))
        self._run(pod, scheduled)
        return 0.0

    def _start_by_hand(self, pod: Object, scheduled: list[Object]) -> float | None:
        """A pod of nobody's: its node, the one it names or any, really pulls; nothing here waits for that."""
        if not pod["spec"].get("nodeName"):
            spec = {**pod["spec"], "nodeName": free_nodes(self._world.desk)[0]}
            pod = self._world.desk.replace({**pod, "spec": spec})
        waiting = self._pulls.state(pod)
        if waiting is None:
            self._run(pod, scheduled)
            return 0.0
        self._write(pod, "Pending", scheduled, {"waiting": waiting})
        return BETWEEN_PULLS if "message" in waiting else None

    def _run(self, pod: Object, scheduled: list[Object]) -> None:
        ready = [condition(kind, True) for kind in ("Initialized", "Ready", "ContainersReady")]
        self._write(pod, "Running", [*ready, *scheduled], {"running": {"startedAt": now()}}, ready=True)
        for container in pod["spec"]["containers"]:
            for line in (f"starting {container['name']}", f"{container['name']} is ready"):
                self._log(pod, container["name"], line)

    def _end(self, pod: Object) -> float | None:
        if pod["spec"].get("restartPolicy", "Always") == "Always":
            return None
        left = self._world.left(START, "pod-end", pod["metadata"]["uid"])
        if left > 0:
            return left
        done = {"terminated": {"exitCode": 0, "reason": "Completed", "finishedAt": now()}}
        ended = [condition("Initialized", True, "PodCompleted"), condition("Ready", False, "PodCompleted")]
        self._write(pod, "Succeeded", ended, done)
        for container in pod["spec"]["containers"]:
            self._log(pod, container["name"], "done")
        return None

    def _log(self, pod: Object, container: str, line: str) -> None:
        metadata = pod["metadata"]
        self._world.desk.log(metadata["namespace"], metadata["name"], container, f"{now()} INFO {line}")

    def _write(
        self, pod: Object, phase: str, conditions: list[Object], state: Mapping[str, Any], *, ready: bool = False
    ) -> None:
        started = (pod.get("status") or {}).get("startTime") or now()
        status: Object = {"phase": phase, "conditions": conditions, "startTime": started, "qosClass": "BestEffort"}
        if state:
            status["containerStatuses"] = [_container(item, state, ready) for item in pod["spec"]["containers"]]
        if phase != "Pending":
            status |= {"podIP": _pod_ip(pod["metadata"]["uid"]), "hostIP": "127.0.0.1"}
        self._world.desk.status(pod, status)

    def _unbound_claims(self, pod: Object) -> bool:
        namespace = pod["metadata"]["namespace"]
        found = [self._world.desk.get("PersistentVolumeClaim", name, namespace) for name in claims_of(pod)]
        return any(claim is None or (claim.get("status") or {}).get("phase") != "Bound" for claim in found)


def _container(container: Object, state: Mapping[str, Any], ready: bool) -> Object:
    image = str(container.get("image", ""))
    digest = hashlib.sha256(image.encode()).hexdigest()
    return {
        "name": container["name"],
        "image": image,
        "imageID": f"{image.partition(':')[0]}@sha256:{digest}" if ready or "terminated" in state else "",
        "ready": ready,
        "started": ready,
        "restartCount": 0,
        "state": dict(state),
    }


def _pod_ip(uid: str) -> str:
    """An address of the pod network, the same every time."""
    digest = hashlib.sha256(uid.encode()).digest()
    return f"10.244.{digest[0] % 4}.{digest[1] % 250 + 2}"


class LoadBalancers:
    """A Service of type LoadBalancer gets its address from the estate."""

    kinds = ("Service",)

    def __init__(self, world: World) -> None:
        self._world = world

    def reconcile(self, obj: Object) -> float | None:
        if obj["spec"].get("type") != "LoadBalancer" or (obj.get("status") or {}).get("loadBalancer", {}).get(
            "ingress"
        ):
            return None
        said = self._world.hooks.balancing(obj)
        if said:
            reason, _colon, message = said.partition(": ")
            tell(self._world.desk, obj, reason, message)
        address = self._world.hooks.address(obj)
        if address is None:
            return 1.0
        ports = {"https": address.https_port, "http": address.http_port}
        changed = [
            {**port, "port": ports.get(port.get("name", "")) or port["port"]} for port in obj["spec"].get("ports") or []
        ]
        if changed != obj["spec"].get("ports"):
            obj = self._world.desk.replace({**obj, "spec": {**obj["spec"], "ports": changed}})
        self._world.desk.status(obj, {"loadBalancer": {"ingress": [{"ip": address.ip}]}})
        return None
