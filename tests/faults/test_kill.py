"""`kill -9` in the middle of the push, with the installer's real processes: the run goes on by itself and ends well."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import DjangoDbBlocker

from installer_tasks.rehearsal.estate import Estate
from tests.contract.up_process import answers, descendants, left_of
from tests.engine.made import codes
from tests.faults.installed import (
    RATE,
    REDIS,
    WEB,
    WORKER,
    Installer,
    assert_it_ended_well,
    ended,
    installer_at,
    pushing,
)
from tests.faults.whole import arrived, blobs_of, small_estate
from tests.waiting import until

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.redis,
    pytest.mark.program("redis-server"),
]


@pytest.fixture(scope="module")
def installer(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installer]:
    with django_db_blocker.unblock(), installer_at(tmp_path_factory.mktemp("kill") / "state") as running:
        yield running


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    with small_estate(tmp_path / "estate", rate=RATE) as running:
        yield running


@pytest.mark.parametrize("names", [(WORKER,), (REDIS, WEB), (REDIS, WORKER, WEB)], ids="+".join)
def test_the_run_goes_on_by_itself(installer: Installer, estate: Estate, names: tuple[str, ...]) -> None:
    run = pushing(installer, estate)
    complete = arrived(estate)
    killed = installer.kill(*names)
    until(lambda: not left_of(killed))
    assert len(arrived(estate)) < len(blobs_of(estate)), "the push was over before the kill"
    assert not ended(run)
    assert_it_ended_well(installer, run, estate)
    sent = arrived(estate)
    assert {digest: sent[digest] for digest in complete} == dict.fromkeys(complete, 1), "sent again"
    assert ("run.resumed" in codes(run)) == (WORKER in names)
    until(lambda: answers(installer.url))


def test_the_child_that_works_on_it_is_replaced(installer: Installer, estate: Estate) -> None:
    run = pushing(installer, estate)
    complete = arrived(estate)
    run.refresh_from_db()
    os.kill(int(run.lease_holder.split(":")[1]), signal.SIGKILL)
    assert_it_ended_well(installer, run, estate)
    assert {arrived(estate)[digest] for digest in complete} == {1}


def test_after_the_whole_machine_went_the_next_start_goes_on(tmp_path: Path, estate: Estate) -> None:
    """Everything is killed with the supervisor; whoever starts it again need do nothing else."""
    with installer_at(tmp_path / "state") as first:
        run = pushing(first, estate)
        complete = arrived(estate)
        processes = descendants(first.up.process.pid)
        first.up.ends(signal.SIGKILL)
        until(lambda: not left_of(processes))
    assert not ended(run)
    with installer_at(tmp_path / "state") as second:
        assert_it_ended_well(second, run, estate)
    assert {arrived(estate)[digest] for digest in complete} == {1}
