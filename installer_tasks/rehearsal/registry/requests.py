"""A request as the registry's parts see it, and its body, read as it arrives."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from email.message import Message
from typing import Protocol
from urllib.parse import parse_qs

from installer_tasks.rehearsal.registry.answers import Refusal
from installer_tasks.rehearsal.registry.users import ANONYMOUS, Caller

BLOCK = 64 * 1024


class Interrupted(Exception):
    """The connection ended before the body did."""


class Stream(Protocol):
    def read1(self, size: int, /) -> bytes: ...

    def readline(self, size: int, /) -> bytes: ...


class Throttle:
    """Lets a number of bytes a second pass, all connections together; None means no limit."""

    def __init__(self, rate: int | None, stopped: threading.Event) -> None:
        self.rate = rate
        self._stopped = stopped
        self._lock = threading.Lock()
        self._free_at = 0.0

    def take(self, count: int) -> None:
        if not self.rate:
            return
        with self._lock:
            now = time.monotonic()
            self._free_at = max(self._free_at, now) + count / self.rate
            delay = self._free_at - now
        if self._stopped.wait(delay):
            raise Interrupted  # a registry that stops takes nothing more


class Body:
    """The body of one request; `received` counts what came in so far.

    A client that sent `Expect: 100-continue` is asked for the body only when somebody reads it.
    """

    def __init__(self, stream: Stream, headers: Message, throttle: Throttle, go_on: Callable[[], None]) -> None:
        self._stream = stream
        self._throttle = throttle
        self._go_on = go_on
        self.chunked = headers.get("Transfer-Encoding", "").lower() == "chunked"
        self.length = 0 if self.chunked else _content_length(headers)
        self.awaited = headers.get("Expect", "").lower() == "100-continue"
        self.received = 0
        self.finished = not self.chunked and self.length == 0

    def blocks(self) -> Iterator[bytes]:
        """The rest of the body; raises Interrupted when the connection ends first."""
        if self.finished:
            return
        if self.awaited:
            self._go_on()
            self.awaited = False
        for block in self._chunks() if self.chunked else self._exactly(self.length - self.received):
            self._throttle.take(len(block))
            yield block
        self.finished = True

    def read(self, limit: int) -> bytes:
        """The whole body; refused when it is longer than `limit`."""
        content = bytearray()
        for block in self.blocks():
            content += block
            if len(content) > limit:
                raise Refusal(413, "SIZE_INVALID", f"the body is longer than {limit} bytes")
        return bytes(content)

    def discard(self, limit: int) -> bool:
        """Read and forget up to `limit` bytes; False when there is more."""
        if self.finished:
            return True
        if self.awaited or (not self.chunked and self.length - self.received > limit):
            return False
        seen = 0
        for block in self.blocks():
            seen += len(block)
            if seen > limit:
                return False
        return True

    def discard_all(self, limit: int, seconds: float) -> None:
        """Read and forget until the end, the limit or the time is reached, whichever is first."""
        end, seen = time.monotonic() + seconds, 0
        for block in self.blocks():
            seen += len(block)
            if seen > limit or time.monotonic() > end:
                return

    def _exactly(self, count: int) -> Iterator[bytes]:
        while count > 0:
            block = self._read1(min(count, BLOCK))
            count -= len(block)
            self.received += len(block)
            yield block

    def _chunks(self) -> Iterator[bytes]:
        while size := self._chunk_size():
            yield from self._exactly(size)
            self._line()
        while self._line():
            pass  # trailers

    def _chunk_size(self) -> int:
        try:
            return int(self._line().split(b";")[0], 16)
        except ValueError as error:
            raise Interrupted from error

    def _line(self) -> bytes:
        try:
            line = self._stream.readline(1024)
        except OSError as error:
            raise Interrupted from error
        if not line.endswith(b"\n"):
            raise Interrupted
        return line.strip()

    def _read1(self, size: int) -> bytes:
        try:
            block = self._stream.read1(size)
        except OSError as error:
            raise Interrupted from error
        if not block:
            raise Interrupted
        return block


def _content_length(headers: Message) -> int:
    value = headers.get("Content-Length", "0")
    return int(value) if value.isascii() and value.isdigit() else 0


@dataclass
class Request:
    method: str
    path: str
    query_string: str
    headers: Message
    body: Body
    base_url: str
    caller: Caller = ANONYMOUS
    digest: str = ""  #: of the blob this request completed, for the counters
    query: Mapping[str, list[str]] = field(init=False)

    def __post_init__(self) -> None:
        self.query = parse_qs(self.query_string, keep_blank_values=True)

    def parameter(self, name: str, default: str = "") -> str:
        return self.query.get(name, [default])[0]

    def number(self, name: str, default: int) -> int:
        value = self.parameter(name, str(default))
        if not (value.isascii() and value.isdigit()):
            raise Refusal(400, "PAGINATION_NUMBER_INVALID", f"{name} is not a number")
        return int(value)
