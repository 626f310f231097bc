"""The installer's real processes on the test database, and a run of them that is worth killing."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from installer_tasks.celery import app
from installer_tasks.local.processes import redis
from installer_tasks.models import FINAL, Run, RunState
from installer_tasks.rehearsal.estate import Estate
from installer_tasks.runs import service
from installer_tasks.runs.journal import verify_chain
from installer_tasks.tasks import run_installation
from tests.contract.up_process import Up, descendants, pid_of
from tests.engine.elsewhere import environment
from tests.engine.made import codes
from tests.faults.whole import SLUGS, arrived, blobs_of, proven, stage_states
from tests.waiting import until

WORKER, WEB, REDIS = "celery", "uvicorn", "redis-server"
RATE = 250_000  #: bytes a second: the push of the small bundle takes some five seconds


@dataclass
class Installer:
    """`manage.py up` on this test's database."""

    state: Path
    up: Up
    url: str

    def enqueue(self, run: Run) -> None:
        """As its own pages do."""
        with app.connection_for_write(redis.url(redis.socket_path(self.state))) as connection:
            run_installation.apply_async((run.pk,), connection=connection, ignore_result=True)

    def kill(self, *names: str) -> dict[int, str]:
        """These programs with all that they have started, at once; what was killed."""
        running = descendants(self.up.process.pid)
        leaders = [pid_of(running, name) for name in names]
        doomed = {pid: running[pid] for leader in leaders for pid in (leader, *descendants(leader))}
        for leader in leaders:
            os.killpg(leader, signal.SIGKILL)
        return doomed

    def log(self) -> str:
        return (self.state / "logs" / "worker.log").read_text()


@contextmanager
def installer_at(state: Path) -> Iterator[Installer]:
    """Started, and ended if nobody has killed it."""
    up = Up(state, **environment(state))
    try:
        yield Installer(state, up, up.ready())
    finally:
        up.close()


def pushing(installer: Installer, estate: Estate) -> Run:
    """A run whose push is well under way and far from its end."""
    run = begun(installer, estate)
    until(lambda: len(arrived(estate)) >= 20)
    return run


def begun(installer: Installer, estate: Estate) -> Run:
    run = service.start(proven(estate))
    installer.enqueue(run)
    return run


def ended(run: Run) -> bool:
    run.refresh_from_db()
    return run.state in FINAL


def assert_it_ended_well(installer: Installer, run: Run, estate: Estate) -> None:
    until(lambda: ended(run))
    assert (run.state, run.error) == (RunState.SUCCEEDED, None), installer.log()
    assert run.attempt == run.installation.runs.count() == 1, "nobody has resumed it"
    assert set(stage_states(run)) == set(SLUGS)
    assert set(stage_states(run).values()) <= {"succeeded", "kept"}
    assert verify_chain(run) is None
    assert codes(run).count("run.succeeded") == 1
    assert set(arrived(estate)) == set(blobs_of(estate))
    assert set(estate.edge.published) == set(estate.release.public_names(estate.zone))
