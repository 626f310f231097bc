"""How pods fail, as data: what the scheduler, the kubelet and the program itself say of it, in their own words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from installer_tasks.rehearsal.controllers.events import tell
from installer_tasks.rehearsal.controllers.objects import Object
from installer_tasks.rehearsal.controllers.world import World, condition, now

#: Kubelets wait ten seconds and more, and double that; nobody learns anything from that here.
BACK_OFF = 0.4


@dataclass(frozen=True)
class Trouble:
    """What is wrong with the pods of one workload. `until` restarts, if any, then it is well: a normal start."""

    unscheduled: str = ""  #: the scheduler's message
    waiting: str = ""  #: `Reason: message` of a container that does not start
    event: str = ""  #: `Reason: message` about the pod besides
    exit_code: int = 0  #: the container ends with it, again and again
    reason: str = "Error"  #: of that end
    log: tuple[str, ...] = ()  #: what it prints before
    unready: str = ""  #: what the readiness probe says
    refused: str = ""  #: why the API does not even create the pod
    evicted: str = ""  #: the kubelet's message
    until: int = 0

    @property
    def crashes(self) -> bool:
        return bool(self.exit_code)


class Troubles:
    """Writes the state of a pod that is in trouble."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._restarts: dict[str, int] = {}

    def keep_down(self, pod: Object) -> float | None:
        """Seconds until the next look when the pod is in trouble; None when it is well."""
        trouble = self._world.hooks.trouble(pod)
        if trouble is None or (trouble.until and self._restarts.get(pod["metadata"]["uid"], 0) >= trouble.until):
            return None
        if trouble.event:
            reason, _colon, message = trouble.event.partition(": ")
            tell(self._world.desk, pod, reason, message)
        status = self._crashing(pod, trouble) if trouble.crashes else _still(pod, trouble)
        for reason, message in _said(trouble):
            tell(self._world.desk, pod, reason, message)
        self._world.desk.status(pod, {"startTime": _started(pod), "qosClass": "BestEffort", **status})
        return BACK_OFF

    def _crashing(self, pod: Object, trouble: Trouble) -> Object:
        """Running for a moment, then ended, then backing off; each round is one restart."""
        uid = pod["metadata"]["uid"]
        if self._world.clock.since("crash", uid) >= BACK_OFF or uid not in self._restarts:
            self._world.clock.restart("crash", uid)
            self._restarts[uid] = self._restarts.get(uid, 0) + 1
            self._print(pod, trouble)
            tell(self._world.desk, pod, "BackOff", f"Back-off restarting failed container in pod {_named(pod)}")
        count = self._restarts[uid]
        ended = {"exitCode": trouble.exit_code, "reason": trouble.reason, "finishedAt": _started(pod)}
        words = f"back-off 10s restarting failed container in pod {_named(pod)}"
        state = {"waiting": {"reason": "CrashLoopBackOff", "message": words}}
        containers = [
            {**each, "restartCount": count, "lastState": {"terminated": ended}} for each in _containers(pod, state)
        ]
        return {"phase": "Running", "conditions": _conditions(ready=False), "containerStatuses": containers}

    def _print(self, pod: Object, trouble: Trouble) -> None:
        metadata, container = pod["metadata"], pod["spec"]["containers"][0]["name"]
        for line in trouble.log:
            self._world.desk.log(metadata["namespace"], metadata["name"], container, f"{now()} {line}")


def _still(pod: Object, trouble: Trouble) -> Object:
    """It stands where it is, and says why."""
    if trouble.evicted:
        return {"phase": "Failed", "reason": "Evicted", "message": trouble.evicted, "conditions": []}
    if trouble.unscheduled:
        waits = condition("PodScheduled", False, "Unschedulable", trouble.unscheduled)
        return {"phase": "Pending", "conditions": [waits]}
    if trouble.unready:
        running = _containers(pod, {"running": {"startedAt": _started(pod)}})
        return {"phase": "Running", "conditions": _conditions(ready=False), "containerStatuses": running}
    reason, _colon, message = (trouble.waiting or "ContainerCreating").partition(": ")
    state = {"waiting": {"reason": reason, **({"message": message} if message else {})}}
    return {
        "phase": "Pending",
        "conditions": [condition("PodScheduled", True)],
        "containerStatuses": _containers(pod, state),
    }


def _said(trouble: Trouble) -> Iterator[tuple[str, str]]:
    if trouble.unscheduled:
        yield "FailedScheduling", trouble.unscheduled
    if trouble.unready:
        yield "Unhealthy", f"Readiness probe failed: {trouble.unready}"
    if trouble.evicted:
        yield "Evicted", trouble.evicted


def _containers(pod: Object, state: Mapping[str, Any]) -> list[Object]:
    return [
        {"name": each["name"], "image": each.get("image", ""), "ready": False, "restartCount": 0, "state": dict(state)}
        for each in pod["spec"]["containers"]
    ]


def _conditions(*, ready: bool) -> list[Object]:
    return [condition("PodScheduled", True), condition("Initialized", True), condition("Ready", ready)]


def _started(pod: Object) -> str:
    return str((pod.get("status") or {}).get("startTime") or now())


def _named(pod: Object) -> str:
    return f"{pod['metadata']['name']}_{pod['metadata']['namespace']}"
