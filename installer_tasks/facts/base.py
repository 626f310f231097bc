"""Collecting facts: what was observed on a system, as plain data, each under its own name and its own error.

A collector is a function `collect(answers, report) -> None` of one module a system. It calls `observe` for each fact;
an InstallerError becomes that fact's error, anything unexpected becomes `crashed` (never green).
"""

from __future__ import annotations

import logging
import queue
import threading
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from installer_tasks.errors import InstallerError, Stalled
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

#: Twenty questions to a slow cluster end within this; looks that wait or read much give their own.
DEADLINE = 120.0
_TOO_SLOW = Text(_("Look at the system and at the proxies on the way: answers come too slowly or by drips."))
_LOOK_THERE = Text(_("Look at the log of that system at this moment, mend it, then check again."))

log = logging.getLogger(__name__)


class Observations:
    """The facts of one system as they come in. `wanted`: those that must be among them; None for all there are."""

    def __init__(self, wanted: frozenset[str] | None = None) -> None:
        self.facts: dict[str, dict[str, Any]] = {}
        self._wanted = wanted

    def wants(self, *names: str) -> bool:
        """Whether one of these is asked for: what is slow, or touches the system, is left out otherwise."""
        return self._wanted is None or not self._wanted.isdisjoint(names)

    def observe(self, name: str, look: Callable[[], Any], seconds: float = DEADLINE) -> Any:
        """Look once; the value (plain JSON data) is kept and returned, or None when it could not be had."""
        try:
            value = _within(seconds, name, look)
        except InstallerError as error:
            if error.remedy is InstallerError.default_remedy:  # it speaks of stages, and this is none
                error.remedy = _LOOK_THERE
            self.facts[name] = {"ok": False, "error": error.as_json(), "at": _now()}
            return None
        except Exception as error:  # noqa: BLE001 - the outermost loop: never green
            # Where, but not what it says: the words of an unexpected error may repeat an answer.
            where = traceback.extract_tb(error.__traceback__)[-1]
            log.error("collecting %s crashed: %s at %s:%s", name, type(error).__name__, where.filename, where.lineno)
            self.facts[name] = {"ok": False, "error": _crashed(name, error), "at": _now()}
            return None
        self.facts[name] = {"ok": True, "value": value, "at": _now()}
        return value

    def observe_together(self, looks: Mapping[str, Callable[[], Any]]) -> None:
        """Looks that do not need each other, side by side: they take as long as the slowest."""
        with ThreadPoolExecutor(max_workers=max(len(looks), 1), thread_name_prefix="facts") as pool:
            for name, look in looks.items():
                if self.wants(name):
                    pool.submit(self.observe, name, look)

    def get(self, name: str) -> Any:
        """The observed value, or None when it could not be had."""
        fact = self.facts.get(name)
        return fact["value"] if fact and fact["ok"] else None


Collector = Callable[[Mapping[str, str], Observations], None]


def _within(seconds: float, name: str, look: Callable[[], Any]) -> Any:
    """The look's value. Each request has its own time limit; this one is for systems that keep below it by drips.

    A thread cannot be ended from outside: one that is late is left behind, and ends when its connection does.
    """
    done: queue.SimpleQueue[tuple[Any, Exception | None]] = queue.SimpleQueue()

    def work() -> None:
        try:
            done.put((look(), None))
        except Exception as error:  # noqa: BLE001 - raised again where it is waited for
            done.put((None, error))

    threading.Thread(target=work, name=f"facts-{name}", daemon=True).start()
    try:
        value, error = done.get(timeout=seconds)
    except queue.Empty:
        cause = text(_("Looking at %(fact)s did not end within %(seconds)d seconds."), fact=name, seconds=int(seconds))
        raise Stalled(cause, value=name, remedy=_TOO_SLOW, code="look-stalled") from None
    if error is not None:
        raise error
    return value


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _crashed(name: str, error: Exception) -> dict[str, Any]:
    failure = InstallerError(
        text(_("Looking at %(fact)s failed inside the installer (%(kind)s)."), fact=name, kind=type(error).__name__),
        value=name,
        remedy=text(_("Run the check again; if it stays, send the support bundle.")),
        code="crashed",
    )
    return failure.as_json()
