"""Access to one Kubernetes cluster: a few verbs on plain dicts.

Loads no client library: pages name the stages that use it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

Object = dict[str, Any]
FIELD_MANAGER = "tmc-sm-installer"


class Cluster(Protocol):
    """What the installer does with a cluster. Kinds as in manifests; no namespace: cluster-wide."""

    server: str

    def version(self) -> str:
        """`v1.28.3`, as it was when the connection was made."""

    def clock(self) -> str:
        """The time on the API server, as HTTP writes it; "" when it does not tell."""

    def has_kind(self, api_version: str, kind: str) -> bool: ...

    def can_i(self, verb: str, resource: str, *, group: str = "", namespace: str = "", name: str = "") -> bool:
        """Whether this user may do it, asked of the cluster; `pods/log` for a subresource."""

    def get(self, api_version: str, kind: str, name: str, namespace: str = "") -> Object:
        """Raises Missing."""

    def find(self, api_version: str, kind: str, name: str, namespace: str = "") -> Object | None:
        """None when it, or its kind, is not there."""

    def list(
        self, api_version: str, kind: str, namespace: str = "", *, labels: str = "", fields: str = ""
    ) -> list[Object]:
        """All pages; of all namespaces when none is given."""

    def apply(self, obj: Object, *, field_manager: str = FIELD_MANAGER, force: bool = False) -> Object:
        """Server-side apply. Raises Conflict naming the other manager, unless forced."""

    def create(self, obj: Object) -> Object:
        """For reviews and trials; what is to stay is applied."""

    def patch(self, api_version: str, kind: str, name: str, namespace: str, change: Object) -> Object | None:
        """A merge patch: what is None in it goes. None when the object is not there."""

    def delete(self, api_version: str, kind: str, name: str, namespace: str = "") -> bool:
        """False when it was not there."""

    def logs(self, pod: str, namespace: str, *, container: str = "", tail: int = 200) -> str: ...

    def watch(
        self, api_version: str, kind: str, namespace: str = "", *, since: str = "", seconds: int = 30
    ) -> Iterator[tuple[str, Object]]:
        """Changes after resourceVersion `since`, for so many seconds: (ADDED | MODIFIED | DELETED, object)."""

    def close(self) -> None: ...
