"""The download as the vendor published it: its SHA-256, and whether the unpacked folder holds what is in it.

One pass over the file. Each block goes into the digest, and what it holds of a file of the release is compared with the
same bytes of the unpacked file: nothing is unpacked, and memory does not grow with the file.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from installer_tasks.errors import InputError, InstallerError
from installer_tasks.systems.bundle.folder import FOLDERS, PROGRAMS
from installer_tasks.systems.bundle.model import BLOCK
from installer_tasks.systems.bundle.tar import HARD_LINK, REGULAR, Entry, looks_like_tar, read_entries
from installer_tasks.text import mark as _
from installer_tasks.text import text

FIELD = "bundle.archive"
OnBytes = Callable[[int], None]
#: What tells that a file is another one, or changed; nobody can date the last one back.
About = tuple[int, int, int, int, int]


class Why(StrEnum):
    CHANGED = "changed"  #: other bytes than in the download
    ADDED = "added"  #: not in the download
    ABSENT = "absent"  #: in the download, and not in the folder
    LINK = "link"  #: a link is not followed


@dataclass(frozen=True)
class Difference:
    """A file of the folder that is not as the download has it."""

    file: str  #: below the folder
    why: Why


@dataclass(frozen=True)
class Download:
    """What reading it showed. Without `compared` it is no tar that could be compared."""

    size: int
    sha256: str
    compared: int = 0  #: files of the release in the folder that were compared
    differences: tuple[Difference, ...] = ()
    unreadable: InstallerError | None = None  #: what is wrong with it as a tar


def about(path: Path) -> About:
    """Of the file itself: which one it is, its size and its changes."""
    return _about(path.stat())


def _about(found: os.stat_result) -> About:
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def release_files(folder: Path) -> dict[str, About]:
    """Every file of the unpacked release that is pushed or run, below `folder`; links are not followed."""
    found = {}
    for name in FOLDERS:
        for place, _folders, files in os.walk(folder / name):
            for file in (*files, *(each for each in _folders if (Path(place) / each).is_symlink())):
                path = Path(place) / file
                found[str(path.relative_to(folder))] = _about(path.lstat())
    programs = (folder / name for name in PROGRAMS)
    return found | {path.name: _about(path.lstat()) for path in programs if path.is_file() or path.is_symlink()}


def read_download(archive: Path, folder: Path, *, on_bytes: OnBytes = lambda _count: None) -> Download:
    """Reads all of `archive` once. Raises InputError when it changes meanwhile, OSError when it cannot be read."""
    files = release_files(folder)
    with _opened(archive) as handle:
        before = _about(os.fstat(handle))
        entries, unreadable = _entries(archive)
        places = _places(entries, files)
        reading = _Reading(folder, files, on_bytes)
        sha256 = reading.carry_out(handle, before[2], places)
        if not before == _about(os.fstat(handle)) == about(archive):
            raise _changed(archive)
    read = Download(before[2], sha256)
    if unreadable is not None or not entries:
        return replace(read, unreadable=unreadable)
    inside = {name for place in places for name in place.names}
    differences = (
        *reading.differences,
        *(Difference(name, Why.ADDED) for name in sorted(files.keys() - inside)),
        *(Difference(name, Why.ABSENT) for name in sorted(inside - files.keys())),
    )
    return replace(read, compared=len(inside & files.keys()), differences=differences)


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    """Not a device or a pipe, which would never end."""
    handle = os.open(path.resolve(strict=True), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        yield handle
    finally:
        os.close(handle)


def _entries(archive: Path) -> tuple[dict[str, Entry], InstallerError | None]:
    """None of what is no tar; with the error, of one that is cut short or damaged."""
    if not looks_like_tar(archive):
        return {}, None
    try:
        return read_entries(archive, links=True), None
    except InstallerError as error:
        return {}, error


@dataclass(frozen=True)
class _Place:
    """Bytes of the archive, and the files of the folder that must have the same."""

    offset: int
    size: int
    names: tuple[str, ...]


def _places(entries: Mapping[str, Entry], files: Mapping[str, About]) -> list[_Place]:
    """In the order of the archive. A hard link has its bytes where the entry is that it names."""
    top = _top(entries)
    names: dict[str, list[str]] = {}
    for name, entry in entries.items():
        inside = _inside(name, top)
        if inside and (entry.kind in (REGULAR, HARD_LINK) or inside in files):
            names.setdefault(entry.link.removeprefix("./") if entry.kind == HARD_LINK else name, []).append(inside)
    found = [(entries[name].source, inside) for name, inside in names.items() if name in entries]
    places = (_Place(source.offset, source.size, tuple(inside)) for source, inside in found)
    return sorted(places, key=lambda place: place.offset)


def _top(entries: Mapping[str, Entry]) -> str:
    """The folder in the archive in which the release lies, as a prefix; mostly none."""
    tops = set()
    for name in entries:
        parts = name.split("/")
        first = next((number for number, part in enumerate(parts[:-1]) if part in FOLDERS), None)
        if first is not None:
            tops.add("".join(f"{part}/" for part in parts[:first]))
    return min(tops, key=lambda top: (top.count("/"), top), default="")


def _inside(name: str, top: str) -> str:
    """The name below the folder; empty for what is neither pushed nor run."""
    below = name.removeprefix(top) if name.startswith(top) else ""
    return below if (below.partition("/")[0] in FOLDERS and "/" in below) or below in PROGRAMS else ""


class _Reading:
    """One pass: blocks of the archive into the digest, and against the files that hold the same."""

    def __init__(self, folder: Path, files: Mapping[str, About], on_bytes: OnBytes) -> None:
        self._folder, self._files, self._on_bytes = folder, files, on_bytes
        self._digest = hashlib.sha256()
        self.differences: list[Difference] = []

    def carry_out(self, handle: int, size: int, places: list[_Place]) -> str:
        position = 0
        for place in places:
            position = self._skip(handle, position, place.offset)
            with _Mirrors(self._folder, [name for name in place.names if name in self._files]) as mirrors:
                for name in mirrors.links:
                    self.differences.append(Difference(name, Why.LINK))
                for block in _blocks(handle, place.offset, place.size):
                    self._take(block)
                    mirrors.compare(block, position - place.offset)
                    position += len(block)
                self.differences += [Difference(name, Why.CHANGED) for name in mirrors.other(place.size)]
        self._skip(handle, position, size)
        return self._digest.hexdigest()

    def _skip(self, handle: int, position: int, end: int) -> int:
        for block in _blocks(handle, position, end - position):
            self._take(block)
            position += len(block)
        return position

    def _take(self, block: bytes) -> None:
        self._digest.update(block)
        self._on_bytes(len(block))


def _blocks(handle: int, offset: int, size: int) -> Iterator[bytes]:
    end = offset + size
    while offset < end and (block := os.pread(handle, min(BLOCK, end - offset), offset)):
        offset += len(block)
        yield block


class _Mirrors:
    """The unpacked files that must hold the same bytes; mostly one."""

    def __init__(self, folder: Path, names: list[str]) -> None:
        self._folder, self._names = folder, names
        self._open: dict[str, int] = {}
        self._different: set[str] = set()
        self.links: list[str] = []

    def __enter__(self) -> _Mirrors:
        for name in self._names:
            try:
                self._open[name] = os.open(
                    self._folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
                )
            except OSError as error:
                if error.errno != errno.ELOOP:
                    self._close()
                    raise
                self.links.append(name)
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def _close(self) -> None:
        for handle in self._open.values():
            os.close(handle)
        self._open.clear()

    def compare(self, block: bytes, offset: int) -> None:
        for name, handle in self._open.items():
            if name not in self._different and _read(handle, len(block), offset) != block:
                self._different.add(name)

    def other(self, size: int) -> list[str]:
        longer = {name for name, handle in self._open.items() if os.fstat(handle).st_size != size}
        return sorted(self._different | longer)


def _read(handle: int, length: int, offset: int) -> bytes:
    """All of it, or what there is before the end."""
    parts: list[bytes] = []
    while length and (part := os.pread(handle, length, offset)):
        parts.append(part)
        offset, length = offset + len(part), length - len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _changed(archive: Path) -> InputError:
    return InputError(
        text(_("%(file)s changed while it was being read."), file=archive.name),
        value=str(archive),
        remedy=text(_("Wait until the download or copy finishes, then check again.")),
        field=FIELD,
        code="download-changed",
    )
