"""Waiting for the cluster: always with a deadline, always saying for what."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from installer_tasks.errors import Cancelled, InstallerError, Stalled
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

T = TypeVar("T")
INTERVAL = 0.5
#: The first pause is this part of the interval, each later one twice the one before, up to the whole: most of what is
#: waited for is there at once, and what takes minutes is not asked for more often.
FIRST = 0.1


def wait_for(
    fetch: Callable[[], T],
    done: Callable[[T], bool],
    *,
    deadline: float,
    describe: Callable[[T | None], Text],
    cancelled: Callable[[], bool] = lambda: False,
    on_wait: Callable[[Text | None], None] = lambda _what: None,
    interval: float = INTERVAL,
) -> T:
    """Fetch until done; at most `deadline` seconds, then Stalled with what `describe` says of the last state.

    Failures that a retry helps against are waited out like any other state; the last one is told when time is up.
    `on_wait` hears what is waited for whenever that changes, and None at the end. `interval` is the longest pause.
    """
    end = time.monotonic() + deadline
    pauses = _pauses(interval)
    said: Text | None = None
    try:
        while True:
            if cancelled():
                raise Cancelled
            state, failure = _look(fetch)
            if state is not None and done(state):
                return state
            what = describe(state)
            if what != said:
                said = what
                on_wait(what)
            if time.monotonic() >= end:
                raise _stalled(what, deadline, failure)
            _pause(min(next(pauses), max(0.0, end - time.monotonic())))
    finally:
        on_wait(None)


def _look(fetch: Callable[[], T]) -> tuple[T | None, InstallerError | None]:
    try:
        return fetch(), None
    except InstallerError as error:
        if not error.retry:
            raise
        return None, error


def _pauses(longest: float) -> Iterator[float]:
    pause = longest * FIRST
    while True:
        yield pause
        pause = min(2 * pause, longest)


def _pause(seconds: float) -> None:
    threading.Event().wait(seconds)


def _stalled(what: Text, deadline: float, failure: InstallerError | None) -> Stalled:
    return Stalled(
        text(_("Timed out after %(minutes)s minutes waiting for %(what)s"), minutes=f"{deadline / 60:g}", what=what),
        value=failure.value if failure else "",
        remedy=failure.remedy
        if failure
        else text(_("Find out in the cluster why this has not happened, then resume.")),
        detail=str(failure.cause) if failure else "",
    )
