"""The doorbell: a revision each time it grows, a heartbeat, an end; and nothing left behind when browsers hang up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.http import StreamingHttpResponse
from django.test import AsyncClient
from django.urls import reverse

from installer_tasks import sessions
from installer_tasks.models import Installation
from wizard import live

pytestmark = pytest.mark.django_db(transaction=True)

WITHIN = 10.0  #: seconds; nothing here takes so long when it works


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), WITHIN * 2))  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "LOOK", 0.02)


@pytest.fixture
def installation() -> Installation:
    return sessions.create_installation("Acme")


@pytest.fixture
def person() -> AsyncClient:
    client = AsyncClient()
    client.force_login(User.objects.create_superuser("alice"))
    return client


async def opened(client: AsyncClient, installation: Installation, since: int = 0, **headers: str) -> Any:
    reply = await client.get(reverse("live", args=[installation.pk]), {"since": since}, headers=headers)
    assert isinstance(reply, StreamingHttpResponse)
    return reply


async def heard(stream: AsyncIterator[bytes]) -> str:
    return (await asyncio.wait_for(anext(stream), WITHIN)).decode()


def revision(installation: Installation) -> int:
    return Installation.objects.values_list("revision", flat=True).get(pk=installation.pk)


def test_it_rings_when_something_changes(person: AsyncClient, installation: Installation) -> None:
    installation.touch()
    known = revision(installation)

    async def test() -> None:
        reply = await opened(person, installation, since=known)
        assert reply["Content-Type"] == "text/event-stream"
        assert reply["X-Accel-Buffering"] == "no"
        assert reply["Cache-Control"] == "no-cache, no-transform"
        stream = aiter(reply)
        assert (await heard(stream)).startswith("retry:")
        await sync_to_async(installation.touch)()
        new = known + 1
        assert await heard(stream) == f"event: changed\nid: {new}\ndata: {new}\n\n"

    run(test)


def test_who_comes_late_hears_it_at_once(person: AsyncClient, installation: Installation) -> None:
    for _time in range(3):
        installation.touch()
    now = revision(installation)

    async def test() -> None:
        for since, headers in ((now - 1, {}), (0, {"Last-Event-ID": str(now - 2)})):
            stream = aiter(await opened(person, installation, since, **headers))
            await heard(stream)
            assert f"id: {now}\n" in await heard(stream)
            await stream.aclose()

    run(test)


def test_one_poller_serves_all_streams_and_then_ends(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = sessions.create_installation("Other")
    asked: list[tuple[int, ...]] = []
    original = live.revisions
    monkeypatch.setattr(live, "revisions", lambda pks: asked.append(tuple(sorted(pks))) or original(pks))

    async def test() -> None:
        streams = [live.stream(one.pk, 99) for one in (installation, installation, other)]
        for stream in streams:
            await heard(stream)
        both = tuple(sorted((installation.pk, other.pk)))
        while both not in asked:
            await asyncio.sleep(0.01)
        pollers = [task for task in asyncio.all_tasks() if "Bell._poll" in repr(task)]
        assert len(pollers) == 1
        for stream in streams:
            await stream.aclose()  # type: ignore[attr-defined]
        assert live.bell().streams == 0
        await asyncio.wait_for(pollers[0], WITHIN)

    run(test)


def test_silence_is_filled_and_a_stream_ends(
    person: AsyncClient, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "HEARTBEAT", 0.05)
    monkeypatch.setattr(live, "LIFE", 0.2)

    async def test() -> None:
        said = [chunk.decode() async for chunk in await opened(person, installation, since=99)]
        assert ": here\n\n" in said
        assert not [chunk for chunk in said if "event:" in chunk]
        assert live.bell().streams == 0

    run(test)


def test_a_browser_that_hangs_up_leaves_nothing(person: AsyncClient, installation: Installation) -> None:
    async def test() -> None:
        stream = aiter(await opened(person, installation, since=99))
        await heard(stream)

        async def read() -> None:
            await anext(stream)

        reading = asyncio.create_task(read())
        await asyncio.sleep(0.05)  # it waits by now
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert live.bell().streams == 0

    run(test)


def test_beyond_the_most_pages_poll(
    person: AsyncClient, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MOST", 1)

    async def test() -> None:
        stream = aiter(await opened(person, installation, since=99))
        await heard(stream)
        full = await person.get(reverse("live", args=[installation.pk]))
        assert full.status_code == 503
        assert full["Retry-After"]
        await stream.aclose()

    run(test)


def test_a_stranger_hears_nothing(installation: Installation) -> None:
    async def test() -> None:
        reply = await AsyncClient().get(reverse("live", args=[installation.pk]))
        assert reply.status_code == 302

    run(test)
