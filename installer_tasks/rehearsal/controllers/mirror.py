"""A copy of the store beside the controllers, so that a look at everything costs next to nothing.

Read and fed by the controllers' own thread only; another thread merely puts changes into its queue. What it hands out
is not to be changed.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from installer_tasks.rehearsal.controllers.kinds import API_VERSIONS, RESOURCES
from installer_tasks.rehearsal.kube.resources import GVR
from installer_tasks.rehearsal.kube.store import Change, Store

Object = dict[str, Any]
Place = tuple[str, str]  #: namespace and name

_KINDS = {(GVR(*resource).key): kind for kind, resource in RESOURCES.items()}


class Mirror:
    """Follows the store from the moment it is made until `close`."""

    def __init__(self, store: Store, wake: Callable[[], None]) -> None:
        self._changes: deque[Change] = deque()
        self._wake = wake
        self._tables: dict[str, dict[Place, Object]] = {kind: {} for kind in RESOURCES}
        self._watch = store.watch()
        for kind, resource in RESOURCES.items():
            for obj in store.list(GVR(*resource)):
                self.remember(kind, obj)
        self._thread = threading.Thread(target=self._listen, name="controllers-watch", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._watch.stop()

    def catch_up(self) -> None:
        """Take in what happened since the last time."""
        while self._changes:
            change = self._changes.popleft()
            kind = _KINDS.get(change.gvr.key)
            if kind is None:
                continue
            if change.kind == "DELETED":
                self._forget_older(kind, change)
            else:
                self.remember(kind, change.object)

    def remember(self, kind: str, obj: Object) -> Object:
        """The newest state of an object wins, in whatever order the states arrive."""
        table, place = self._tables[kind], _place(obj)
        known = table.get(place)
        if known is None or _version(known) <= _version(obj):
            table[place] = {**obj, "apiVersion": API_VERSIONS[kind], "kind": kind}
        return table[place]

    def forget(self, kind: str, namespace: str, name: str) -> None:
        self._tables[kind].pop((namespace, name), None)

    def get(self, kind: str, namespace: str, name: str) -> Object | None:
        return self._tables[kind].get((namespace, name))

    def objects(self, kind: str, namespace: str | None) -> list[Object]:
        return [obj for (owner, _name), obj in self._tables[kind].items() if not namespace or owner == namespace]

    def _forget_older(self, kind: str, change: Change) -> None:
        known = self._tables[kind].get(_place(change.object))
        if known is not None and _version(known) <= change.version:
            self.forget(kind, *_place(change.object))

    def _listen(self) -> None:
        for change in self._watch:
            self._changes.append(change)
            self._wake()


def _place(obj: Object) -> Place:
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def _version(obj: Object) -> int:
    return int(obj["metadata"]["resourceVersion"])
