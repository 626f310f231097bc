"""A small file that spares a resumed push questions about blobs that an earlier attempt has settled.

The registry is the truth. What the file claims wrongly is found out when a manifest is refused, and sent then. It
counts for one target and one plan, for a day, and is removed when a push succeeds.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import TextIO

from installer_tasks.systems.registry.plan import PushPlan

LIFE_SECONDS = 24 * 3600
FLUSH_SECONDS = 0.5
Key = tuple[str, str]  #: repository, digest


class ResumeFile:
    """Lines of JSON: what it is about, then one line for each blob that is in a repository."""

    def __init__(self, path: Path, host: str, plan: PushPlan, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._about = {"format": 1, "host": host, "plan": _fingerprint(plan)}
        self._clock = clock
        self._lock = threading.Lock()
        self._file: TextIO | None = None
        self._flushed_at = 0.0
        self.known: frozenset[Key] = frozenset()  #: what an earlier attempt of the same push has settled

    def __enter__(self) -> ResumeFile:
        self.known = frozenset(self._read())
        self._path.parent.mkdir(parents=True, exist_ok=True)
        if not self.known:
            self._path.write_text(json.dumps({**self._about, "at": self._clock()}) + "\n")
        self._file = self._path.open("a")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None
        if kind is None:
            self._path.unlink(missing_ok=True)

    def settled(self, repository: str, digest: str) -> None:
        """The registry has confirmed the blob in this repository."""
        with self._lock:
            if self._file is None:
                return
            self._file.write(f"{json.dumps([repository, digest])}\n")
            if time.monotonic() - self._flushed_at >= FLUSH_SECONDS:
                self._file.flush()
                self._flushed_at = time.monotonic()

    def _read(self) -> Iterator[Key]:
        """Nothing when the file is about another push, too old, or not ours; a torn last line ends it."""
        try:
            lines = self._path.read_text().splitlines()
        except (OSError, UnicodeDecodeError):
            return
        if not lines or not self._is_about_this(lines[0]):
            return
        for line in lines[1:]:
            try:
                repository, digest = json.loads(line)
            except (ValueError, TypeError):
                return
            yield str(repository), str(digest)

    def _is_about_this(self, line: str) -> bool:
        try:
            found = json.loads(line)
            age = self._clock() - float(found.pop("at"))
        except (ValueError, TypeError, KeyError, AttributeError):
            return False
        return found == self._about and 0 <= age < LIFE_SECONDS


def _fingerprint(plan: PushPlan) -> str:
    """Changes with any image, tag or place."""
    checksum = hashlib.sha256()
    for image in plan.images:
        checksum.update(repr((image.repository, image.digest, image.tags)).encode())
    return checksum.hexdigest()
