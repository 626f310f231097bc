"""Ends what a supervisor left behind when it was killed without a chance to clean up.

Run as a program beside the others: `guard.py <supervisor's pid> <file with one process group a line>`. When its own
parent becomes another one it kills the groups named in the file, and ends. It imports nothing of ours, so that it
starts at once and needs no settings.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from pathlib import Path

POLL = 0.2


def watch(supervisor: int, groups: Path) -> None:
    while os.getppid() == supervisor:
        time.sleep(POLL)
    for group in _numbers(groups):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
    groups.unlink(missing_ok=True)


def _numbers(groups: Path) -> list[int]:
    with contextlib.suppress(OSError):
        # Never 0 or 1: killpg would take our own group or everything.
        return [int(word) for word in groups.read_text().split() if word.isdigit() and int(word) > 1]
    return []


if __name__ == "__main__":
    watch(int(sys.argv[1]), Path(sys.argv[2]))
