"""What the containers of pods print."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from dataclasses import dataclass
from datetime import UTC, datetime

KEPT = 5000  #: lines of one pod


@dataclass(frozen=True)
class Line:
    number: int
    container: str
    written: datetime
    text: str


class Logs:
    """Lines by (namespace, pod); a reader who follows waits for `after`."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._lines: defaultdict[tuple[str, str], deque[Line]] = defaultdict(lambda: deque(maxlen=KEPT))
        self._count = 0

    def append(self, namespace: str, pod: str, text: str, container: str = "") -> None:
        with self._changed:
            self._count += 1
            self._lines[namespace, pod].append(Line(self._count, container, datetime.now(UTC), text))
            self._changed.notify_all()

    def lines(self, namespace: str, pod: str, *, after: int = 0, container: str = "") -> list[Line]:
        """Lines of the pod later than number `after`; those written to no container are everyone's."""
        with self._changed:
            kept = list(self._lines.get((namespace, pod), ()))
        return [line for line in kept if line.number > after and line.container in ("", container or line.container)]

    def wait(self, namespace: str, pod: str, *, after: int, container: str, timeout: float) -> list[Line]:
        """Like `lines`, waiting up to `timeout` seconds for something to be written."""
        with self._changed:
            found = self.lines(namespace, pod, after=after, container=container)
            if not found:
                self._changed.wait(timeout)
            return self.lines(namespace, pod, after=after, container=container)

    def forget(self, namespace: str, pod: str) -> None:
        with self._changed:
            self._lines.pop((namespace, pod), None)
            self._changed.notify_all()
