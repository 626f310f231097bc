"""A switch of faults, for a part of the practice estate that runs without the rest."""

from __future__ import annotations


class On:
    """The faults of these names are on."""

    def __init__(self, *names: str) -> None:
        self.names = set(names)

    def active(self, name: str) -> bool:
        return name in self.names
