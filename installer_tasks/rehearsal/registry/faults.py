"""Defects of the practice registry, switched on by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Fault:
    name: str
    summary: str


READ_ONLY = Fault("registry.read-only", "The registry is in read-only mode: nothing can be pushed or deleted.")
UNAVAILABLE = Fault("registry.unavailable", "The proxy in front answers 503 to everything.")

FAULTS = (READ_ONLY, UNAVAILABLE)


class Faults(Protocol):
    """Whoever knows which faults are on; asked at every request."""

    def active(self, name: str) -> bool: ...


class NoFaults:
    """The healthy registry."""

    def active(self, name: str) -> bool:  # noqa: ARG002 - the protocol's shape
        return False
