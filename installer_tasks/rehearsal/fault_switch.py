"""What a practice server needs of the faults: to ask whether one is on."""

from __future__ import annotations

from typing import Protocol


class FaultSwitch(Protocol):
    """Whoever knows which faults are on; asked at every request."""

    def active(self, name: str) -> bool: ...


class NoFaults:
    """The healthy estate."""

    def active(self, name: str) -> bool:  # noqa: ARG002 - the protocol's shape
        return False
