"""Waiting for a thing instead of sleeping: look until it is there, fail when the time is over."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
#: Two cores, shared by everything that a test starts.
PATIENCE = 60.0


def until(look: Callable[[], T], seconds: float = PATIENCE) -> T:
    """What `look` returns once it is true."""
    end = time.monotonic() + seconds
    pause = threading.Event()
    while not (found := look()):
        assert time.monotonic() < end, f"not within {seconds} s"
        pause.wait(0.02)
    return found
