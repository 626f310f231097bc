"""The doorbell: one event stream a page, which carries only that something changed. Pages then fetch what they show.

One poller a process reads the revisions of all installations that somebody looks at, twice a second, and closes its
connection after each look. Nothing is lost when a stream breaks: the cursor of a page is in the page.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from asgiref.sync import sync_to_async
from django.db import Error, connections
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

from installer_tasks.models import Installation

LOOK = 0.5  #: seconds between two looks
HEARTBEAT = 15.0  #: seconds of silence after which a comment keeps proxies from hanging up
LIFE = 300.0  #: seconds after which a stream ends; the browser opens the next
MOST = 16  #: streams a process; further pages poll

HEADERS = {"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"}


class Bell:
    """Wakes whoever waits for a newer revision of an installation. Belongs to one event loop."""

    def __init__(self) -> None:
        self.streams = 0
        self._revisions: dict[int, int] = {}
        self._waiting: dict[int, int] = {}  #: how many streams there are of each installation
        self._changed = asyncio.Condition()
        self._poller: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="doorbell")

    def enter(self, pk: int) -> None:
        self.streams += 1
        self._waiting[pk] = self._waiting.get(pk, 0) + 1
        if self._poller is None or self._poller.done():
            # Without the context of the request: a thread of its own would be kept for it.
            self._poller = asyncio.create_task(self._poll(), context=contextvars.Context())

    def leave(self, pk: int) -> None:
        self.streams -= 1
        self._waiting[pk] -= 1
        if not self._waiting[pk]:
            del self._waiting[pk]
            self._revisions.pop(pk, None)

    async def newer(self, pk: int, than: int, seconds: float) -> int | None:
        """The first revision above `than`, or None when none came in this time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds), self._changed:
                await self._changed.wait_for(lambda: self._revisions.get(pk, 0) > than)
                return self._revisions[pk]
        return None

    async def _poll(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            found = await loop.run_in_executor(self._thread, revisions, tuple(self._waiting))
            async with self._changed:
                self._revisions.update({pk: revision for pk, revision in found.items() if pk in self._waiting})
                self._changed.notify_all()
            await asyncio.sleep(LOOK)


def revisions(pks: Iterable[int]) -> dict[int, int]:
    """As they are now; nothing while the database is away, which the pages' own requests will say."""
    try:
        return dict(Installation.objects.filter(pk__in=list(pks)).values_list("pk", "revision"))
    except Error:
        return {}
    finally:
        connections.close_all()


_bells: dict[asyncio.AbstractEventLoop, Bell] = {}


def bell() -> Bell:
    """The one of this event loop; those of loops that have ended are forgotten."""
    loop = asyncio.get_running_loop()
    if loop not in _bells:
        for ended in [other for other in _bells if other.is_closed()]:
            del _bells[ended]
        _bells[loop] = Bell()
    return _bells[loop]


async def live(request: HttpRequest, pk: int) -> HttpResponseBase:
    """`event: changed` with the installation's revision, each time it grows."""
    if not await sync_to_async(_exists)(pk):
        return HttpResponse(status=404)
    if bell().streams >= MOST:
        return HttpResponse(status=503, headers={"Retry-After": "30"})
    since = _number(request.headers.get("Last-Event-ID", "")) or _number(request.GET.get("since", ""))
    return StreamingHttpResponse(stream(pk, since), content_type="text/event-stream", headers=HEADERS)


def _exists(pk: int) -> bool:
    """Also gives back the connection of this request, which would else stay open as long as the stream."""
    try:
        return Installation.objects.filter(pk=pk).exists()
    finally:
        connections.close_all()


def _number(given: str) -> int:
    return int(given) if given.isascii() and given.isdigit() and len(given) < 16 else 0


async def stream(pk: int, since: int) -> AsyncIterator[bytes]:
    """What one page hears. Leaves the bell also when the browser hangs up."""
    ours = bell()
    ours.enter(pk)
    ends = asyncio.get_running_loop().time() + LIFE
    try:
        yield b"retry: 2000\n\n"
        while asyncio.get_running_loop().time() < ends:
            found = await ours.newer(pk, since, HEARTBEAT)
            if found is None:
                yield b": here\n\n"
                continue
            since = found
            yield b"event: changed\nid: %d\ndata: %d\n\n" % (found, found)
    finally:
        ours.leave(pk)
