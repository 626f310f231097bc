"""`manage.py up`: ready, alone, restarted, ended; with real Redis, worker and web server."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from installer_tasks.local.processes import AlreadyRunning, Supervisor, redis
from tests.contract.up_process import ROOT, Up, answers, descendants, environment, left_of, pid_of
from tests.waiting import PATIENCE, until

pytestmark = [pytest.mark.redis, pytest.mark.program("redis-server")]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def up(state: Path) -> Iterator[Up]:
    running = Up(state)
    yield running
    running.close()


def test_it_answers_keeps_to_itself_and_refuses_a_second_one(up: Up, state: Path) -> None:
    url = up.ready()
    assert answers(url)
    assert up.says(r"Sign in with this link, once.*(http://\S+)")[1].startswith(f"{url}/")
    assert oct(state.stat().st_mode & 0o777) == "0o700"
    assert redis.answers(state / "redis.sock")
    assert not any("--port" in line and "--port 0" not in line for line in redis_lines(up))

    second = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "up", "--state", str(state)],
        env=environment(), capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert second.returncode == 1
    assert str(up.process.pid) in second.stderr
    assert url in second.stderr
    assert "Traceback" not in second.stderr
    assert answers(url)


def redis_lines(up: Up) -> list[str]:
    return [line for line in descendants(up.process.pid).values() if "redis-server" in line]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_sooner_than_it_starts_and_leaves_nothing(up: Up, state: Path, number: signal.Signals) -> None:
    began = time.monotonic()
    url = up.ready()
    start = time.monotonic() - began
    processes = descendants(up.process.pid)
    assert len(processes) >= 4
    assert up.ends(number) < 2 * start
    assert up.process.returncode == 0
    assert left_of(processes) == {}
    assert not answers(url)
    assert not (state / "redis.sock").exists()


def test_it_ends_while_it_still_starts(up: Up) -> None:
    processes = until(lambda: descendants(up.process.pid))
    up.ends(signal.SIGTERM)
    assert left_of(processes) == {}


def test_killed_outright_it_leaves_nothing(up: Up, state: Path) -> None:
    up.ready()
    processes = descendants(up.process.pid)
    up.ends(signal.SIGKILL)
    until(lambda: not left_of(processes))

    again = Up(state)
    try:
        assert answers(again.ready())
    finally:
        again.close()


@pytest.mark.parametrize("name", ["celery", "uvicorn", "redis-server", "guard.py"])
def test_a_killed_child_is_started_again_and_said(up: Up, name: str) -> None:
    url = up.ready()
    before = descendants(up.process.pid)
    killed = pid_of(before, name)
    os.kill(killed, signal.SIGKILL)
    up.says(r"exited \(signal SIGKILL\); restarting it")
    until(lambda: any(name in line for pid, line in descendants(up.process.pid).items() if pid not in before))
    until(lambda: answers(url))
    assert killed not in left_of(before)


def test_the_pool_of_a_killed_worker_does_not_go_on(up: Up) -> None:
    up.ready()
    worker = until(lambda: _worker_with_pool(up))
    pool = descendants(worker)
    os.kill(worker, signal.SIGKILL)
    until(lambda: not left_of(pool))


def _worker_with_pool(up: Up) -> int:
    """The pid of the worker, once it has forked its pool."""
    worker = pid_of(descendants(up.process.pid), "celery")
    return worker if len(descendants(worker)) >= 3 else 0


def test_a_state_path_too_long_for_a_socket_works(tmp_path: Path) -> None:
    state = tmp_path / ("long-" * 12) / ("path-" * 12) / "state"
    state.parent.mkdir(parents=True)
    running = Up(state)
    try:
        assert answers(running.ready())
        path = redis.socket_path(state)
        assert state not in path.parents
        assert redis.answers(path)
    finally:
        running.close()
        shutil.rmtree(redis.socket_path(state).parent, ignore_errors=True)


def test_a_redis_of_ones_own_replaces_the_private_one(tmp_path: Path, state: Path) -> None:
    path = tmp_path / "other.sock"
    server = subprocess.Popen(
        ["redis-server", "--port", "0", "--unixsocket", str(path), "--save", "", "--dir", str(tmp_path)],
        stdout=subprocess.DEVNULL,
    )
    running = Up(state, REDIS_URL=redis.url(path))
    try:
        assert answers(running.ready())
        assert redis_lines(running) == []
        assert not (state / "redis").exists()
        log = state / "logs" / "worker.log"
        until(lambda: f"Connected to redis+socket://{path}" in log.read_text())
    finally:
        running.close()
        server.terminate()
        server.wait(PATIENCE)


@pytest.mark.postgresql
@pytest.mark.program("postgres")
def test_a_postgresql_of_ones_own_replaces_sqlite(state: Path) -> None:
    running = Up(state, wrapper=(sys.executable, str(ROOT / "scripts" / "with_postgresql.py")))
    try:
        assert answers(running.ready())
        assert not (state / "installer.sqlite3").exists()
    finally:
        running.close()


def test_a_port_that_is_taken_is_named(state: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        running = Up(state, "--port", str(number))
        running.says(f"Port {number} of 127.0.0.1 is in use by another program")
        running.says("--port")
        assert running.process.wait(PATIENCE) == 1


def test_the_supervisor_serves_other_commands_too(state: Path) -> None:
    prepare(state)
    said: list[str] = []
    with Supervisor(state, port=0, say=said.append) as supervisor:
        assert supervisor.wait_ready()
        assert answers(supervisor.url)
        assert set(supervisor.pids) == {"guard", "redis", "worker", "web"}
        with pytest.raises(AlreadyRunning):
            Supervisor(state, port=0).start()
        worker = supervisor.pids["worker"]
        os.kill(worker, signal.SIGKILL)
        until(lambda: supervisor.pids.get("worker", worker) != worker)
        assert "worker exited" in said[0]
        pids = supervisor.pids.values()
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    assert supervisor.pids == {}


def prepare(state: Path) -> None:
    argv = [sys.executable, str(ROOT / "manage.py"), "migrate", "--state", str(state), "--verbosity", "0"]
    subprocess.run(argv, env=environment(), check=True, timeout=PATIENCE)
