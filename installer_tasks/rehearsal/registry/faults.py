"""The faults that the practice registry knows; which of them are on, others say."""

from __future__ import annotations

from typing import Protocol

READ_ONLY = "registry.read-only"  #: nothing can be pushed, deleted or created
UNAVAILABLE = "registry.unavailable"  #: the proxy in front answers 503 to everything


class Faults(Protocol):
    """Whoever knows which faults are on; asked at every request."""

    def active(self, name: str) -> bool: ...


class NoFaults:
    """The healthy registry."""

    def active(self, name: str) -> bool:  # noqa: ARG002 - the protocol's shape
        return False
