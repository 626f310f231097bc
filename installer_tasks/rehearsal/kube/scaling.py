"""The `scale` subresource of Deployments and their kind."""

from __future__ import annotations

from typing import Any

from installer_tasks.rehearsal.kube import merging
from installer_tasks.rehearsal.kube.errors import bad_request, not_found
from installer_tasks.rehearsal.kube.requests import Answer, Request, Target
from installer_tasks.rehearsal.kube.store import Store

Object = dict[str, Any]


def answer(store: Store, target: Target, request: Request) -> Answer:
    """The scale as it is, or as a PUT or PATCH wants it."""
    obj = store.get(target.gvr, target.namespace, target.name)
    if obj is None:
        raise not_found(target.gvr.resource, target.gvr.group, target.name)
    if request.method == "GET":
        return Answer(_scale(obj))
    body = request.object()

    def scaled(live: Object) -> Object:
        wanted = body if request.method == "PUT" else merging.merge(_scale(live), body)
        return {**live, "spec": {**live["spec"], "replicas": _replicas(wanted)}}

    changed = store.change(
        target.gvr, target.namespace, target.name, scaled, manager=request.manager, dry_run=request.dry_run
    )
    return Answer(_scale(changed))


def _replicas(scale: Object) -> int:
    replicas = (scale.get("spec") or {}).get("replicas", 0)
    if not isinstance(replicas, int) or replicas < 0:
        raise bad_request("spec.replicas must be a number, and not negative")
    return replicas


def _scale(obj: Object) -> Object:
    labels = (obj["spec"].get("selector") or {}).get("matchLabels") or {}
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {field: obj["metadata"][field] for field in kept},
        "spec": {"replicas": obj["spec"].get("replicas", 1)},
        "status": {
            "replicas": (obj.get("status") or {}).get("replicas", 0),
            "selector": ",".join(f"{key}={value}" for key, value in sorted(labels.items())),
        },
    }
