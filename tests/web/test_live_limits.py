"""How many streams there are, and that none stays behind when browsers disconnect."""

from __future__ import annotations

import asyncio
import gc

import pytest
from django.test import AsyncClient

from installer_tasks import saved_answers
from installer_tasks.models import Installation, Role
from tests.web.live_streams import WITHIN, asked, opened, run, signed_in, topic
from tests.web.people import a_member, a_person
from wizard import live
from wizard.accounts.access import Principal

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "POLL", 0.02)


@pytest.fixture
def installation() -> Installation:
    return saved_answers.create_installation("Acme")


@pytest.fixture
def person() -> AsyncClient:
    return signed_in(a_person("alice"))


def test_silence_is_filled_and_a_stream_ends(
    person: AsyncClient, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "HEARTBEAT", 0.05)
    monkeypatch.setattr(live, "LIFETIME", 0.5)

    async def test() -> None:
        said = [chunk async for chunk in await asked(person, topic(installation, 99))]
        assert len(said) > 2
        assert set(said) == {live.HEARTBEAT_EVENT}
        assert len(live.hub()) == 0

    run(test)


def test_a_browser_that_disconnects_leaves_nothing(person: AsyncClient, installation: Installation) -> None:
    async def test() -> None:
        stream = await opened(person, topic(installation, 99))
        waits = asyncio.Event()
        original = live.hub()._poll_once

        async def polled() -> None:
            await original()
            waits.set()

        live.hub()._poll_once = polled  # type: ignore[method-assign]
        reading = asyncio.ensure_future(stream.__anext__())
        await asyncio.wait_for(waits.wait(), WITHIN)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert len(live.hub()) == 0

    run(test)


def test_a_response_that_is_never_sent_does_not_count(person: AsyncClient, installation: Installation) -> None:
    async def test() -> None:
        reply = await asked(person, topic(installation, 99))
        assert len(live.hub()) == 1
        del reply
        while len(live.hub()):
            gc.collect()
            await asyncio.sleep(0.01)  # the poller may hold it for one more round

    run(test)


def test_of_fifty_at_once_the_limit_is_served(installation: Installation) -> None:
    """Of different persons: their own limit does not count here."""
    clients = [signed_in(a_member(f"person-{number}", Role.VIEWER)) for number in range(50)]

    async def test() -> None:
        replies = await asyncio.gather(*(asked(client, topic(installation, 99)) for client in clients))
        statuses = [reply.status_code for reply in replies]
        assert statuses.count(200) == live.MAX_STREAMS
        assert statuses.count(503) == 50 - live.MAX_STREAMS
        waits = {int(reply["Retry-After"]) for reply in replies if reply.status_code == 503}
        assert min(waits) >= 20
        assert len(waits) > 1  # they do not all come back in the same second

    run(test)


def test_one_person_has_four_streams_and_leaves_the_others_theirs(
    person: AsyncClient, installation: Installation
) -> None:
    other = signed_in(a_person("bob"))

    async def test() -> None:
        replies = await asyncio.gather(*(asked(person, topic(installation, 99)) for _time in range(10)))
        assert [reply.status_code for reply in replies].count(200) == live.MAX_STREAMS_PER_PERSON
        assert (await asked(other, topic(installation, 99))).status_code == 200

    run(test)


def test_a_closed_stream_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MAX_STREAMS", 1)

    async def test() -> None:
        first = live.hub().open(Principal("a", 1, ""))
        assert first
        assert live.hub().open(Principal("b", 2, "")) is None
        live.hub().close(first)
        assert live.hub().open(Principal("b", 2, ""))

    run(test)


def test_an_administrator_gets_one_stream_whoever_else_holds_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MAX_STREAMS", 1)

    async def test() -> None:
        held = [live.hub().open(Principal("a", 1, ""))]
        assert live.hub().open(Principal("b", 2, "")) is None
        held.append(live.hub().open(Principal("c", 3, "", administrator=True)))
        assert held[-1] is not None
        assert live.hub().open(Principal("d", 3, "", administrator=True)) is None

    run(test)
