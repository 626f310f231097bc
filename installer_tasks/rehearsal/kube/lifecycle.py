"""What follows from writing and deleting objects: finalizers, namespaces, owners, CustomResourceDefinitions."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from installer_tasks.rehearsal.kube.errors import ApiError
from installer_tasks.rehearsal.kube.metadata import now
from installer_tasks.rehearsal.kube.resources import DEFINITIONS, GVR, NAMESPACES, PODS, SERVICE_ACCOUNTS, Resource

if TYPE_CHECKING:
    from installer_tasks.rehearsal.kube.store import Store

Object = dict[str, Any]
PROTECTED = frozenset({"default", "kube-system", "kube-public"})


def terminating(gvr: GVR, namespace: str, name: str) -> ApiError:
    message = (
        f'{gvr.resource} "{name}" is forbidden: unable to create new content in namespace {namespace} '
        "because it is being terminated"
    )
    cause = {"reason": "NamespaceTerminating", "message": f"namespace {namespace} is being terminated"}
    return ApiError(403, "Forbidden", message, name=name, group=gvr.group, kind=gvr.resource, causes=[cause])


def kept(store: Store, resource: Resource, obj: Object, *, new: bool) -> None:
    """After an object was written."""
    if resource.gvr.key == DEFINITIONS.key:
        store.served.define(obj)
    if resource.gvr.key == NAMESPACES.key and new:
        account = {"metadata": {"name": "default", "namespace": obj["metadata"]["name"]}}
        store.create(SERVICE_ACCOUNTS, account, manager="kube-controller-manager")
    if "deletionTimestamp" in obj["metadata"] and not obj["metadata"].get("finalizers"):
        _finish(store, resource, obj)


def delete(store: Store, resource: Resource, live: Object, propagation: str) -> None:
    if "deletionTimestamp" in live["metadata"]:
        return  # it is waiting for its finalizers
    if resource.gvr.key == NAMESPACES.key and live["metadata"]["name"] in PROTECTED:
        name = live["metadata"]["name"]
        raise ApiError(403, "Forbidden", f'namespaces "{name}" is forbidden: this namespace may not be deleted')
    if propagation == "Orphan":
        _orphan(store, live)
    if resource.gvr.key != NAMESPACES.key and not live["metadata"].get("finalizers"):
        store.remove(resource, live)
        return
    marked = copy.deepcopy(live)
    marked["metadata"] |= {"deletionTimestamp": now(), "deletionGracePeriodSeconds": 0}
    if resource.gvr.key == NAMESPACES.key:
        marked["status"] = {**marked.get("status", {}), "phase": "Terminating"}
    store.rewrite(resource, live, marked)


def _finish(store: Store, resource: Resource, obj: Object) -> None:
    """Remove what is marked for deletion and has no finalizer left, a namespace once it is empty."""
    if resource.gvr.key != NAMESPACES.key:
        store.remove(resource, obj)
        return
    name = obj["metadata"]["name"]
    for owner, content in _contents(store, name):
        delete(store, owner, content, "Background")
    if not _contents(store, name):
        store.remove(resource, obj)


def _contents(store: Store, namespace: str) -> list[tuple[Resource, Object]]:
    return [
        (resource, obj)
        for resource, obj in store.each()
        if resource.namespaced and obj["metadata"].get("namespace") == namespace
    ]


def removed(store: Store, resource: Resource, obj: Object) -> None:
    "Removed After an object."
    if resource.gvr.key == PODS.key:
        store.logs.forget(obj["metadata"]["namespace"], obj["metadata"]["name"])
    if resource.gvr.key == DEFINITIONS.key:
        _undefine(store, obj)
    _collect(store, obj["metadata"]["uid"])
    if resource.namespaced:
        _leave_namespace(store, obj["metadata"]["namespace"])


def _undefine(store: Store, definition: Object) -> None:
    """Custom objects go with their definition."""
    spec = definition["spec"]
    key = (spec["group"], spec["names"]["plural"])
    for resource, obj in store.each():
        if resource.gvr.key == key:
            delete(store, resource, obj, "Background")
    store.served.undefine(definition)


def _collect(store: Store, uid: str) -> None:
    """Garbage collection: delete what only the removed object owned."""
    for resource, obj in store.each():
        owners = obj["metadata"].get("ownerReferences") or []
        left = [owner for owner in owners if owner.get("uid") != uid]
        if not owners or len(left) == len(owners):
            continue
        if left:
            store.rewrite(resource, obj, {**obj, "metadata": {**obj["metadata"], "ownerReferences": left}})
        else:
            delete(store, resource, obj, "Background")


def _orphan(store: Store, live: Object) -> None:
    for resource, obj in store.each():
        owners = obj["metadata"].get("ownerReferences") or []
        left = [owner for owner in owners if owner.get("uid") != live["metadata"]["uid"]]
        if len(left) != len(owners):
            store.rewrite(resource, obj, {**obj, "metadata": {**obj["metadata"], "ownerReferences": left}})


def _leave_namespace(store: Store, namespace: str) -> None:
    """The last content of a terminating namespace takes the namespace with it."""
    home = next((obj for resource, obj in store.each()
                 if resource.gvr.key == NAMESPACES.key and obj["metadata"]["name"] == namespace), None)  # fmt: skip
    if home and "deletionTimestamp" in home["metadata"] and not _contents(store, namespace):
        resource = store.served.find(NAMESPACES)
        if resource:
            store.remove(resource, home)
