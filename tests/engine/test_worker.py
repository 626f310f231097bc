"""A real Redis and a real worker: a message starts a run, a killed worker's run goes on by itself, nothing is done twice."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from installer_tasks.local import shell
from installer_tasks.models import Run, RunState
from installer_tasks.runs import lease
from installer_tasks.runs.journal import verify_chain
from tests.engine.elsewhere import ROOT, environment
from tests.engine.made import codes, make_run, states
from tests.engine.stages import Step, World
from tests.waiting import PATIENCE, until

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.redis,
    pytest.mark.program("redis-server"),
]
SLUGS = ("one", "two", "three")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short one: the path of a socket has at most 107 bytes."""
    path = Path(tempfile.mkdtemp(prefix="tmc-"))
    yield path
    shutil.rmtree(path)


def answers_ping(socket: Path) -> bool:
    outcome = shell.run(shell.Command(("redis-cli", "-s", str(socket), "ping")))
    return outcome.stdout == "PONG"


@pytest.fixture
def redis(folder: Path) -> Iterator[str]:
    socket = folder / "redis.sock"
    argv = ("redis-server", "--port", "0", "--unixsocket", str(socket), "--dir", str(folder), "--save", "")
    server = shell.start_process(argv, output=folder / "redis.log")
    until(lambda: socket.exists() and answers_ping(socket))
    yield f"redis+socket://{socket}"
    server.end()


@pytest.fixture
def world(folder: Path) -> World:
    (folder / "world").mkdir()
    return World(folder / "world")


class Workers:
    """Starts workers on this test's database and Redis."""

    def __init__(self, folder: Path, redis: str, world: World) -> None:
        self.folder = folder
        self.env = environment(folder / "state", REDIS_URL=redis, TEST_WORLD=str(world.folder))
        self.started: list[shell.Process] = []

    def start(self) -> shell.Process:
        argv = (sys.executable, "-m", "celery", "--app", "tests.engine.worker_app", "worker", "--concurrency", "2")
        log = self.folder / f"worker-{len(self.started)}.log"
        worker = shell.start_process(argv, output=log, env=self.env, folder=ROOT)
        self.started.append(worker)
        return worker

    def enqueue(self, run: Run) -> None:
        """As a web process does."""
        code = f"import django; django.setup(); from installer_tasks import queue; queue.enqueue_run({run.pk})"
        outcome = shell.run(shell.Command((sys.executable, "-c", code), env=self.env))
        assert outcome.ok and "waits for the reaper" not in outcome.stderr, outcome.stderr

    def logs(self) -> str:
        return "\n".join(path.read_text() for path in sorted(self.folder.glob("worker-*.log")))


@pytest.fixture
def workers(folder: Path, redis: str, world: World) -> Iterator[Workers]:
    workers = Workers(folder, redis, world)
    yield workers
    for worker in workers.started:
        worker.kill()
        worker.wait(PATIENCE)


def new_run(world: World) -> Run:
    return make_run(tuple(Step(world, slug) for slug in SLUGS))


def state(run: Run) -> str:
    return str(Run.objects.values_list("state", flat=True).get(pk=run.pk))


def assert_it_ended_well(run: Run, world: World, workers: Workers) -> None:
    until(lambda: state(run) == RunState.SUCCEEDED)
    assert states(run) == ["succeeded"] * 3
    assert [world.times(slug) for slug in SLUGS] == [1, 1, 1], workers.logs()
    assert verify_chain(run) is None


def waits_at_the_gate(world: World, times: int = 1) -> None:
    until(lambda: world.lines("two").count("waits") == times)


def descendants(pid: int) -> list[int]:
    children = [int(found) for found in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [pid for child in children for pid in (child, *descendants(child))]


def test_an_enqueued_run_is_carried_out_by_a_worker(world: World, workers: Workers) -> None:
    workers.start()
    (world.folder / "two.open").touch()
    run = new_run(world)
    workers.enqueue(run)
    assert_it_ended_well(run, world, workers)


def test_a_run_that_was_never_enqueued_is_found(world: World, workers: Workers) -> None:
    (world.folder / "two.open").touch()
    run = new_run(world)
    workers.start()
    assert_it_ended_well(run, world, workers)


def test_after_kill_9_of_all_of_a_worker_the_next_goes_on_at_once(world: World, workers: Workers) -> None:
    run = new_run(world)
    first = workers.start()
    waits_at_the_gate(world)
    first.kill()
    first.wait(PATIENCE)
    assert state(run) == RunState.RUNNING
    Run.objects.filter(pk=run.pk).update(lease_until=timezone.now() + timedelta(days=1))  # nobody waits for its end
    workers.start()
    waits_at_the_gate(world, 2)
    (world.folder / "two.open").touch()
    assert_it_ended_well(run, world, workers)
    assert "run.resumed" in codes(run)


def test_after_kill_9_of_the_child_the_same_worker_goes_on(world: World, workers: Workers) -> None:
    run = new_run(world)
    worker = workers.start()
    waits_at_the_gate(world)
    holder = Run.objects.get(pk=run.pk).lease_holder
    child = int(holder.split(":")[1])
    assert child in descendants(worker.pid)
    os.kill(child, 9)
    waits_at_the_gate(world, 2)
    (world.folder / "two.open").touch()
    assert_it_ended_well(run, world, workers)


def test_children_of_a_killed_worker_leave_the_run_to_the_next_one(world: World, workers: Workers) -> None:
    run = new_run(world)
    first = workers.start()
    waits_at_the_gate(world)
    os.kill(first.pid, 9)
    first.wait(PATIENCE)
    until(lambda: lease.is_free(Run.objects.get(pk=run.pk)))
    workers.start()
    waits_at_the_gate(world, 2)
    (world.folder / "two.open").touch()
    assert_it_ended_well(run, world, workers)


def test_a_worker_that_is_asked_to_stop_ends_soon_and_the_next_goes_on(world: World, workers: Workers) -> None:
    run = new_run(world)
    first = workers.start()
    waits_at_the_gate(world)
    first.terminate()
    assert first.wait(PATIENCE) == 0, workers.logs()
    assert Run.objects.get(pk=run.pk).lease_until is None
    workers.start()
    waits_at_the_gate(world, 2)
    (world.folder / "two.open").touch()
    assert_it_ended_well(run, world, workers)
    assert "run.handed-over" in codes(run)


def test_two_workers_and_many_messages_carry_it_out_once(world: World, workers: Workers) -> None:
    run = new_run(world)
    workers.start()
    workers.start()
    waits_at_the_gate(world)
    (world.folder / "two.open").touch()
    assert_it_ended_well(run, world, workers)
