"""The store as controllers use it: by kind, writing only what differs, indifferent to what has gone meanwhile."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from installer_tasks.rehearsal.controllers.kinds import RESOURCES
from installer_tasks.rehearsal.controllers.mirror import Mirror
from installer_tasks.rehearsal.kube.errors import ApiError
from installer_tasks.rehearsal.kube.resources import GVR
from installer_tasks.rehearsal.kube.store import Store

Object = dict[str, Any]
#: Digest of what was last asked for, as kapp keeps one: what others changed since stays as it is.
WANTED = "kapp.k14s.io/original-diff-md5"


def _gvr(kind: str) -> GVR:
    return GVR(*RESOURCES[kind])


class ObjectClient:
    """Objects in and out of one store: read from a mirror of it once `follow` was called."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._mirror: Mirror | None = None

    def follow(self, wake: Callable[[], None]) -> None:
        """Call `wake` after every change of any object, until `close`."""
        self._mirror = Mirror(self._store, wake)

    def catch_up(self) -> None:
        if self._mirror is not None:
            self._mirror.catch_up()

    def close(self) -> None:
        if self._mirror is not None:
            self._mirror.close()

    def get(self, kind: str, name: str, namespace: str = "") -> Object | None:
        if self._mirror is not None:
            return self._mirror.get(kind, namespace, name)
        return self._store.get(_gvr(kind), namespace, name)

    def objects(self, kind: str, namespace: str | None = None) -> list[Object]:
        """Of one namespace, or of all."""
        if self._mirror is not None:
            return self._mirror.objects(kind, namespace)
        return self._store.list(_gvr(kind), namespace)

    def owned(self, kind: str, owner: Object) -> list[Object]:
        uid = owner["metadata"]["uid"]
        found = self.objects(kind, owner["metadata"].get("namespace"))
        return [obj for obj in found if any(o["uid"] == uid for o in obj["metadata"].get("ownerReferences") or [])]

    def create(self, obj: Object, *, owner: Object | None = None) -> Object:
        """With an owner, it goes when the owner goes; across namespaces nothing is owned."""
        metadata = dict(obj["metadata"])
        if owner is not None and metadata.get("namespace") == owner["metadata"].get("namespace"):
            metadata["ownerReferences"] = [_reference(owner)]
        return self._written(obj["kind"], self._store.create(_gvr(obj["kind"]), {**obj, "metadata": metadata}))

    def ensure(self, obj: Object, *, owner: Object | None = None) -> Object:
        """As kapp does it: created when it is missing, changed when something else is asked for than last time."""
        digest = hashlib.md5(json.dumps(obj, sort_keys=True).encode(), usedforsecurity=False).hexdigest()
        metadata = obj["metadata"]
        annotations = {**(metadata.get("annotations") or {}), WANTED: digest}
        wanted = {**obj, "metadata": {**metadata, "annotations": annotations}}
        live = self.get(obj["kind"], metadata["name"], metadata.get("namespace", ""))
        if live is None:
            return self.create(wanted, owner=owner)
        if (live["metadata"].get("annotations") or {}).get(WANTED) == digest:
            return live
        return self.replace(_laid_over(live, wanted))

    def replace(self, obj: Object) -> Object:
        """Whatever its version: the controllers are alone in what they write."""
        metadata = {key: value for key, value in obj["metadata"].items() if key != "resourceVersion"}
        return self._written(obj["kind"], self._store.update(_gvr(obj["kind"]), {**obj, "metadata": metadata}))

    def status(self, obj: Object, status: Object) -> None:
        """The whole status; nothing when it is the same, or the object has gone."""
        metadata, kind = obj["metadata"], obj["kind"]
        if obj.get("status") != status:
            with suppress(ApiError):
                place = metadata.get("namespace", ""), metadata["name"]
                self._written(kind, self._store.patch_status(_gvr(kind), *place, status))

    def delete(self, kind: str, name: str, namespace: str = "") -> None:
        """At once, or as soon as nothing holds it any more."""
        self._store.delete(_gvr(kind), namespace, name)
        if self._mirror is None:
            return
        left = self._store.get(_gvr(kind), namespace, name)
        if left is None:
            self._mirror.forget(kind, namespace, name)
        else:
            self._mirror.remember(kind, left)

    def _written(self, kind: str, obj: Object) -> Object:
        return self._mirror.remember(kind, obj) if self._mirror is not None else obj

    def log(self, namespace: str, pod: str, container: str, line: str) -> None:
        self._store.append_log(namespace, pod, line, container)


def _reference(owner: Object) -> Object:
    metadata = owner["metadata"]
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": metadata["name"],
        "uid": metadata["uid"],
        "controller": True,
    }


def _laid_over(live: Object, wanted: Object) -> Object:
    """What is wanted, with the labels and annotations that others gave it."""
    metadata = {**live["metadata"], **wanted["metadata"]}
    for table in ("labels", "annotations"):
        merged = {**(live["metadata"].get(table) or {}), **(wanted["metadata"].get(table) or {})}
        if merged:
            metadata[table] = merged
    return {**wanted, "metadata": metadata}
