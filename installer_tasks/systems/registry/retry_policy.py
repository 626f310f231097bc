"""When to try again, and when all lanes should hold still because the registry is ill."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from installer_tasks.errors import Cancelled, InstallerError
from installer_tasks.systems.registry.errors import Later

DELAYS = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 60.0)  #: upper ends of full jitter; together they outlive a restart
OPENS_AT = 3  #: failures in a row, over all lanes
Result = TypeVar("Result")


class RetryPolicy:
    """Repeats what a repetition can help. After three failures in a row one request at a time probes the registry.

    `on_problem` is told of every failure that is going to be repeated.
    """

    def __init__(
        self,
        stopped: threading.Event,
        on_problem: Callable[[InstallerError], None] | None = None,
        delays: tuple[float, ...] = DELAYS,
    ) -> None:
        self._stopped = stopped
        self._on_problem = on_problem
        self._delays = delays
        self._change = threading.Condition()
        self._failures = 0
        self._probing = False
        self._resume_at = 0.0

    def attempt(self, action: Callable[[], Result]) -> Result:
        """`action`'s result; its error when no repetition helps or is left."""
        for delay in (*self._delays, -1.0):
            self._enter()
            try:
                result = action()
            except InstallerError as error:
                self._left(failed=error.retry, wait=self._wait(error, delay))
                if not error.retry or delay < 0:
                    raise
                if self._on_problem is not None:
                    self._on_problem(error)
                self._pause(self._wait(error, delay))
            except BaseException:
                self._left(failed=False, wait=0)
                raise
            else:
                self._left(failed=False, wait=0)
                return result
        raise Cancelled  # unreachable: the last round returns or raises

    def _wait(self, error: InstallerError, delay: float) -> float:
        asked = error.wait if isinstance(error, Later) else 0.0
        return max(asked, random.uniform(0, max(delay, 0.0)))  # noqa: S311 - jitter, no secret

    def _pause(self, seconds: float) -> None:
        if self._stopped.wait(seconds):
            raise Cancelled

    def _enter(self) -> None:
        """Go on at once while the registry is well; else wait for the pause to end and for the one who probes."""
        with self._change:
            while self._failures >= OPENS_AT and not self._stopped.is_set():
                left = self._resume_at - time.monotonic()
                if left <= 0 and not self._probing:
                    self._probing = True
                    return
                self._change.wait(min(max(left, 0.05), 0.25))
        if self._stopped.is_set():
            raise Cancelled

    def _left(self, *, failed: bool, wait: float) -> None:
        with self._change:
            self._probing = False
            self._failures = self._failures + 1 if failed else 0
            self._resume_at = time.monotonic() + wait if failed else 0.0
            self._change.notify_all()
