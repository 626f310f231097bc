"""`manage.py up` as a person starts it, and a look at the processes that belong to it."""

from __future__ import annotations

import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

from tests.waiting import PATIENCE

ROOT = Path(__file__).resolve().parent.parent.parent
#: `Up(state, **QUICK_PASSWORDS)`: an installer that hashes passwords with one round.
QUICK_PASSWORDS = {"PYTHONPATH": str(ROOT / "tests" / "quick_start")}
#: What the tests' own environment says about the state must not reach the installer that is tested.
HIDDEN = ("TMC_INSTALLER_STATE", "TMC_INSTALLER_SECRET_KEY", "DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE")


def environment(**more: str) -> dict[str, str]:
    return {**{name: value for name, value in os.environ.items() if name not in HIDDEN}, **more}


class Up:
    """A running `manage.py up`; ended, if a test did not do so, by `close`."""

    def __init__(self, state: Path, *options: str, wrapper: tuple[str, ...] = (), **env: str) -> None:
        argv = [*wrapper, sys.executable, str(ROOT / "manage.py"), "up", "--state", str(state), "--port", "0", *options]
        self.process = subprocess.Popen(
            argv, env=environment(**env), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=state.parent
        )
        self.lines: list[str] = []
        self._queue: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as stream:
            for line in stream:
                self._queue.put(line.rstrip())
        self._queue.put(None)

    def says(self, pattern: str) -> re.Match[str]:
        """Wait for a line that matches."""
        while True:
            line = self._queue.get(timeout=PATIENCE)
            assert line is not None, f"ended without saying {pattern!r}:\n" + "\n".join(self.lines)
            self.lines.append(line)
            if match := re.search(pattern, line):
                return match

    def ready(self) -> str:
        return self.says(r"is running at (https?://\S+)")[1]

    def ends(self, number: signal.Signals) -> float:
        """Send it, and say how long the end took."""
        began = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(PATIENCE)
        return time.monotonic() - began

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(PATIENCE)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url + "/healthz", timeout=PATIENCE) as response:
            return bool(response.status == 200)
    except urllib.error.HTTPError as error:
        return error.code < 500
    except OSError:
        return False


def descendants(pid: int) -> dict[int, str]:
    """Every process below `pid`: its number and its command line."""
    parents: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and (parent := parent_of(int(folder.name))) is not None:
            parents[int(folder.name)] = parent
    below, wave = set(), {pid}
    while wave:
        wave = {child for child, parent in parents.items() if parent in wave} - below
        below |= wave
    return {child: command_line(child) for child in below}


def parent_of(pid: int) -> int | None:
    return _stat(Path(f"/proc/{pid}"), 1)


def _stat(folder: Path, index: int) -> int | None:
    """1: the parent, 3: the session."""
    try:
        return int((folder / "stat").read_text().rpartition(")")[2].split()[index])
    except OSError:
        return None


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def left_of(processes: dict[int, str]) -> dict[int, str]:
    """Those that still run; a number that now belongs to something else does not count, nor does a zombie."""
    return {pid: line for pid, line in processes.items() if line and command_line(pid) == line}


def pid_of(processes: dict[int, str], part: str) -> int:
    """The process with `part` in its command line that leads its session: no child of it, whose number may be lower."""
    return next(pid for pid, line in processes.items() if part in line and _stat(Path(f"/proc/{pid}"), 3) == pid)
