"""Ways to change what is in the practice cluster, each of which can be taken back."""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from installer_tasks.rehearsal.faults.base import Change
from installer_tasks.rehearsal.kube.seed import apply_manifests
from installer_tasks.rehearsal.kube.store import GVR

if TYPE_CHECKING:
    from installer_tasks.rehearsal.estate import Estate

Object = dict[str, Any]
Mend = Callable[[Object], None]
DEPLOYMENTS = GVR("apps", "v1", "deployments")
NODES = GVR("", "v1", "nodes")
CLASSES = GVR("storage.k8s.io", "v1", "storageclasses")
#: Controllers follow within moments.
FOLLOW = 10.0


def made(*manifests: Object) -> Change:
    """There are these objects besides what there is; they go in the opposite order."""

    def change(estate: Estate) -> Callable[[], None]:
        apply_manifests(estate.store, copy.deepcopy(manifests))

        def undo() -> None:
            for manifest in reversed(manifests):
                metadata = manifest["metadata"]
                estate.store.delete(_gvr(estate, manifest), metadata.get("namespace", ""), metadata["name"])

        return undo

    return change


def changed(gvr: GVR, name: str, spoil: Mend, namespace: str = "") -> Change:
    """An object is different, its status too; `spoil` changes it in place."""

    def change(estate: Estate) -> Callable[[], None]:
        before = _live(estate, gvr, namespace, name)
        spoiled = copy.deepcopy(before)
        spoil(spoiled)
        _write(estate, gvr, spoiled)
        return lambda: _write(estate, gvr, before)

    return change


def removed(gvr: GVR, name: str, namespace: str = "") -> Change:
    """An object is gone, and what it owns with it."""

    def change(estate: Estate) -> Callable[[], None]:
        before = _live(estate, gvr, namespace, name)
        estate.store.delete(gvr, namespace, name)
        before["metadata"].pop("resourceVersion")

        def undo() -> None:
            estate.store.create(gvr, before)

        return undo

    return change


def both(*changes: Change) -> Change:
    """One after the other, and back again."""

    def change(estate: Estate) -> Callable[[], None]:
        undone = [one(estate) for one in changes]

        def undo() -> None:
            for take_back in reversed(undone):
                take_back()

        return undo

    return change


def followed(change: Change, gvr: GVR, name: str, namespace: str, well: Callable[[Object], bool]) -> Change:
    """Wait until the controllers have seen it: the object is not well any more, and then again."""

    def changing(estate: Estate) -> Callable[[], None]:
        undo = change(estate)
        _wait(lambda: not well(estate.store.get(gvr, namespace, name) or {}))

        def undoing() -> None:
            undo()
            _wait(lambda: well(estate.store.get(gvr, namespace, name) or {}))

        return undoing

    return changing


def _wait(ready: Callable[[], bool]) -> None:
    end, pause = time.monotonic() + FOLLOW, threading.Event()
    while not ready() and time.monotonic() < end:
        pause.wait(0.02)


def _live(estate: Estate, gvr: GVR, namespace: str, name: str) -> Object:
    found = estate.store.get(gvr, namespace, name)
    if found is None:
        raise KeyError(name)
    return found


def _write(estate: Estate, gvr: GVR, obj: Object) -> None:
    metadata = {key: value for key, value in obj["metadata"].items() if key != "resourceVersion"}
    kept = estate.store.update(gvr, {**obj, "metadata": metadata})
    if "status" in obj and kept.get("status") != obj["status"]:
        estate.store.patch_status(gvr, metadata.get("namespace", ""), metadata["name"], obj["status"])


def _gvr(estate: Estate, manifest: Object) -> GVR:
    return next(
        resource.gvr
        for resource in estate.store.served.all()
        if (resource.gvr.api_version, resource.kind) == (manifest["apiVersion"], manifest["kind"])
    )
