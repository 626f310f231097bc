"""Collecting facts: what was observed on a system, as plain data, each under its own name and its own error.

A collector is a function `collect(answers, observations) -> None` of one module a system. It calls `observe` for each
fact that `preflight/shapes/` declares, and `observe_with` for one that is told of something to go on with, such as a
connection. An InstallerError becomes that fact's error, anything unexpected becomes `crashed` (never green).
"""

from __future__ import annotations

import logging
import queue
import threading
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from installer_tasks.errors import InstallerError, Stalled
from installer_tasks.preflight.shapes.base import Fact
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _
from installer_tasks.text import mark_plural as ngettext

#: Twenty questions to a slow cluster end within this; looks that wait or read much give their own.
DEADLINE = 120.0
_TOO_SLOW = Text(_("Check the system and the proxies in between: responses are too slow."))
_SEE_LOG = Text(_("Check that system's log for this time, fix the problem, then check again."))

log = logging.getLogger(__name__)

T = TypeVar("T")
Live = TypeVar("Live")


@dataclass(frozen=True)
class Granted:
    """What administrators allow, as the collector of the bundle needs it. By itself nothing is confirmed."""

    refusal: InstallerError | None = None  #: why the bundle folder may not be read
    archive_refusal: InstallerError | None = None  #: why the downloaded file may not be read
    programs: frozenset[str] = frozenset()  #: SHA-256 of those that may run
    refusals: Mapping[str, InstallerError] = field(default_factory=dict)  #: by system, why it is not asked now


NOTHING_GRANTED = Granted()


class Probe:
    """A fact, and the look that it comes from; mypy holds one to the other, also among others in a list."""

    def __init__(self, fact: Fact[T], look: Callable[[], T]) -> None:
        self.fact: Fact[Any] = fact
        self.look: Callable[[], Any] = look


@dataclass(frozen=True)
class Reading:
    """How far a look has come that reads a large file."""

    file: str
    done: int  #: bytes
    size: int


class Observations:
    """The facts of one system as they come in. `wanted`: those that must be among them; None for all there are."""

    def __init__(
        self,
        wanted: frozenset[str] | None = None,
        granted: Granted = NOTHING_GRANTED,
        refusal: InstallerError | None = None,
    ) -> None:
        self.facts: dict[str, dict[str, Any]] = {}
        self._refusal = refusal
        self.granted = granted
        self.reading: Reading | None = None  #: of a large file, now
        self._wanted = wanted

    def wants(self, *names: str) -> bool:
        """Whether one of these is asked for: what is slow, or touches the system, is left out otherwise."""
        return self._wanted is None or not self._wanted.isdisjoint(names)

    def observe(self, fact: Fact[T], probe: Callable[[], T], seconds: float = DEADLINE) -> T | None:
        """Look once; the value (plain JSON data) is kept and returned, or None when it could not be had."""
        name = str(fact)
        try:
            if self._refusal is not None:
                raise self._refusal
            value = _within(seconds, name, probe)
        except InstallerError as error:
            if error.remedy is InstallerError.default_remedy:  # it speaks of stages, and this is none
                error.remedy = _SEE_LOG
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

    def observe_with(
        self, fact: Fact[T], get: Callable[[], Live], describe: Callable[[Live], T], seconds: float = DEADLINE
    ) -> Live | None:
        """Look once at something to go on with; it is returned, also when the fact could not be told of it."""
        got: Future[Live] = Future()

        def probe() -> T:
            live = get()
            got.set_result(live)
            return describe(live)

        self.observe(fact, probe, seconds)
        return got.result() if got.done() else None

    def observe_together(self, *probes: Probe) -> None:
        """Looks that do not need each other, side by side: they take as long as the slowest."""
        with ThreadPoolExecutor(max_workers=max(len(probes), 1), thread_name_prefix="facts") as pool:
            for probe in probes:
                if self.wants(probe.fact):
                    pool.submit(self.observe, probe.fact, probe.look)

    def count(self, file: str, size: int) -> Callable[[int], None]:
        """To be called with the number of bytes of each block that was read, for whoever waits."""
        done, lock = 0, threading.Lock()
        self.reading = Reading(file, done, size)

        def counted(more: int) -> None:
            nonlocal done
            with lock:
                done += more
                self.reading = Reading(file, done, size)

        return counted

    def get(self, fact: Fact[T]) -> T | None:
        """The observed value, or None when it could not be had."""
        found = self.facts.get(fact)
        return found["value"] if found and found["ok"] else None


Collector = Callable[[Mapping[str, str], Observations], None]


def _within(seconds: float, name: str, probe: Callable[[], T]) -> T:
    """The look's value. Each request has its own time limit; this one is for systems that keep below it by drips.

    A thread cannot be ended from outside: one that is late is left behind, and ends when its connection does.
    """
    done: queue.SimpleQueue[tuple[Any, Exception | None]] = queue.SimpleQueue()

    def work() -> None:
        try:
            done.put((probe(), None))
        except Exception as error:  # noqa: BLE001 - raised again where it is waited for
            done.put((None, error))

    threading.Thread(target=work, name=f"facts-{name}", daemon=True).start()
    try:
        value, error = done.get(timeout=seconds)
    except queue.Empty:
        cause = text(
            ngettext(
                "Timed out after %(seconds)d second while collecting %(fact)s.",
                "Timed out after %(seconds)d seconds while collecting %(fact)s.",
            ),
            fact=name,
            seconds=int(seconds),
        )
        raise Stalled(cause, value=name, remedy=_TOO_SLOW, code="look-stalled") from None
    if error is not None:
        raise error
    return value  # type: ignore[no-any-return]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _crashed(name: str, error: Exception) -> dict[str, Any]:
    failure = InstallerError(
        text(_("Collecting %(fact)s failed inside the installer (%(kind)s)."), fact=name, kind=type(error).__name__),
        value=name,
        remedy=text(_("Run the check again. If it still fails, send the support bundle.")),
        code="crashed",
    )
    return failure.as_json()
