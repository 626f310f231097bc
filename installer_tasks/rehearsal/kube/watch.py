"""Changes of objects as they happen, and a bounded memory of them for those who come a little late."""

from __future__ import annotations

import copy
import queue
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from installer_tasks.rehearsal.kube.errors import expired
from installer_tasks.rehearsal.kube.resources import GVR

Object = dict[str, Any]


@dataclass(frozen=True)
class Change:
    """One object ADDED, MODIFIED or DELETED; `previous` is what it was before a modification."""

    kind: str
    gvr: GVR
    object: Object
    version: int
    previous: Object | None = None


Selector = Callable[[Object], bool]


class Watch:
    """Changes of one resource, or of all. Iterate until `stop()`, or ask with `next(timeout)`, from any thread."""

    def __init__(self, feed: Feed, gvr: GVR | None, selects: Selector | None = None) -> None:
        self._feed, self._gvr, self._selects = feed, gvr, selects
        self._queue: queue.SimpleQueue[Change | None] = queue.SimpleQueue()
        self.stopped = False

    def next(self, timeout: float | None = None) -> Change | None:
        """The next change (a copy), or None after `timeout` seconds without one, and at once after `stop()`."""
        if self.stopped and self._queue.empty():
            return None
        try:
            change = self._queue.get(timeout=timeout)
        except queue.Empty:
            return None
        return change and replace(change, object=copy.deepcopy(change.object))

    def stop(self) -> None:
        self.stopped = True
        self._feed.leave(self)
        self._queue.put(None)

    def __iter__(self) -> Iterator[Change]:
        while (change := self.next()) is not None:
            yield change

    def offer(self, change: Change) -> None:
        """Called by the feed for every change; keeps those that concern this watch."""
        if self._gvr is not None:
            if change.gvr.key != self._gvr.key:
                return
            change = replace(change, gvr=self._gvr, object={**change.object, "apiVersion": self._gvr.api_version})
        if seen := self._as_selected(change):
            self._queue.put(seen)

    def _as_selected(self, change: Change) -> Change | None:
        "Deleted An object that starts to match a selector is added, one that no longer does."
        if self._selects is None:
            return change
        now = self._selects(change.object)
        before = self._selects(change.previous) if change.previous else now
        if change.kind != "MODIFIED" or (now and before):
            return change if now else None
        if now:
            return replace(change, kind="ADDED")
        return replace(change, kind="DELETED") if before else None


class Feed:
    """Hands every change to the watches and remembers the last ones. Called under the store's lock only."""

    def __init__(self, memory: int) -> None:
        self._memory: deque[Change] = deque(maxlen=memory)
        self._forgotten = 0  #: version of the newest change that is no longer remembered
        self._watches: list[Watch] = []

    def publish(self, change: Change) -> None:
        if len(self._memory) == self._memory.maxlen:
            self._forgotten = self._memory[0].version
        self._memory.append(change)
        for watch in list(self._watches):
            watch.offer(change)

    def join(self, watch: Watch, since: int | None = None) -> Watch:
        """From now on, after all that came later than version `since`; ApiError 410 when that is forgotten."""
        if since is not None:
            if since < self._forgotten:
                raise expired(since)
            for change in self._memory:
                if change.version > since:
                    watch.offer(change)
        self._watches.append(watch)
        return watch

    def leave(self, watch: Watch) -> None:
        with suppress(ValueError):  # it has left before
            self._watches.remove(watch)
