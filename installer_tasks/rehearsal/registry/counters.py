"""The registry's own record of what was asked of it, so that a test can prove what was sent and what was not."""

from __future__ import annotations

import json
import threading
from collections import Counter, deque
from dataclasses import asdict, dataclass
from pathlib import Path

KEPT_REQUESTS = 200_000


@dataclass(frozen=True)
class RequestRecord:
    method: str
    path: str
    query: str
    user: str
    status: int  #: 0 when the connection ended before an answer
    received: int  #: bytes of the body
    digest: str  #: of the blob that the request completed


class Counters:
    """Requests in order, bytes and completed uploads by digest; optionally one JSON line a request in a file."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._requests: deque[RequestRecord] = deque(maxlen=KEPT_REQUESTS)
        self._completed: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()

    def add(self, record: RequestRecord) -> None:
        with self._lock:
            self._requests.append(record)
            if self._file:
                with self._file.open("a", encoding="utf-8") as stream:
                    stream.write(json.dumps(asdict(record)) + "\n")

    def completed(self, digest: str, size: int) -> None:
        with self._lock:
            self._completed[digest] += 1
            self._bytes[digest] += size

    @property
    def requests(self) -> tuple[RequestRecord, ...]:
        with self._lock:
            return tuple(self._requests)

    @property
    def received(self) -> dict[str, int]:
        """Digest to number of completed uploads."""
        with self._lock:
            return dict(self._completed)

    @property
    def received_bytes(self) -> dict[str, int]:
        """Digest to bytes of its completed uploads."""
        with self._lock:
            return dict(self._bytes)
