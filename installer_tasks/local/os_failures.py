"""What this machine refuses: a full disk, a share that went away, a file without permission; with the path."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from pathlib import Path

from installer_tasks.errors import InstallerError, SystemFailure
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

#: Less than this and a database cannot even say what it wants to say.
LEAST_FREE = 4 * 1024 * 1024
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_GONE = frozenset({errno.ENOENT, errno.ESTALE, errno.ENOTCONN, errno.ENODEV, errno.EIO, errno.EHOSTDOWN, errno.ENXIO})
#: What databases say of a full disk.
_DATABASE_FULL = ("database or disk is full", "No space left on device", "could not extend file")


def explained(error: BaseException, state: Path) -> InstallerError | None:
    """The failure of this machine behind an unexpected error; None when it is another one."""
    for link in _chain(error):
        if isinstance(link, OSError) and link.errno in _FULL:
            return disk_full(Path(str(link.filename)) if link.filename else state)
        if any(words in str(link) for words in _DATABASE_FULL):
            return disk_full(state)
        if isinstance(link, OSError) and link.filename and link.errno in _GONE:
            return _gone(str(link.filename), link.strerror or "")
        if isinstance(link, PermissionError) and link.filename:
            return _denied(str(link.filename))
    return None


def is_full(folder: Path) -> bool:
    """Whether the disk below a folder takes nothing more."""
    try:
        return shutil.disk_usage(folder).free < LEAST_FREE
    except OSError:
        return False


def full_words(folder: Path) -> Text:
    return text(_("The disk below %(path)s is full."), path=str(folder))


def disk_full(path: Path) -> InstallerError:
    return SystemFailure(
        full_words(path),
        value=str(path),
        remedy=text(_("Free space on this disk, or move the folder to a larger one, then resume.")),
        code="disk-full",
    )


def _gone(path: str, words: str) -> InstallerError:
    return SystemFailure(
        text(_("%(path)s is no longer there."), path=path),
        value=path,
        remedy=text(_("Mount the share or the disk again, or restore the file, then resume.")),
        detail=words,
        code="file-gone",
    )


def _denied(path: str) -> InstallerError:
    return SystemFailure(
        text(_("This installer has no permission to use %(path)s."), path=path),
        value=path,
        remedy=text(_("Give the user that runs the installer access to it, then resume.")),
        code="file-denied",
    )


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
