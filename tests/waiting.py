"""Waiting for a thing instead of sleeping: look until it is there, fail when nothing can be expected any more.

No test bounds how fast this machine is: a slow and busy one takes many times as long. What waits, waits for PATIENCE,
which only a hang outlasts; what must come back by itself is bounded by HANGS, by the alarm of `conftest.py`. How fast the
product is, `tests/bench` measures as ratios.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, TypeVar

T = TypeVar("T")
#: For a machine on which even these are too short: TEST_PATIENCE=3 make test
SCALE = float(os.environ.get("TEST_PATIENCE", "1"))
PATIENCE = 240.0 * SCALE  #: seconds, for one thing that is waited for
HANGS = 900.0 * SCALE  #: seconds, for a whole test


def until(look: Callable[[], T]) -> T:
    """What `look` returns once it is true."""
    end = time.monotonic() + PATIENCE
    pause = threading.Event()
    while not (found := look()):
        assert time.monotonic() < end, f"not within {PATIENCE:.0f} s"
        pause.wait(0.02)
    return found


def joined(thread: threading.Thread) -> None:
    """It has ended."""
    thread.join(PATIENCE)
    assert not thread.is_alive(), f"{thread.name} has not ended within {PATIENCE:.0f} s"


def stop(process: subprocess.Popen[Any]) -> None:
    """Ends a server by its pid: asked first, made to when it does not hear."""
    process.terminate()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def until_it_serves(process: subprocess.Popen[Any], answers: Callable[[], object], said: Callable[[], str]) -> None:
    """The server that was started answers; fails with what it said when it has ended."""

    def look() -> bool:
        assert process.poll() is None, f"it has ended: {said()[-2000:]}"
        return bool(answers())

    until(look)


def listens_on(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0):
        return True
    return False


@contextlib.contextmanager
def alarm(seconds: float = HANGS) -> Iterator[None]:
    """What is inside fails where it stands when it has not come back by then. Main thread only."""

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise AssertionError(f"not back within {seconds:.0f} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, 60.0)  # again, where somebody swallowed it
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
