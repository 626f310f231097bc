"""One supervisor a state folder. The kernel's lock says who, so a crash never leaves a stale claim behind."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from pathlib import Path

from installer_tasks.errors import Conflict
from installer_tasks.text import mark as _
from installer_tasks.text import text


class AlreadyRunning(Conflict):
    """Another supervisor holds this state folder."""

    code = "already-running"
    retry = False

    def __init__(self, folder: Path, pid: int, url: str) -> None:
        super().__init__(
            text(
                _(
                    "The installer is already running with the state folder %(folder)s: process "
                    "%(pid)s, address %(url)s."
                ),
                folder=str(folder),
                pid=pid or "?",
                url=url or "?",
            ),
            value=str(folder),
            remedy=text(_("Open that address, stop that process, or choose another folder with --state.")),
        )
        self.pid = pid
        self.url = url


class FolderLock:
    """An flock on `supervisor.lock`; the file's content only tells the second one whom it met."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / "supervisor.lock"
        self._handle: int | None = None

    @property
    def held(self) -> bool:
        return self._handle is not None

    def take(self) -> None:
        if self._handle is not None:
            return
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            raise AlreadyRunning(self._folder, *self.holder()) from None
        self._handle = handle
        self.describe("")

    def describe(self, url: str) -> None:
        """Write who we are, for whoever comes second."""
        if self._handle is not None:
            os.ftruncate(self._handle, 0)
            os.pwrite(self._handle, json.dumps({"pid": os.getpid(), "url": url}).encode(), 0)

    def release(self) -> None:
        """The file stays: removing it would let two supervisors lock two different files of the same name."""
        if self._handle is not None:
            os.ftruncate(self._handle, 0)
            os.close(self._handle)
            self._handle = None

    def holder(self) -> tuple[int, str]:
        """The process that has the folder, and its address; 0 and "" when there is none."""
        with contextlib.suppress(OSError, ValueError):
            holder = json.loads(self._path.read_text())
            return int(holder["pid"]), str(holder["url"])
        return 0, ""
