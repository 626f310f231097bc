"""The objects of the practice cluster, with the rules of the API server but without HTTP.

    store = Store()
    store.create(GVR("", "v1", "namespaces"), {"metadata": {"name": "tmc-local"}})
    with watching(store, GVR("", "v1", "pods")) as changes: ...

Everything is safe to call from any thread, and every object handed in or out is a copy. Refusals are `ApiError` with
the code and reason of the real server: 404 NotFound, 409 AlreadyExists or Conflict, 422 Invalid, 410 Expired.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from installer_tasks.rehearsal.kube import defaults, lifecycle, ownership, selectors
from installer_tasks.rehearsal.kube.errors import ApiError, already_exists, not_found, stale
from installer_tasks.rehearsal.kube.logs import Logs
from installer_tasks.rehearsal.kube.metadata import born, generation, grown, now, place, same, typed
from installer_tasks.rehearsal.kube.resources import GVR, NAMESPACES, Resource, Served
from installer_tasks.rehearsal.kube.watch import Change, Feed, Selector, Watch

__all__ = ["GVR", "Change", "Object", "Store", "Watch", "watching"]

Object = dict[str, Any]
Objects = list[Object]
Kept = list[tuple[Resource, Object]]
MANAGER = "controllers"  #: who writes when nobody says


class Store:
    """Objects by resource, namespace and name. `history` is how many changes a late watch can still get."""

    def __init__(self, *, history: int = 4096) -> None:
        self.served = Served()
        self.logs = Logs()
        self._lock = threading.RLock()
        self._objects: dict[tuple[str, str], dict[tuple[str, str], Object]] = {}
        self._feed = Feed(history)
        self._version = 0

    @property
    def version(self) -> int:
        """The resourceVersion of the newest change."""
        with self._lock:
            return self._version

    def get(self, gvr: GVR, namespace: str, name: str) -> Object | None:
        """The object, or None; a resource that is not served yet has no objects."""
        with self._lock:
            resource = self.served.find(gvr)
            live = self._live(resource, namespace, name) if resource else None
            return _shown(live, gvr) if live else None

    def list(self, gvr: GVR, namespace: str | None = None, label_selector: str = "") -> Objects:
        """All objects of a resource (of one namespace unless None), by namespace and name."""
        return self.snapshot(gvr, namespace, selectors.labels(label_selector))[0]

    def snapshot(self, gvr: GVR, namespace: str | None = None, selects: Selector | None = None) -> tuple[Objects, int]:
        """Like `list`, with the version from which a watch sees all that comes later."""
        with self._lock:
            kept = self._objects.get(gvr.key, {})
            found = [
                _shown(obj, gvr)
                for (owner, _name), obj in sorted(kept.items())
                if (not namespace or owner == namespace) and (selects is None or selects(obj))
            ]
            return found, self._version

    def create(self, gvr: GVR, obj: Object, *, manager: str = MANAGER, dry_run: bool = False) -> Object:
        """Keep a new object and return it as kept. A `status` in it is kept too: that is how a cluster is furnished."""
        with self._lock:
            resource = self._resource(gvr)
            new = born(resource, obj)
            self._check_room(resource, new)
            defaults.fill(resource, new)
            ownership.updated(None, new, manager, now())
            return self._keep(resource, None, new, dry_run=dry_run)

    def update(
        self, gvr: GVR, obj: Object, *, subresource: str = "", manager: str = MANAGER, dry_run: bool = False
    ) -> Object:
        """Replace an object. A resourceVersion in it must be the newest, else 409. The status stays as it was."""
        metadata = obj["metadata"]
        return self.change(
            gvr, metadata.get("namespace", ""), metadata["name"], lambda _live: obj,
            subresource=subresource, manager=manager, dry_run=dry_run,
        )  # fmt: skip

    def patch_status(self, gvr: GVR, namespace: str, name: str, status: Object) -> Object:
        """Replace the whole status, whatever the resourceVersion; nothing happens when it is the same."""
        return self.change(gvr, namespace, name, lambda live: {**live, "status": status}, subresource="status")

    def change(
        self,
        gvr: GVR,
        namespace: str,
        name: str,
        changed: Callable[[Object], Object],
        *,
        subresource: str = "",
        manager: str = MANAGER,
        dry_run: bool = False,
    ) -> Object:
        """Read, change and write in one piece; ApiError 404 when there is no such object."""
        with self._lock:
            resource = self._resource(gvr)
            live = self._live(resource, namespace, name)
            if live is None:
                raise not_found(gvr.resource, gvr.group, name)
            live = {**live, "apiVersion": gvr.api_version}
            wanted = typed(resource, changed(copy.deepcopy(live)))
            new = grown(resource, live, wanted, subresource)
            defaults.fill(resource, new)
            ownership.updated(live, new, manager, now(), subresource)
            return self._keep(resource, live, new, dry_run=dry_run)

    def apply(
        self, gvr: GVR, obj: Object, *, manager: str = MANAGER, force: bool = False, subresource: str = "",
        dry_run: bool = False,
    ) -> Object:  # fmt: skip
        """Server-side apply: create the object or lay it over the kept one; 409 when another manager owns a field."""
        with self._lock:
            resource = self._resource(gvr)
            wanted = typed(resource, obj)
            namespace, name = place(resource, wanted)
            live = self._live(resource, namespace or "default", name)
            if live is not None:
                live = {**live, "apiVersion": gvr.api_version}
            merged = ownership.apply(live, wanted, manager, force=force, now=now(), subresource=subresource)
            if live is None:
                owners = merged["metadata"]["managedFields"]
                new = born(resource, merged)
                new["metadata"]["managedFields"] = owners
                self._check_room(resource, new)
            else:
                owners = merged["metadata"].get("managedFields")
                new = grown(resource, live, merged, subresource)
                new["metadata"]["managedFields"] = owners
            defaults.fill(resource, new)
            return self._keep(resource, live, new, dry_run=dry_run)

    def delete(
        self,
        gvr: GVR,
        namespace: str,
        name: str,
        *,
        propagation: str = "Background",
        uid: str = "",
        version: str = "",
        dry_run: bool = False,
    ) -> Object | None:
        """Delete, or mark for deletion while finalizers are left; returns the object as it was, None when absent.

        What it owns goes with it, unless `propagation` is "Orphan". A namespace goes with all its contents.
        """
        with self._lock:
            resource = self._resource(gvr)
            live = self._live(resource, namespace, name)
            if live is None:
                return None
            metadata = live["metadata"]
            if uid not in ("", metadata["uid"]) or version not in ("", metadata["resourceVersion"]):
                raise stale(gvr.resource, gvr.group, name)
            if not dry_run:
                lifecycle.delete(self, resource, live, propagation)
            return _shown(self._live(resource, namespace, name) or live, gvr)

    def watch(self, gvr: GVR | None = None, *, selects: Selector | None = None, since: int | None = None) -> Watch:
        """Changes of one resource, or of all, from now on or after version `since` (ApiError 410 when too old)."""
        with self._lock:
            return self._feed.join(Watch(self._feed, gvr, selects), since)

    def append_log(self, namespace: str, pod: str, line: str, container: str = "") -> None:
        "Managed by every one of them: One line of a pod's output; without a container it."
        self.logs.append(namespace, pod, line, container)

    # What follows is for lifecycle.py, under the lock.

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nothing changes meanwhile."""
        with self._lock:
            yield

    def each(self) -> Kept:
        """Every object there is, as kept: not to be changed."""
        found: Kept = []
        for key, kept in self._objects.items():
            resource = self.served.of_key(key)
            found += [(resource, obj) for obj in kept.values()] if resource else []
        return found

    def rewrite(self, resource: Resource, live: Object, new: Object) -> Object:
        """Write what the server itself decides, past the rules for clients."""
        return self._keep(resource, live, new, dry_run=False)

    def remove(self, resource: Resource, live: Object) -> None:
        """Take the object out at once and tell the watches."""
        where = place(resource, live)
        if self._objects.get(resource.gvr.key, {}).pop(where, None) is None:
            return
        self._version += 1
        last = copy.deepcopy(live)
        last["metadata"]["resourceVersion"] = str(self._version)
        self._feed.publish(Change("DELETED", resource.gvr, last, self._version))
        lifecycle.removed(self, resource, last)

    def _resource(self, gvr: GVR) -> Resource:
        resource = self.served.find(gvr)
        if resource is None:
            raise ApiError(404, "NotFound", "the server could not find the requested resource")
        return resource

    def _live(self, resource: Resource, namespace: str, name: str) -> Object | None:
        where = (namespace if resource.namespaced else "", name)
        return self._objects.get(resource.gvr.key, {}).get(where)

    def _check_room(self, resource: Resource, new: Object) -> None:
        """ApiError when the namespace is missing or going away, or the name is taken."""
        namespace, name = place(resource, new)
        gvr = resource.gvr
        if resource.namespaced:
            home = self._objects.get(NAMESPACES.key, {}).get(("", namespace))
            if home is None:
                raise not_found("namespaces", "", namespace)
            if "deletionTimestamp" in home["metadata"]:
                raise lifecycle.terminating(gvr, namespace, name)
        if self._live(resource, namespace, name) is not None:
            raise already_exists(gvr.resource, gvr.group, name)

    def _keep(self, resource: Resource, before: Object | None, after: Object, *, dry_run: bool) -> Object:
        """Write a new state and tell the watches; nothing happens when it is the state that is there."""
        if before is not None and same(before, after):
            return copy.deepcopy(before)
        metadata = after["metadata"]
        if before is not None and resource.status:
            metadata["generation"] = generation(before, after)
        if dry_run:
            return copy.deepcopy(after)
        self._version += 1
        metadata["resourceVersion"] = str(self._version)
        self._objects.setdefault(resource.gvr.key, {})[place(resource, after)] = after
        kind = "MODIFIED" if before else "ADDED"
        self._feed.publish(Change(kind, resource.gvr, after, self._version, before))
        lifecycle.kept(self, resource, after, new=before is None)
        return copy.deepcopy(after)


@contextmanager
def watching(store: Store, gvr: GVR | None = None) -> Iterator[Watch]:
    """A watch that is stopped at the end."""
    watch = store.watch(gvr)
    try:
        yield watch
    finally:
        watch.stop()


def _shown(obj: Object, gvr: GVR) -> Object:
    """A copy, in the version that was asked for."""
    return {**copy.deepcopy(obj), "apiVersion": gvr.api_version}
