"""What the cluster serves, asked for one group at a time and only when it is needed; for several threads.

The library's own discoverer is made for one thread: it begins anew, for everybody, whenever somebody asks for a kind
that is not there, and keeps a file.
"""

from __future__ import annotations

import threading
from typing import Any

from kubernetes.dynamic.exceptions import NotFoundError, ResourceNotFoundError
from kubernetes.dynamic.resource import Resource


class Discovery:
    """In the place of the library's discoverer. What is not served is asked for again: packages bring kinds."""

    def __init__(self, client: Any, _cache_file: str | None = None) -> None:
        self._client = client
        self._known: dict[str, dict[str, Resource]] = {}
        self._lock = threading.Lock()
        self._asking: dict[str, threading.Lock] = {}
        #: Also the proof that a Kubernetes API answers: anything else has none.
        self.version = str(self._ask("/version")["gitVersion"])

    def get(self, *, prefix: str, api_version: str, kind: str) -> Resource:
        """Raises ResourceNotFoundError, or ApiException where the group cannot answer."""
        with self._lock:
            asking = self._asking.setdefault(api_version, threading.Lock())
        with asking:
            found = self._known.get(api_version, {}).get(kind)
            if found is None:
                self._known[api_version] = self._resources(prefix, api_version)
                found = self._known[api_version].get(kind)
        if found is None:
            raise ResourceNotFoundError(f"{api_version} {kind}")
        return found

    def forget(self, api_version: str) -> None:
        """A kind of it is gone: whoever asks next asks the cluster."""
        with self._lock:
            self._known.pop(api_version, None)

    def _resources(self, prefix: str, api_version: str) -> dict[str, Resource]:
        try:
            listed = self._ask(f"/{prefix}/{api_version}")["resources"]
        except NotFoundError:
            return {}
        group, _slash, version = api_version.rpartition("/")
        return {
            entry["kind"]: Resource(  # type: ignore[no-untyped-call]
                prefix=prefix,
                group=group,
                api_version=version,
                kind=entry["kind"],
                name=entry["name"],
                namespaced=entry["namespaced"],
                client=self._client,
            )
            for entry in listed
            if "/" not in entry["name"]  # a subresource
        }

    def _ask(self, path: str) -> Any:
        return self._client.request("get", path, serializer=lambda _client, answer: answer)
