"""Only one worker at a time: races by threads and by processes, fencing, renewal, expiry, dead holders."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connections
from django.utils import timezone
from pytest_django import Settings

from installer_tasks.errors import LeaseLost
from installer_tasks.local import shell
from installer_tasks.models import Run, RunState
from installer_tasks.runs import lease
from tests.engine.elsewhere import environment
from tests.engine.made import make_run
from tests.waiting import PATIENCE, until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def run() -> Run:
    return make_run(())


def test_one_of_many_threads_gets_it(run: Run) -> None:
    barrier = threading.Barrier(12)

    def race(number: int) -> lease.Lease | None:
        barrier.wait()
        try:
            return lease.take(run.pk, f"worker-{number}")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(12) as pool:
        won = [taken for taken in pool.map(race, range(12)) if taken]
    assert len(won) == 1
    run.refresh_from_db()
    assert (run.lease_token, run.lease_holder, run.deliveries) == (1, won[0].holder, 1)


RACE = """
import sys, django; django.setup()
from installer_tasks.runs import lease
print("ready", flush=True); sys.stdin.readline()
taken = lease.take(int(sys.argv[1]))
print("won" if taken else "lost", flush=True); sys.stdin.readline()
"""


def test_one_of_several_processes_gets_it(run: Run, tmp_path: Path) -> None:
    import subprocess  # the children must wait for each other: more than shell.run offers

    argv = [sys.executable, "-c", RACE, str(run.pk)]
    children = [
        subprocess.Popen(argv, env=environment(tmp_path), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    try:
        lines = {child.pid: child.stdout for child in children if child.stdout}
        assert [line.readline().strip() for line in lines.values()] == ["ready"] * 4
        for child in children:
            assert child.stdin
            child.stdin.write("go\n")
            child.stdin.flush()
        outcomes = [line.readline().strip() for line in lines.values()]
    finally:
        for child in children:
            child.communicate("end\n", timeout=PATIENCE)
    assert sorted(outcomes) == ["lost", "lost", "lost", "won"]


def test_a_held_one_is_refused_until_it_runs_out(run: Run) -> None:
    first = lease.take(run.pk, "elsewhere")
    assert first is not None
    assert lease.take(run.pk, "another") is None
    Run.objects.filter(pk=run.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    second = lease.take(run.pk, "another")
    assert second is not None
    assert second.token == first.token + 1


def test_writes_with_an_old_token_change_nothing(run: Run) -> None:
    old = lease.take(run.pk, "old")
    assert old is not None
    Run.objects.filter(pk=run.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    new = lease.take(run.pk, "new")
    assert new is not None
    assert old.run.update(state=RunState.FAILED) == 0
    with pytest.raises(LeaseLost):
        lease.renew(old)
    lease.release(old)
    run.refresh_from_db()
    assert (run.lease_holder, run.lease_until is not None, run.state) == ("new", True, RunState.QUEUED)


def test_a_released_one_is_free(run: Run) -> None:
    held = lease.take(run.pk)
    assert held is not None
    lease.release(held, delivered=False)
    run.refresh_from_db()
    assert (run.lease_until, run.deliveries) == (None, 0)
    assert lease.take(run.pk) is not None


def test_a_run_that_is_over_has_none(run: Run) -> None:
    Run.objects.filter(pk=run.pk).update(state=RunState.SUCCEEDED)
    assert lease.take(run.pk) is None


@pytest.fixture
def short(settings: Settings) -> Iterator[None]:
    settings.RUN_LEASE_SECONDS = 3.0
    settings.RUN_LEASE_RENEWAL_SECONDS = 0.1
    yield


@pytest.mark.usefixtures("short")
def test_the_keeper_renews_it(run: Run) -> None:
    held = lease.take(run.pk)
    assert held is not None
    run.refresh_from_db()
    before = run.lease_until
    assert before
    with lease.LeaseRenewer(held) as keeper:
        until(lambda: (Run.objects.get(pk=run.pk).lease_until or before) > before)
        assert keeper.cancelled() is False


@pytest.mark.usefixtures("short")
def test_the_keeper_finds_out_that_it_is_lost(run: Run) -> None:
    held = lease.take(run.pk)
    assert held is not None
    with lease.LeaseRenewer(held) as keeper:
        Run.objects.filter(pk=run.pk).update(lease_token=9)
        keeper.pause(30)
        with pytest.raises(LeaseLost):
            keeper.cancelled()


def test_the_keeper_hears_that_a_person_wants_to_stop(run: Run) -> None:
    held = lease.take(run.pk)
    assert held is not None
    with lease.LeaseRenewer(held) as keeper:
        assert keeper.cancelled() is False
        Run.objects.filter(pk=run.pk).update(cancel_requested_at=timezone.now())
        keeper.pause(30)
        assert keeper.cancelled() is True


def test_who_cannot_renew_stops_before_another_may_begin(run: Run, settings: Settings) -> None:
    settings.RUN_LEASE_SECONDS = 0.3
    settings.RUN_LEASE_RENEWAL_SECONDS = 100
    held = lease.take(run.pk)
    assert held is not None
    with lease.LeaseRenewer(held) as keeper:
        lost = threading.Event()

        def ask() -> bool:
            try:
                keeper.cancelled()
            except LeaseLost:
                lost.set()
            return lost.is_set()

        until(ask)


def test_a_dead_process_of_this_machine_is_known_to_be_dead(tmp_path: Path) -> None:
    code = "import django; django.setup(); from installer_tasks.runs import lease; print(lease.this_process())"
    command = shell.Command((sys.executable, "-c", code), env=environment(tmp_path))
    outcome = shell.run(command)
    assert outcome.ok, outcome.stderr
    assert lease.holder_is_dead(outcome.stdout)


@pytest.mark.parametrize(
    "holder",
    ["", "elsewhere", "otherhost/12345678/4026531836:1:1", f"{lease._machine()}:x:1", f"{lease._machine()}:1:"],
)
def test_of_any_other_nothing_is_known(holder: str) -> None:
    assert not lease.holder_is_dead(holder)


def test_this_process_is_alive_and_a_later_one_with_its_pid_is_another() -> None:
    assert not lease.holder_is_dead(lease.this_process())
    assert lease.holder_is_dead(f"{lease._machine()}:{os.getpid()}:1")


def test_the_lease_of_a_dead_process_is_taken_at_once(run: Run) -> None:
    lease.take(run.pk, f"{lease._machine()}:{os.getpid()}:1")
    assert [found.pk for found in lease.free_runs()] == [run.pk]
    assert lease.take(run.pk) is not None
    assert lease.free_runs() == []
