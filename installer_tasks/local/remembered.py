"""What took minutes to work out, kept in the state folder: of a file that did not change it is not worked out twice."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from installer_tasks.local import state_folder

MOST = 16  #: results; the oldest go


def remembered(kind: str, about: Any, work_out: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The result kept for `about` (plain data, which must change whenever the result may), else `work_out()`.

    Who asks while another process works it out waits for that one.
    """
    folder = state_folder.private_folder(state_folder.folder() / "remembered")
    key = hashlib.sha256(json.dumps(about).encode()).hexdigest()
    file = folder / f"{kind}.json"
    found = _read(file).get(key)
    if found is not None:
        return found
    with _alone(folder / f".{kind}-{key[:16]}.lock"):
        found = _read(file).get(key)
        if found is None:
            found = work_out()
            _keep(file, key, found)
    return found


def _read(file: Path) -> dict[str, dict[str, Any]]:
    """Nothing of what is not there or was cut short: it is worked out again."""
    try:
        kept = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}


def _keep(file: Path, key: str, result: dict[str, Any]) -> None:
    with _alone(file.with_name(f".{file.name}.lock")):
        kept = {**{name: each for name, each in _read(file).items() if name != key}, key: result}
        newest = dict(list(kept.items())[-MOST:])
        draft = file.with_name(f".{file.name}.new")
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(newest))
        draft.replace(file)


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """The lock goes with its holder, however that ends. Its file is removed; who holds a removed one asks again."""
    while True:
        handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(handle, fcntl.LOCK_EX)
        with contextlib.suppress(FileNotFoundError):
            if os.fstat(handle).st_ino == lock.stat().st_ino:
                break
        os.close(handle)
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)
        os.close(handle)
