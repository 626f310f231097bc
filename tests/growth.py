"""Whether a reader's time grows with the length of what it reads, not with the square of it.

Measured in the thread's own processor time, the best of some runs, as a ratio: a slow or busy machine changes neither.
"""

from __future__ import annotations

import time
from collections.abc import Callable

FACTOR = 8
#: Of a text eight times as long: 8 when linear, 64 when quadratic.
MOST = 24.0
#: What takes less than this is not worth measuring: a quadratic reader of these lengths is far above it.
NOTHING = 0.004


def grows_linearly(read: Callable[[int], object], small: int = 16 << 10) -> bool:
    """Reads a text of `small` units and one that is eight times as long."""
    long = _seconds(read, small * FACTOR)
    return long < NOTHING or long / max(_seconds(read, small), NOTHING / FACTOR) < MOST


def _seconds(read: Callable[[int], object], size: int) -> float:
    def once() -> float:
        begun = time.thread_time()
        read(size)
        return time.thread_time() - begun

    return min(once() for _attempt in range(3))
