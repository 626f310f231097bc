"""The vendor's program as a file: who can change it, what its SHA-256 is, and a copy of it that nobody can change."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import pwd
import shlex
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

from installer_tasks.errors import IntegrityFailure, Refused, SystemFailure
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

FIELD = "bundle.engine"
CHUNK = 1024 * 1024
SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
MFD_EXEC = 0x10  #: linux/memfd.h, from 6.3 on: a copy that may be executed
_CONFIRM = Text(
    _("Compare the SHA-256 with the vendor's, then ask an administrator to confirm it on the page Bundle folders.")
)


@dataclass(frozen=True)
class WeakSpot:
    """A file or folder on the way to the program that somebody else can change."""

    path: str
    owner: str
    mode: str

    @property
    def fix(self) -> str:
        path = shlex.quote(self.path)
        return f"chown {owner_name(os.geteuid())} {path} && chmod go-w {path}"


@dataclass(frozen=True)
class Program:
    """What there is to know of it before anybody trusts it."""

    path: str  #: links resolved
    owner: str
    mode: str  #: octal
    size: int
    sha256: str
    weak: tuple[WeakSpot, ...]
    user: str  #: ours, who may write to it beside root


def examine(path: Path) -> Program:
    """Read it once, and look at every folder above it. Raises OSError for what cannot be read."""
    real = path.resolve(strict=True)
    with _opened(real) as file:
        about = os.fstat(file.fileno())
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    mode = f"{stat.S_IMODE(about.st_mode):04o}"
    user = owner_name(os.geteuid())
    return Program(str(real), owner_name(about.st_uid), mode, about.st_size, digest, tuple(weak_spots(real)), user)


def weak_spots(path: Path) -> Iterator[WeakSpot]:
    """What others than root and our own user can write, from the file up to the root; `path` has no links."""
    below: os.stat_result | None = None
    for place in (path, *path.parents):
        about = place.lstat()
        if _others_write(about, below):
            yield WeakSpot(str(place), owner_name(about.st_uid), f"{stat.S_IMODE(about.st_mode):04o}")
        below = about


def _others_write(about: os.stat_result, below: os.stat_result | None) -> bool:
    if not _ours(about):
        return True
    if not about.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return False
    # In a sticky folder such as /tmp nobody else can rename or remove what is ours.
    return below is None or not about.st_mode & stat.S_ISVTX or not _ours(below)


def _ours(about: os.stat_result) -> bool:
    return about.st_uid in (0, os.geteuid())


def owner_name(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


@contextmanager
def sealed_copy(path: Path, sha256: str) -> Iterator[int]:
    """A descriptor of a copy in memory that has this SHA-256 and that nobody can change, us included.

    The file is opened once, and the very bytes that were hashed are those that run. Raises what keeps it from running.
    """
    real = _resolved(path)
    spots = list(weak_spots(real))
    if spots:
        raise changeable(spots[0])
    copy = _memory(path.name)
    try:
        with _opened(real) as file:
            _require_digest(real, sha256, _copied(file, copy))
        fcntl.fcntl(copy, fcntl.F_ADD_SEALS, SEALS)
        yield copy
    finally:
        os.close(copy)


def _resolved(path: Path) -> Path:
    try:
        return path.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise _unreadable(path, str(getattr(error, "strerror", "") or error)) from error


@contextmanager
def _opened(path: Path) -> Iterator[BufferedReader]:
    """Not through a link, and not a device or a pipe, which would never end."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        yield file


def _memory(name: str) -> int:
    """Older kernels do not know that a copy must be said to be executable, and let every one be."""
    try:
        return os.memfd_create(name, os.MFD_ALLOW_SEALING | os.MFD_CLOEXEC | MFD_EXEC)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise _no_memory(name, error) from error
    try:
        return os.memfd_create(name, os.MFD_ALLOW_SEALING | os.MFD_CLOEXEC)
    except OSError as error:
        raise _no_memory(name, error) from error


def _copied(file: BufferedReader, copy: int) -> str:
    digest = hashlib.sha256()
    while chunk := file.read(CHUNK):
        digest.update(chunk)
        view = memoryview(chunk)
        while view:
            view = view[os.write(copy, view) :]
    return digest.hexdigest()


def _require_digest(path: Path, wanted: str, found: str) -> None:
    if found == wanted:
        return
    raise IntegrityFailure(
        text(_("The program is not the one that was confirmed: its SHA-256 is %(found)s."), found=found),
        value=str(path),
        remedy=_CONFIRM,
        detail=f"confirmed {wanted or '-'}, read {found}",
        field=FIELD,
        code="program-not-confirmed",
    )


def changeable(spot: WeakSpot) -> Refused:
    return Refused(
        text(
            _("%(path)s can be changed by others: it belongs to %(owner)s and has mode %(mode)s."),
            path=spot.path,
            owner=spot.owner,
            mode=spot.mode,
        ),
        value=spot.path,
        remedy=text(_("Run %(command)s, then check again."), command=spot.fix),
        field=FIELD,
        code="program-changeable",
    )


def _unreadable(path: Path, reason: str) -> SystemFailure:
    return SystemFailure(
        text(_("The program %(program)s cannot be read: %(reason)s."), program=path.name, reason=reason),
        value=str(path),
        remedy=text(_("Choose this installer as the push engine, or unpack the download again.")),
        field=FIELD,
        code="program-unreadable",
    )


def _no_memory(name: str, error: OSError) -> SystemFailure:
    return SystemFailure(
        text(
            _("The kernel allows no program to run from memory: %(reason)s."),
            reason=error.strerror or "",
        ),
        value=name,
        remedy=text(_("Set the kernel parameter vm.memfd_noexec to 1, or choose this installer as the push engine.")),
        field=FIELD,
        code="program-not-from-memory",
    )
