"""Answers that go on: watches, and logs that are followed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from installer_tasks.rehearsal.kube import representations
from installer_tasks.rehearsal.kube.errors import ApiError, bad_request, not_found
from installer_tasks.rehearsal.kube.logs import Line
from installer_tasks.rehearsal.kube.requests import Answer, Request, Target
from installer_tasks.rehearsal.kube.resources import PODS, Resource
from installer_tasks.rehearsal.kube.store import Change, Store, Watch
from installer_tasks.rehearsal.kube.verbs import selector

Object = dict[str, Any]
#: Whether the client, or the server, has left.
Gone = Callable[[], bool]
POLL_SECONDS = 0.5  #: seconds between looks at whether the client is still there
LONGEST = 1800
BOOKMARKS = 10.0  #: seconds between bookmarks
INITIAL_END = {"k8s.io/initial-events-end": "true"}


def watch(store: Store, resource: Resource, target: Target, request: Request, gone: Gone) -> Answer:
    return Answer(stream=_Watching(store, resource, target, request).lines(gone))


class _Watching:
    """One watch of one client."""

    def __init__(self, store: Store, resource: Resource, target: Target, request: Request) -> None:
        self._store, self._resource, self._target, self._request = store, resource, target, request
        self._shape = representations.wanted(request.header("accept"))
        self._headed = False
        self._deadline = time.monotonic() + (request.number("timeoutSeconds") or LONGEST)
        self._selects = _of_namespace(target, selector(resource, request))

    def lines(self, gone: Gone) -> Iterator[bytes]:
        try:
            present, changes = self._join()
        except ApiError as error:
            yield _line("ERROR", error.status())
            return
        try:
            for obj in present:
                yield self._event("ADDED", obj)
            if self._request.flag("sendInitialEvents"):
                yield self._bookmark(INITIAL_END)
            yield from self._live(changes, gone)
        finally:
            changes.stop()

    def _join(self) -> tuple[list[Object], Watch]:
        """What is there already when the client asks for that, and all that comes later."""
        version = self._request.query.get("resourceVersion", "")
        if version in ("", "0") or self._request.flag("sendInitialEvents"):
            with self._store.locked():
                present, _version = self._store.snapshot(self._target.gvr, None, self._selects)
                return present, self._store.watch(self._target.gvr, selects=self._selects)
        if not version.isdecimal():
            raise bad_request(f"Invalid value: {version!r}: resourceVersion")
        return [], self._store.watch(self._target.gvr, selects=self._selects, since=int(version))

    def _live(self, changes: Watch, gone: Gone) -> Iterator[bytes]:
        marked = time.monotonic()
        marks = self._request.flag("allowWatchBookmarks")
        while (left := self._deadline - time.monotonic()) > 0 and not gone():
            change = changes.next(min(POLL_SECONDS, left))
            if change is not None:
                yield self._event(change.kind, _at(change))
            elif marks and time.monotonic() - marked > BOOKMARKS:
                marked = time.monotonic()
                yield self._bookmark()
        if marks and not gone():
            yield self._bookmark()

    def _bookmark(self, annotations: Object | None = None) -> bytes:
        metadata: Object = {"resourceVersion": str(self._store.version), "creationTimestamp": None}
        if annotations:
            metadata["annotations"] = annotations
        mark = {"kind": self._resource.kind, "apiVersion": self._resource.gvr.api_version, "metadata": metadata}
        if self._shape == "Table":
            mark = representations.table(self._resource, [], metadata, headed=False)
        return _line("BOOKMARK", mark)

    def _event(self, kind: str, obj: Object) -> bytes:
        if self._shape != "Table":
            return _line(kind, representations.one(self._resource, obj, self._shape))
        include = self._request.query.get("includeObject", "Metadata")
        headed, self._headed = not self._headed, True
        return _line(
            kind, representations.table(self._resource, [obj], obj["metadata"], include=include, headed=headed)
        )


def _at(change: Change) -> Object:
    """An object that left a selection carries the version at which it left."""
    return {**change.object, "metadata": {**change.object["metadata"], "resourceVersion": str(change.version)}}


def _of_namespace(target: Target, selects: Callable[[Object], bool]) -> Callable[[Object], bool]:
    return lambda obj: (
        target.namespace in ("", obj["metadata"].get("namespace", ""))
        and target.name in ("", obj["metadata"]["name"])
        and selects(obj)
    )


def _line(kind: str, obj: Object) -> bytes:
    return json.dumps({"type": kind, "object": obj}, separators=(",", ":")).encode() + b"\n"


def log(store: Store, target: Target, request: Request, gone: Gone) -> Answer:
    """The output of one container of a pod; ApiError 400 when it is not said which, or has not started."""
    pod = store.get(PODS, target.namespace, target.name)
    if pod is None:
        raise not_found("pods", "", target.name)
    container = _container(pod, request.query.get("container", ""))
    lines = store.logs.lines(target.namespace, target.name, container=container)
    if not lines and (reason := _waiting(pod, container)):
        raise bad_request(f'container "{container}" in pod "{target.name}" is waiting to start: {reason}')
    chosen = _chosen(lines, request)
    stamped = request.flag("timestamps")
    if not request.flag("follow"):
        return Answer("".join(_text(line, stamped=stamped) for line in chosen), type="text/plain")
    followed = _followed(store, target, container, chosen, gone)
    return Answer(stream=(_text(line, stamped=stamped).encode() for line in followed), type="text/plain")


def _followed(store: Store, target: Target, container: str, lines: list[Line], gone: Gone) -> Iterator[Line]:
    last = 0
    while True:
        for line in lines:
            last = line.number
            yield line
        pod = store.get(PODS, target.namespace, target.name)
        if gone() or pod is None or (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
            return
        lines = store.logs.wait(target.namespace, target.name, after=last, container=container, timeout=POLL_SECONDS)


def _container(pod: Object, asked: str) -> str:
    names = [container["name"] for container in pod["spec"].get("containers") or []]
    if asked:
        if asked not in names:
            raise bad_request(f"container {asked} is not valid for pod {pod['metadata']['name']}")
        return asked
    if len(names) > 1:
        message = f"a container name must be specified for pod {pod['metadata']['name']}, choose one of: "
        raise bad_request(f"{message}[{' '.join(names)}]")
    return names[0] if names else ""


def _waiting(pod: Object, container: str) -> str:
    for status in (pod.get("status") or {}).get("containerStatuses") or []:
        if status["name"] == container:
            return str((status.get("state", {}).get("waiting") or {}).get("reason", ""))
    return ""


def _chosen(lines: list[Line], request: Request) -> list[Line]:
    if (seconds := request.number("sinceSeconds")) is not None:
        since = datetime.now(UTC).timestamp() - seconds
        lines = [line for line in lines if line.written.timestamp() >= since]
    if (tail := request.number("tailLines")) is not None:
        lines = lines[-tail:] if tail else []
    return lines


def _text(line: Line, *, stamped: bool) -> str:
    stamp = f"{line.written:%Y-%m-%dT%H:%M:%S.%fZ} " if stamped else ""
    return f"{stamp}{line.text}\n"
