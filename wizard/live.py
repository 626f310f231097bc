"""Live updates: one event stream per browser. It says only which installation changed; pages fetch what they show.

A stream names the installations that the browser's tabs show (`?topic=<installation>:<revision the tab has>`). One
poller per process reads their revisions twice a second and closes its connection each time. Rights are read again
before anything is sent. A broken stream loses nothing, because every page keeps its own cursor. See
docs/decisions/one-stream-per-browser.md.
"""

from __future__ import annotations

import asyncio
import contextvars
import random
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from weakref import WeakSet

from asgiref.sync import sync_to_async
from django.db import Error, connections
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.views.decorators.http import require_GET

from installer_tasks.models import Installation
from wizard.accounts import access
from wizard.accounts.access import Principal

POLL = 0.5  #: seconds between two reads of the revisions
HEARTBEAT = 15.0  #: seconds of silence after which a heartbeat is sent and the rights are read again
LIFETIME = 300.0  #: seconds after which a stream ends, plus or minus a fifth; the browser opens the next one
MAX_STREAMS = 16  #: per process; further browsers poll. An administrator gets a first one beyond that
MAX_STREAMS_PER_PERSON = 4
MAX_TOPICS = 100  #: per stream; static/live.js names no more

HEADERS = {"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"}
HEARTBEAT_EVENT = b"event: heartbeat\ndata: heartbeat\n\n"


class Stream:
    """What one browser receives. Counts against the limits until it is closed or nothing refers to it any more."""

    def __init__(self, principal: Principal) -> None:
        self.principal = principal
        self.topics: dict[int, int] = {}  #: installation: the latest revision sent
        self.ended = False
        self.authorized_at = 0.0  #: by the event loop's clock
        self._pending: list[bytes] = []
        self._wake = asyncio.Event()

    def publish(self, revisions: Mapping[int, int], readable: frozenset[int] | None) -> None:
        """Queue what is new and readable. `None`: the session has ended, so nothing is readable."""
        for pk in [pk for pk in self.topics if pk not in (readable or ())]:
            del self.topics[pk]
            self._pending.append(b"event: refused\ndata: %d\n\n" % pk)
        for pk, known in self.topics.items():
            if revisions[pk] > known:
                self.topics[pk] = revisions[pk]
                self._pending.append(b"event: changed\ndata: %d %d\n\n" % (pk, revisions[pk]))
        self.ended = not self.topics
        if self._pending:
            self._wake.set()

    async def receive(self, seconds: float) -> bytes:
        """What is queued, or a heartbeat when nothing came in this time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        return self.drain() or HEARTBEAT_EVENT

    def drain(self) -> bytes:
        self._wake.clear()
        sent, self._pending = b"".join(self._pending), []
        return sent


@dataclass(frozen=True)
class Snapshot:
    """A stream at the start of a poll, for the poller's thread."""

    stream: Stream
    topics: Mapping[int, int]
    due: bool  #: its rights are read even if nothing has changed


@dataclass(frozen=True)
class Update:
    stream: Stream
    revisions: Mapping[int, int]
    readable: frozenset[int] | None


class Hub:
    """The open streams of one event loop, and their poller."""

    def __init__(self) -> None:
        # Weak: a response that is never sent, because its browser disconnected first, must not count for ever.
        self._streams: WeakSet[Stream] = WeakSet()
        self._poller: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="live")

    def __len__(self) -> int:
        return len(self._streams)

    def open(self, principal: Principal) -> Stream | None:
        """None at the limit. Nothing is awaited between the count and the new stream, so no limit can be overrun."""
        theirs = sum(stream.principal.person == principal.person for stream in self._streams)
        full = len(self) >= MAX_STREAMS and not (principal.administrator and theirs == 0)
        if full or theirs >= MAX_STREAMS_PER_PERSON:
            return None
        stream = Stream(principal)
        self._streams.add(stream)
        return stream

    def start(self, stream: Stream, topics: Mapping[int, int], readable: frozenset[int]) -> None:
        """`readable` has just been read."""
        stream.topics = dict(topics)
        stream.authorized_at = asyncio.get_running_loop().time()
        stream.publish(topics, readable)
        if self._poller is None or self._poller.done():
            # Without the request's context: a thread of its own would be kept for it.
            self._poller = asyncio.create_task(self._poll(), context=contextvars.Context())

    def close(self, stream: Stream) -> None:
        self._streams.discard(stream)

    async def _poll(self) -> None:
        while self._streams:
            await self._poll_once()
            await asyncio.sleep(POLL)

    async def _poll_once(self) -> None:
        loop = asyncio.get_running_loop()
        snapshots = [
            Snapshot(stream, dict(stream.topics), loop.time() - stream.authorized_at >= HEARTBEAT)
            for stream in self._streams
            if stream.topics
        ]
        for update in await loop.run_in_executor(self._thread, updates, snapshots):
            update.stream.authorized_at = loop.time()
            update.stream.publish(update.revisions, update.readable)


def updates(snapshots: Sequence[Snapshot]) -> list[Update]:
    """For the streams with news and those that are due. None while the database is away; the pages will say so."""
    try:
        now = revisions({pk for snapshot in snapshots for pk in snapshot.topics})
        chosen = [snapshot.stream for snapshot in snapshots if snapshot.due or _has_news(snapshot.topics, now)]
        readable = access.readable_by({stream.principal for stream in chosen}, now) if chosen else {}
        return [Update(stream, now, readable.get(stream.principal)) for stream in chosen]
    except Error:
        return []
    finally:
        connections.close_all()


def _has_news(topics: Mapping[int, int], now: Mapping[int, int]) -> bool:
    """A deleted installation is news, too."""
    return any(pk not in now or now[pk] > known for pk, known in topics.items())


def revisions(pks: Iterable[int]) -> dict[int, int]:
    return dict(Installation.objects.filter(pk__in=list(pks)).values_list("pk", "revision"))


_hubs: dict[asyncio.AbstractEventLoop, Hub] = {}


def hub() -> Hub:
    """The one of this event loop; those of closed loops are dropped."""
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        for closed in [other for other in _hubs if other.is_closed()]:
            del _hubs[closed]
        _hubs[loop] = Hub()
    return _hubs[loop]


@require_GET
async def live(request: HttpRequest) -> HttpResponseBase:
    """`event: changed` with an installation and its new revision; `event: refused` for what they may not read."""
    topics = _topics(request.GET.getlist("topic"))
    if not 0 < len(topics) <= MAX_TOPICS:
        return HttpResponse(status=400)
    principal = access.principal(request)
    stream = hub().open(principal)
    if stream is None:
        return HttpResponse(status=503, headers={"Retry-After": str(random.randint(20, 40))})  # noqa: S311 - jitter
    readable = await sync_to_async(_readable)(principal, topics)
    if not readable:
        hub().close(stream)
        return HttpResponse(status=404)
    hub().start(stream, topics, readable)
    return EventStream(stream)


class EventStream(StreamingHttpResponse):
    """Closes its stream also when the browser disconnects between two events, where the generator is not told."""

    def __init__(self, stream: Stream) -> None:
        super().__init__(events(stream), content_type="text/event-stream", headers=HEADERS)
        self._stream, self._hub, self._loop = stream, hub(), asyncio.get_running_loop()

    def close(self) -> None:
        """Django calls it in another thread."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._hub.close, self._stream)
        super().close()


def _readable(principal: Principal, topics: Iterable[int]) -> frozenset[int]:
    """Also closes this request's connection, which would otherwise stay open as long as the stream."""
    try:
        return access.readable_by({principal}, topics).get(principal, frozenset())
    finally:
        connections.close_all()


def _topics(given: Iterable[str]) -> dict[int, int]:
    """`7:12` is installation 7 at revision 12. Given twice, the older revision counts."""
    found: dict[int, int] = {}
    for one in given:
        pk, _colon, revision = one.partition(":")
        if number := _number(pk):
            found[number] = min(_number(revision), found.get(number, _number(revision)))
    return found


def _number(given: str) -> int:
    return int(given) if given.isascii() and given.isdigit() and len(given) < 16 else 0


async def events(stream: Stream) -> AsyncIterator[bytes]:
    """The body of the response. The stream is closed also when the browser disconnects."""
    ours, loop = hub(), asyncio.get_running_loop()
    ends = loop.time() + LIFETIME * random.uniform(0.8, 1.2)  # noqa: S311 - spreads the reconnects
    try:
        yield HEARTBEAT_EVENT  # at once: a browser that receives nothing concludes that a proxy buffers, and polls
        while not stream.ended and loop.time() < ends:
            yield await stream.receive(HEARTBEAT)
        if final := stream.drain():
            yield final
    finally:
        ours.close(stream)
