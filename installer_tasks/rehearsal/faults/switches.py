"""Which faults are on, by name, while the estate runs."""

from __future__ import annotations

import threading
from collections.abc import Collection


class Faults:
    """Safe to ask and to switch from any thread."""

    def __init__(self, known: Collection[str], *names: str) -> None:
        self._known = known
        self._lock = threading.Lock()
        self._on: set[str] = set()
        for name in names:
            self.switch(name, on=True)

    def active(self, name: str) -> bool:
        with self._lock:
            return name in self._on

    def switch(self, name: str, *, on: bool) -> None:
        """KeyError for a name that is not a fault."""
        if name not in self._known:
            raise KeyError(name)
        with self._lock:
            (self._on.add if on else self._on.discard)(name)
