"""Live updates: who is told which revision, when a stream ends, and that one poller serves them all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import AsyncClient

from installer_tasks import saved_answers
from installer_tasks.models import Installation, Membership, Role, Workspace
from tests.web.live_streams import (
    WITHIN,
    Opened,
    asked,
    changed,
    closed,
    ends,
    heard,
    heard_news,
    opened,
    refused,
    revision,
    run,
    signed_in,
    topic,
    write,
)
from tests.web.people import a_member, a_person
from wizard import live

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "POLL", 0.02)


@pytest.fixture
def installation() -> Installation:
    return saved_answers.create_installation("Acme")


@pytest.fixture
def elsewhere() -> Installation:
    """At a customer of its own."""
    return saved_answers.create_installation("Tower", workspace=Workspace.objects.create(name="Fabrikam"))


@pytest.fixture
def person() -> AsyncClient:
    return signed_in(a_person("alice"))


def test_a_change_is_told(person: AsyncClient, installation: Installation) -> None:
    installation.touch()
    known = revision(installation)

    async def test() -> None:
        reply = await asked(person, topic(installation, known))
        assert reply["Content-Type"] == "text/event-stream"
        assert reply["X-Accel-Buffering"] == "no"
        assert reply["Cache-Control"] == "no-cache, no-transform"
        stream = Opened(reply)
        assert await heard(stream) == live.HEARTBEAT_EVENT.decode()
        await write(installation.touch)
        assert await heard(stream) == changed(installation, known + 1)

    run(test)


def test_one_stream_tells_of_several_installations(
    person: AsyncClient, installation: Installation, elsewhere: Installation
) -> None:
    here, there = revision(installation), revision(elsewhere)

    async def test() -> None:
        stream = await opened(person, topic(installation, here), topic(elsewhere, there))
        for one, number in ((elsewhere, there + 1), (installation, here + 1)):
            await write(one.touch)
            assert await heard(stream) == changed(one, number)

    run(test)


def test_an_old_tab_is_told_at_once(person: AsyncClient, installation: Installation) -> None:
    for _time in range(3):
        installation.touch()
    now = revision(installation)

    async def test() -> None:
        for topics in ((topic(installation, now - 1),), (topic(installation, now), topic(installation, now - 2))):
            stream = await opened(person, *topics)
            assert await heard(stream) == changed(installation, now)
            await closed(stream)

    run(test)


@pytest.mark.parametrize("topics", [(), ("x:1",), ("0:0",), tuple(f"{number}:0" for number in range(1, 102))])
def test_a_stream_without_topics_or_with_too_many_is_rejected(person: AsyncClient, topics: tuple[str, ...]) -> None:
    async def test() -> None:
        assert (await asked(person, *topics)).status_code == 400
        assert len(live.hub()) == 0

    run(test)


def test_each_topic_is_authorized_by_itself(installation: Installation, elsewhere: Installation) -> None:
    vera = signed_in(a_member("vera", Role.VIEWER))

    async def test() -> None:
        stream = await opened(vera, topic(installation, 99), topic(elsewhere), "999:0")
        said = await heard(stream)
        assert sorted(said.strip().split("\n\n")) == sorted([refused(elsewhere).strip(), "event: refused\ndata: 999"])
        await write(partial(Installation.objects.filter(pk=installation.pk).update, revision=100))
        assert await heard(stream) == changed(installation, 100)

    run(test)


def test_what_is_not_theirs_does_not_exist(elsewhere: Installation) -> None:
    eve = signed_in(a_member("eve", Role.INSTALLER))

    async def test() -> None:
        assert (await asked(eve, topic(elsewhere))).status_code == 404
        assert (await asked(eve, "999:0")).status_code == 404
        assert len(live.hub()) == 0

    run(test)


def test_a_lost_role_is_lost_at_the_next_change(installation: Installation, elsewhere: Installation) -> None:
    vera = a_member("vera", Role.VIEWER, installation.workspace, elsewhere.workspace)
    client = signed_in(vera)

    def loses() -> None:
        Membership.objects.filter(person=vera, workspace=elsewhere.workspace).delete()
        elsewhere.touch()

    async def test() -> None:
        stream = await opened(client, topic(installation, 99), topic(elsewhere, 99))
        await write(partial(Installation.objects.filter(pk=elsewhere.pk).update, revision=100))
        assert await heard(stream) == changed(elsewhere, 100)
        await write(loses)
        assert await heard(stream) == refused(elsewhere)

    run(test)


def signs_out(user: User) -> None:
    Session.objects.all().delete()


def expires(user: User) -> None:
    Session.objects.update(expire_date="2020-01-01T00:00Z")


def is_retired(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


def changes_the_password(user: User) -> None:
    user.set_password("another one")
    user.save()


def loses_the_role(user: User) -> None:
    user.memberships.all().delete()  # type: ignore[attr-defined]


@pytest.mark.parametrize("silent", [False, True], ids=["a change comes", "no change comes"])
@pytest.mark.parametrize("event", [signs_out, expires, is_retired, changes_the_password, loses_the_role])
def test_a_stream_ends_with_its_session(
    installation: Installation, event: Callable[[User], None], silent: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "HEARTBEAT", 0.05 if silent else 60.0)
    vera = a_member("vera", Role.VIEWER)
    client = signed_in(vera)

    def happens() -> None:
        event(vera)
        if not silent:
            Installation.objects.filter(pk=installation.pk).update(revision=100)

    async def test() -> None:
        stream = await opened(client, topic(installation, 99))
        await write(happens)
        assert await heard_news(stream) == refused(installation)
        await ends(stream)

    run(test)


def test_a_deleted_installation_ends_its_stream(person: AsyncClient, installation: Installation) -> None:
    pk = installation.pk

    async def test() -> None:
        stream = await opened(person, f"{pk}:99")
        await write(installation.delete)
        assert await heard(stream) == f"event: refused\ndata: {pk}\n\n"
        await ends(stream)

    run(test)


def test_one_poller_serves_all_streams_and_then_ends(
    person: AsyncClient, installation: Installation, elsewhere: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    polled: list[tuple[int, ...]] = []
    original = live.revisions
    monkeypatch.setattr(live, "revisions", lambda pks: polled.append(tuple(sorted(pks))) or original(pks))

    async def test() -> None:
        streams = [await opened(person, topic(one, 99)) for one in (installation, installation, elsewhere)]
        both = tuple(sorted((installation.pk, elsewhere.pk)))
        while both not in polled:
            await asyncio.sleep(0.01)
        pollers = [task for task in asyncio.all_tasks() if "Hub._poll" in repr(task)]
        assert len(pollers) == 1
        await closed(*streams)
        await asyncio.wait_for(pollers[0], WITHIN)

    run(test)


def test_a_stranger_hears_nothing(installation: Installation) -> None:
    async def test() -> None:
        reply = await asked(AsyncClient(), topic(installation))
        assert reply.status_code == 302
        assert len(live.hub()) == 0

    run(test)
