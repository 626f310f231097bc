"""Whose a trial is, and whether it still runs.

What a trial makes in a system carries this installer's mark. While it runs, its process holds a lock on a file of the
state folder; the kernel takes that lock back when the process ends in whatever way, `kill -9` too. So the next look on
this machine tells at once what is left over from what another worker is busy with. Trials of another installer are
known by their mark, and judged by their age alone.
"""

from __future__ import annotations

import fcntl
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from installer_tasks.local import state_folder


def mark() -> str:
    """This installer's, the same as long as its state folder lives. Fit for a label and for a tag."""
    return state_folder.secret_file("trial-mark", secrets.token_hex(6).encode()).decode()


def new_name(prefix: str) -> str:
    return f"{prefix}-{secrets.token_hex(4)}"


@contextmanager
def running(name: str) -> Iterator[None]:
    """Take the lock before anything is made, and give it back when everything is removed."""
    path = _path(name)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def is_running(name: str) -> bool:
    """Whether a living process of this machine is at this trial."""
    try:
        lock = _path(name).open()
    except FileNotFoundError:
        return False
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        _path(name).unlink(missing_ok=True)
    return False


def _path(name: str) -> Path:
    return state_folder.private_folder(state_folder.folder() / "trials") / name
