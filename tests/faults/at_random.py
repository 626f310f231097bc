"""`make faults`: any program is killed at any moment of a run, many times over. Not part of the suite: it takes minutes."""

from __future__ import annotations

import os
import random
import threading

import pytest

from installer_tasks.rehearsal.estate import Estate
from tests.contract.up_process import answers, descendants
from tests.faults.installed import REDIS, WEB, WORKER, Installer, assert_it_ended_well, begun
from tests.faults.test_kill import estate, installer, pytestmark  # noqa: F401 - its fixtures
from tests.faults.whole import arrived
from tests.waiting import until

ROUNDS = int(os.environ.get("FAULT_ROUNDS", "10"))
SEED = os.environ.get("FAULT_SEED") or str(random.SystemRandom().randrange(10**6))


@pytest.mark.parametrize("number", range(ROUNDS), ids=lambda number: f"{SEED}-{number}")
def test_killed_at_any_moment(installer: Installer, estate: Estate, number: int) -> None:  # noqa: F811
    chance = random.Random(f"{SEED}-{number}")
    until(lambda: answers(installer.url))
    run = begun(installer, estate)
    complete: set[str] = set()
    for _kill in range(chance.randint(1, 3)):
        threading.Event().wait(chance.uniform(0.0, 6.0))
        complete |= set(arrived(estate))
        name = chance.choice((WORKER, WEB, REDIS))
        if any(name in line for line in descendants(installer.up.process.pid).values()):
            installer.kill(name)
    assert_it_ended_well(installer, run, estate)
    assert {arrived(estate)[digest] for digest in complete} <= {1}, "sent again"
