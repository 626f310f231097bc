"""What a pod or a workload says of itself, in one line each, as `kubectl` has it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from installer_tasks.local import redaction_patterns

LONGEST = 600
#: These end by themselves, or have not begun: no reason of failure.
ORDINARY = ("ContainerCreating", "PodInitializing", "Completed")


def is_well(pod: Mapping[str, Any]) -> bool:
    status = pod.get("status") or {}
    if status.get("phase") == "Succeeded":
        return True
    containers = status.get("containerStatuses") or []
    expected = len((pod.get("spec") or {}).get("containers") or containers)
    return status.get("phase") == "Running" and sum(bool(each.get("ready")) for each in containers) == expected


def described(pod: Mapping[str, Any]) -> dict[str, Any]:
    status = pod.get("status") or {}
    containers = [*_containers(status.get("initContainerStatuses")), *_containers(status.get("containerStatuses"))]
    return {
        "name": pod["metadata"]["name"],
        "owner": _owner(pod),
        "node": str((pod.get("spec") or {}).get("nodeName") or ""),
        "state": _state(status, containers),
        "scheduling": _scheduling(status),
        "ended": _pod_end(status),
        "containers": [each for each in containers if not each["ready"]],
    }


def _owner(pod: Mapping[str, Any]) -> str:
    for owner in pod["metadata"].get("ownerReferences") or []:
        kind, name = str(owner["kind"]), str(owner["name"])
        return f"Deployment/{name.rpartition('-')[0]}" if kind == "ReplicaSet" else f"{kind}/{name}"
    return ""


def _state(status: Mapping[str, Any], containers: list[dict[str, Any]]) -> str:
    """As kubectl's STATUS column."""
    if status.get("reason"):
        return str(status["reason"])
    waiting = (str(each["waiting"]).partition(":")[0] for each in containers)
    return next(filter(None, waiting), str(status.get("phase", "Pending")))


def _scheduling(status: Mapping[str, Any]) -> str:
    for each in status.get("conditions") or []:
        if each.get("type") == "PodScheduled" and each.get("status") == "False":
            return f"{each.get('reason', '')}: {each.get('message', '')}"[:LONGEST]
    return ""


def _pod_end(status: Mapping[str, Any]) -> str:
    """Evicted, or lost with its node."""
    if status.get("phase") != "Failed":
        return ""
    return f"{status.get('reason', 'Failed')}: {status.get('message', '')}"[:LONGEST]


def _containers(statuses: Any) -> Iterator[dict[str, Any]]:
    for each in statuses or []:
        yield {
            "name": str(each.get("name", "")),
            "image": str(each.get("image", "")),
            "ready": bool(each.get("ready")) or _completed(each),
            "restarts": int(each.get("restartCount") or 0),
            "waiting": _waiting(each),
            "ended": _ended(each),
            "log": "",
        }


def _completed(container: Mapping[str, Any]) -> bool:
    ended = (container.get("state") or {}).get("terminated")
    return isinstance(ended, dict) and not ended.get("exitCode")


def _waiting(container: Mapping[str, Any]) -> str:
    waiting = (container.get("state") or {}).get("waiting") or {}
    reason, message = str(waiting.get("reason", "")), redaction_patterns.clean(str(waiting.get("message", "")))
    return "" if not reason or (reason in ORDINARY and not message) else f"{reason}: {message}"[: 2 * LONGEST]


def _ended(container: Mapping[str, Any]) -> str:
    """The last end that was a failure."""
    states: tuple[Mapping[str, Any], ...] = (container.get("state") or {}, container.get("lastState") or {})
    for state in states:
        ended: Mapping[str, Any] = state.get("terminated") or {}
        if ended.get("exitCode") or ended.get("reason") == "OOMKilled":
            message = redaction_patterns.clean(str(ended.get("message", "")))
            return f"{ended.get('reason', 'Error')}, exit code {ended.get('exitCode', 0)}: {message}"[: 2 * LONGEST]
    return ""


def workload_trouble(obj: Mapping[str, Any]) -> str:
    """How many of its pods are there and ready, when that is fewer than wanted."""
    status, spec = obj.get("status") or {}, obj.get("spec") or {}
    if obj.get("kind") == "Job":
        failed = [str(each.get("message", "")) for each in status.get("conditions") or [] if _is_failed(each)]
        return f"Job failed: {failed[0]}" if failed else ""
    if obj.get("kind") == "DaemonSet":
        wanted, ready = int(status.get("desiredNumberScheduled") or 0), int(status.get("numberReady") or 0)
    else:
        wanted, ready = int(spec.get("replicas", 1)), int(status.get("readyReplicas") or 0)
    return f"{ready} of {wanted} pods are ready" if ready < wanted else ""


def _is_failed(condition: Mapping[str, Any]) -> bool:
    return condition.get("type") == "Failed" and condition.get("status") == "True"
