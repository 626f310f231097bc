"""How fast the practice cluster works, and a clock that can be stopped at once."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import ClassVar


@dataclass(frozen=True)
class Pace:
    """`install` is how long the whole installation takes at the least; everything else is in proportion to it."""

    name: str
    install: float  #: seconds
    give_up: float  #: after so many seconds without success a package is reported as failed (kapp: 15 minutes)

    INSTANT: ClassVar[Pace]
    QUICK: ClassVar[Pace]
    LIFELIKE: ClassVar[Pace]

    def seconds(self, share: float) -> float:
        """How long this share (0 to 1) of an installation takes."""
        return self.install * share


Pace.INSTANT = Pace("instant", 0.0, 2.0)
Pace.QUICK = Pace("quick", 8.0, 30.0)
Pace.LIFELIKE = Pace("lifelike", 300.0, 900.0)
PACES = {pace.name: pace for pace in (Pace.INSTANT, Pace.QUICK, Pace.LIFELIKE)}


@dataclass
class Clock:
    """Time since things began, by key: a controller asks how long ago it first saw something."""

    _began: dict[tuple[str, ...], float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def since(self, *key: str) -> float:
        """Seconds since this was asked for the first time."""
        with self._lock:
            return time.monotonic() - self._began.setdefault(key, time.monotonic())

    def restart(self, *key: str) -> None:
        """Forget everything that began under keys starting so."""
        with self._lock:
            for known in [known for known in self._began if known[: len(key)] == key]:
                del self._began[known]
