"""Parts of the supervisor that need no process: logs, waits between starts, the state option."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import manage
from installer_tasks.local.processes import child, logs, programs


def test_a_full_log_is_copied_and_emptied_under_its_writer(tmp_path: Path) -> None:
    path = tmp_path / "web.log"
    with path.open("ab", buffering=0) as writer:
        writer.write(b"x" * 100)
        logs.rotate(path, largest=100)
        assert path.stat().st_size == 100
        writer.write(b"y")
        logs.rotate(path, largest=100)
        writer.write(b"after\n")
    assert path.read_bytes() == b"after\n"
    assert (tmp_path / "web.log.1").read_bytes() == b"x" * 100 + b"y"
    assert oct((tmp_path / "web.log.1").stat().st_mode & 0o777) == "0o600"


def test_a_follower_gives_whole_new_lines_also_after_a_rotation(tmp_path: Path) -> None:
    path = tmp_path / "web.log"
    path.write_text("before\n")
    follower = logs.Follower(path)
    with path.open("a") as writer:
        writer.write("one\ntw")
    assert list(follower.lines()) == ["one"]
    with path.open("a") as writer:
        writer.write("o\n")
    assert list(follower.lines()) == ["two"]
    os.truncate(path, 0)
    path.write_text("new\n")
    assert list(follower.lines()) == ["new"]


def test_the_tail_of_a_log_is_its_last_lines(tmp_path: Path) -> None:
    path = tmp_path / "web.log"
    assert logs.tail(path) == ""
    path.write_text("".join(f"{number}\n" for number in range(9000)))
    assert logs.tail(path, 2) == "8998\n8999"


def test_the_first_restart_is_at_once_and_later_ones_wait_longer(tmp_path: Path) -> None:
    program = child.Program("short", ("/bin/false",), tmp_path / "log")
    short = child.Child(program)
    delays = []
    for _ in child.BACKOFF:
        delays.append(short.delay)
        short.start()
        assert short.ended(float("inf"))
        assert short.crashed() == 1
    assert delays == list(child.BACKOFF)
    assert short.delay == child.BACKOFF[-1]
    assert not short.due


def test_redis_sees_nothing_of_our_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMC_INSTALLER_SECRET_KEY", "canary")
    server = programs.redis_server(tmp_path, tmp_path / "redis.sock")
    assert (server.env, server.pass_env) == ({}, ())
    assert "TMC_INSTALLER_SECRET_KEY" in programs.worker(tmp_path, {}, 1).pass_env


@pytest.mark.parametrize("options", [["--state", "/x/y"], ["--state=/x/y"]])
def test_the_state_option_is_taken_before_the_settings(options: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMC_INSTALLER_STATE", "/before")
    assert manage.without_state(["manage.py", "up", *options, "--port", "1"]) == ["manage.py", "up", "--port", "1"]
    assert os.environ["TMC_INSTALLER_STATE"] == "/x/y"


@pytest.mark.parametrize("options", [["--state"], ["--state="]])
def test_a_state_option_without_a_folder_is_refused(options: list[str]) -> None:
    with pytest.raises(SystemExit, match="needs the path"):
        manage.without_state(["manage.py", "up", *options])
