"""What this machine refuses is named, with its path."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

import pytest

from installer_tasks.local import os_failures

STATE = Path("/state")


def raised(error: Exception) -> tuple[str, str] | None:
    found = os_failures.explained(error, STATE)
    return (found.code, found.value) if found else None


def test_a_full_disk_is_named_by_its_path() -> None:
    assert raised(OSError(errno.ENOSPC, "No space left on device", "/bundle/x")) == ("disk-full", "/bundle/x")
    assert raised(OSError(errno.EDQUOT, "Disk quota exceeded")) == ("disk-full", "/state")


def test_a_database_that_has_no_room_is_a_full_disk(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "db") as made:
        made.execute("PRAGMA max_page_count = 1")
        with pytest.raises(sqlite3.OperationalError) as caught:
            made.execute("CREATE TABLE a AS SELECT 1")
    made.close()
    assert raised(caught.value) == ("disk-full", "/state")


def test_a_share_that_went_away_is_named_by_its_path(tmp_path: Path) -> None:
    with pytest.raises(OSError) as caught:
        (tmp_path / "images.tar").read_bytes()
    wrapped = RuntimeError("reader failed")
    wrapped.__cause__ = caught.value
    assert raised(wrapped) == ("file-gone", str(tmp_path / "images.tar"))
    assert raised(OSError(errno.ESTALE, "Stale file handle", "/share/a")) == ("file-gone", "/share/a")


def test_other_errors_are_not_of_this_machine() -> None:
    assert raised(ValueError("no space for this")) is None
    assert raised(OSError(errno.ECONNREFUSED, "refused")) is None


def test_a_disk_with_room_is_not_full(tmp_path: Path) -> None:
    assert not os_failures.is_full(tmp_path)
    assert not os_failures.is_full(tmp_path / "nowhere")
