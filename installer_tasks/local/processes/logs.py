"""The children's log files: kept small, and read on for a person who wants to see them."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

LARGEST = 10 * 1024 * 1024


def rotate(path: Path, largest: int = LARGEST) -> None:
    """Copy to `.1` and empty it: the child keeps its handle, and appending makes that safe."""
    with contextlib.suppress(FileNotFoundError):
        if path.stat().st_size <= largest:
            return
        old = path.with_suffix(path.suffix + ".1")
        shutil.copyfile(path, old)
        old.chmod(0o600)
        os.truncate(path, 0)


class Follower:
    """Whole new lines of a file since the last look."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._position = path.stat().st_size if path.exists() else 0

    def lines(self) -> Iterator[str]:
        if not self._path.exists():
            return
        with self._path.open("rb") as stream:
            if stream.seek(0, os.SEEK_END) < self._position:
                self._position = 0
            stream.seek(self._position)
            for line in stream:
                if not line.endswith(b"\n"):
                    break
                self._position += len(line)
                yield line.decode(errors="replace").rstrip()


def tail(path: Path, count: int = 5, most: int = 4096) -> str:
    """The last lines, within the last `most` bytes."""
    try:
        with path.open("rb") as stream:
            stream.seek(max(0, path.stat().st_size - most))
            return "\n".join(stream.read().decode(errors="replace").splitlines()[-count:])
    except OSError:
        return ""
