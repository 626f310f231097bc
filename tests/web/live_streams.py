"""Event streams as browsers read them, for tests in one event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.db import OperationalError
from django.http import StreamingHttpResponse
from django.test import AsyncClient
from django.urls import reverse

from installer_tasks.models import Installation
from tests.waiting import PATIENCE
from wizard import live

WITHIN = PATIENCE  #: seconds; only a hang lasts so long


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), WITHIN))  # type: ignore[arg-type]


def signed_in(user: User) -> AsyncClient:
    client = AsyncClient()
    client.force_login(user)
    return client


def topic(installation: Installation, known: int = 0) -> str:
    return f"{installation.pk}:{known}"


async def asked(client: AsyncClient, *topics: str) -> Any:
    return await client.get(reverse("live"), {"topic": topics})


class Opened:
    """A stream as a browser reads it."""

    def __init__(self, reply: Any) -> None:
        assert isinstance(reply, StreamingHttpResponse)
        self.reply = reply
        self._events = aiter(reply)

    async def __anext__(self) -> bytes:
        return await anext(self._events)


async def opened(client: AsyncClient, *topics: str) -> Opened:
    stream = Opened(await asked(client, *topics))
    assert await heard(stream) == live.HEARTBEAT_EVENT.decode()
    return stream


async def write(change: Callable[[], object]) -> None:
    """Again while the poller reads: SQLite in memory, as here, locks whole tables and does not wait."""
    while True:
        with suppress(OperationalError):
            await sync_to_async(change)()
            return
        await asyncio.sleep(0.01)


async def heard(stream: Opened) -> str:
    return (await asyncio.wait_for(stream.__anext__(), WITHIN)).decode()


async def heard_news(stream: Opened) -> str:
    while (said := await heard(stream)) == live.HEARTBEAT_EVENT.decode():
        pass
    return said


async def ends(stream: Opened) -> None:
    with pytest.raises(StopAsyncIteration):
        await heard_news(stream)
    assert len(live.hub()) == 0


async def closed(*streams: Opened) -> None:
    """As Django does it when browsers disconnect between two events."""
    for stream in streams:
        await sync_to_async(stream.reply.close)()
    await asyncio.sleep(0)
    assert len(live.hub()) == 0


def changed(installation: Installation, number: int) -> str:
    return f"event: changed\ndata: {installation.pk} {number}\n\n"


def refused(installation: Installation) -> str:
    return f"event: refused\ndata: {installation.pk}\n\n"


def revision(installation: Installation) -> int:
    return Installation.objects.values_list("revision", flat=True).get(pk=installation.pk)
