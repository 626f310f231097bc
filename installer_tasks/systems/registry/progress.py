"""How a push goes on: counted by the lanes, looked at by whoever shows it."""

from __future__ import annotations

import itertools
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from installer_tasks.errors import InstallerError
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _
from installer_tasks.text import mark_plural as ngettext

STALL_AFTER = 30.0  #: seconds without a byte or an answer
RATE_OVER = 10.0  #: seconds that the shown rate looks back
State = Literal["checking", "sending", "finishing", "done"]


@dataclass(frozen=True)
class LaneProgress:
    """What one body lane does."""

    digest: str
    repository: str
    sent: int
    size: int


@dataclass(frozen=True)
class PushProgress:
    """One look at a push. `sent` counts what the registry has confirmed and never goes back.

    `total_bytes` are unique bytes; `mounted` is what sharing between repositories saved and is not part of it.
    """

    total_bytes: int
    sent: int
    present: int
    mounted: int
    in_flight: int
    images_done: int
    images_total: int
    rate: float  #: bytes a second on the wire
    lanes: tuple[LaneProgress, ...]
    eta_low: float | None  #: seconds; half of all pushes end before
    eta_high: float | None  #: seconds; nine of ten
    stalled: Text | None
    state: State

    @property
    def share(self) -> float:
        """Between 0 and 1; 1 only when the last tag is confirmed."""
        if self.state == "done":
            return 1.0
        done = self.sent + self.present + self.in_flight
        return min(done / self.total_bytes, 0.999) if self.total_bytes else 0.0

    def as_json(self) -> dict[str, Any]:
        """Plain data for the journal."""
        return {**asdict(self), "stalled": self.stalled.as_json() if self.stalled else None, "share": self.share}


class Counters:
    """Counted by many threads; `snapshot` is called by one."""

    def __init__(
        self, host: str, total_bytes: int, images_total: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._host = host
        self._clock = clock
        self._lock = threading.Lock()
        self.total_bytes = total_bytes
        self.images_total = images_total
        self._images_done: set[Hashable] = set()
        self.sent = self.present = self.mounted = 0
        self.blobs_sent = self.blobs_present = self.blobs_mounted = 0
        self.state: State = "checking"
        self._wire = 0
        self._lanes: dict[int, LaneProgress] = {}
        self._alive_at = clock()
        self._problem: InstallerError | None = None
        self._problems = 0
        self._rates: deque[tuple[float, int]] = deque([(self._alive_at, 0)])

    def alive(self) -> None:
        """The registry has answered as asked."""
        with self._lock:
            self._alive_at = self._clock()
            self._problem, self._problems = None, 0

    def problem(self, error: InstallerError) -> None:
        """Something failed and is going to be repeated."""
        with self._lock:
            self._problem, self._problems = error, self._problems + 1

    def begin_body(self, digest: str, repository: str, size: int) -> None:
        with self._lock:
            self._lanes[threading.get_ident()] = LaneProgress(digest, repository, 0, size)

    def bytes_sent(self, count: int) -> None:
        """Bytes of the calling lane's body that the connection has taken."""
        with self._lock:
            self._wire += count
            self._alive_at = self._clock()
            lane = self._lanes.get(threading.get_ident())
            if lane is not None:
                sent = min(lane.sent + count, lane.size)
                self._lanes[threading.get_ident()] = LaneProgress(lane.digest, lane.repository, sent, lane.size)

    def end_body(self) -> None:
        with self._lock:
            self._lanes.pop(threading.get_ident(), None)

    def settled(self, how: Literal["sent", "present", "mounted"], size: int, *, first: bool) -> None:
        """A blob is in a repository. `first`: it is the first repository to have it; more make the total grow."""
        with self._lock:
            if how == "sent":
                self.sent += size
                self.blobs_sent += 1
                self.total_bytes += 0 if first else size
            elif how == "mounted":
                self.mounted += size
                self.blobs_mounted += 1
            else:
                self.present += size if first else 0
                self.blobs_present += 1

    def image_done(self, image: Hashable) -> None:
        """The image is there under all its tags."""
        with self._lock:
            self._images_done.add(image)

    def snapshot(self) -> PushProgress:
        with self._lock:
            now = self._clock()
            lanes = tuple(self._lanes.values())
            rate, slow = self._measured(now)
            left = max(self.total_bytes - self.sent - self.present - sum(lane.sent for lane in lanes), 0)
            return PushProgress(
                total_bytes=self.total_bytes,
                sent=self.sent,
                present=self.present,
                mounted=self.mounted,
                in_flight=sum(lane.sent for lane in lanes),
                images_done=len(self._images_done),
                images_total=self.images_total,
                rate=rate,
                lanes=lanes,
                eta_low=left / rate if rate else None,
                eta_high=left / slow if slow else None,
                stalled=self._stalled(now),
                state=self.state,
            )

    def _measured(self, now: float) -> tuple[float, float]:
        """The rate of the last ten seconds, and a pessimistic one: the slowest third of the last minute."""
        self._rates.append((now, self._wire))
        while len(self._rates) > 2 and now - self._rates[0][0] > 60:
            self._rates.popleft()
        recent = next(entry for entry in self._rates if now - entry[0] <= RATE_OVER)
        rate = (self._wire - recent[1]) / (now - recent[0]) if now > recent[0] else 0.0
        seconds: dict[int, tuple[float, int]] = {}
        for at, wire in self._rates:
            seconds.setdefault(int(at), (at, wire))
        marks = list(seconds.values())
        steps = sorted((b[1] - a[1]) / (b[0] - a[0]) for a, b in itertools.pairwise(marks))
        slow = steps[len(steps) // 3] if steps else rate / 2
        return rate, min(max(slow, rate / 4), rate)

    def _stalled(self, now: float) -> Text | None:
        seconds = int(now - self._alive_at)
        if seconds < STALL_AFTER or self.state == "done":
            return None
        if self._problem is None:
            template = _("%(host)s has neither accepted data nor responded for %(seconds)s s.")
            return text(template, host=self._host, seconds=seconds)
        template = ngettext(
            "%(host)s has accepted no data for %(seconds)s s and failed %(count)s time: %(problem)s",
            "%(host)s has accepted no data for %(seconds)s s and failed %(count)s times: %(problem)s",
        )
        return text(template, host=self._host, seconds=seconds, count=self._problems, problem=self._problem.cause)
