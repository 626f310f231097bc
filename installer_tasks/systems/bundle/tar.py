"""Where each entry of an uncompressed tar lies, read from its headers only.

Nothing is unpacked. The standard library's reader is not used because it reads extended headers of any size into memory
and follows what this product refuses: paths upward, sparse and doubled entries.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from installer_tasks.systems.bundle.errors import cut_short, damaged, unsafe
from installer_tasks.systems.bundle.model import BlobReader, FileSource

RECORD = 512
MAX_EXTENDED = 1 << 20  #: of an extended header; real ones are below a kilobyte
MAX_ENTRIES = 1_000_000
REGULAR, FOLDER, HARD_LINK, SYMBOLIC_LINK = "file", "folder", "hard link", "symbolic link"
_KINDS = {b"0": REGULAR, b"\0": REGULAR, b"7": REGULAR, b"1": HARD_LINK, b"2": SYMBOLIC_LINK, b"5": FOLDER}


@dataclass(frozen=True)
class Entry:
    """One entry: its name, its kind, and where its bytes are."""

    name: str
    kind: str
    source: FileSource
    link: str = ""


@dataclass
class _Extended:
    """What extended headers say of the next entry."""

    name: str = ""
    link: str = ""
    size: int = -1
    sparse: bool = False


def looks_like_tar(path: Path) -> bool:
    """Whether the file starts with a tar header; a glance, not a promise."""
    with path.open("rb") as file:
        header = file.read(RECORD)
    return len(header) == RECORD and header[257:262] == b"ustar"


def read_entries(path: Path, *, links: bool = False) -> dict[str, Entry]:
    """All entries by name. Links are refused unless asked for; folders are passed over."""
    entries: dict[str, Entry] = {}
    for entry in _entries(path):
        if entry.kind == FOLDER:
            continue
        if entry.kind != REGULAR and not links:
            raise unsafe(path, entry.name, entry.kind)
        if entry.name in entries:
            raise unsafe(path, entry.name, "twice in the archive")
        if len(entries) >= MAX_ENTRIES:
            raise unsafe(path, entry.name, "too many entries")
        entries[entry.name] = entry
    return entries


def read_small(entry: Entry, limit: int) -> bytes:
    """The whole entry, refused when it is larger than `limit`."""
    if entry.source.size > limit:
        raise unsafe(entry.source.path, entry.name, f"larger than {limit} bytes")
    with BlobReader(entry.source) as reader:
        return reader.read(0, entry.source.size)


def _entries(path: Path) -> Iterator[Entry]:
    length = path.stat().st_size
    with path.open("rb") as file:
        position = 0
        extended = _Extended()
        while header := _header(file, path, position):
            body = position + RECORD
            if header[156:157] in b"xgLK":
                size = _size(header, path)
                _read_extended(file, path, header[156:157], size, extended)
            else:
                entry = _entry(path, header, body, extended)
                size = entry.source.size
                extended = _Extended()
            if body + size > length:
                raise cut_short(path, _plain(header[:100]), body + size - length)
            if header[156:157] not in b"xgLK":
                yield entry
            position = body + (size + RECORD - 1) // RECORD * RECORD


def _header(file: BinaryIO, path: Path, position: int) -> bytes:
    """The header at `position`; empty at the end of the archive."""
    file.seek(position)
    header = file.read(RECORD)
    if not header or not header.strip(b"\0"):
        return b""
    if len(header) < RECORD:
        raise cut_short(path, "header", RECORD - len(header))
    claimed = _number(header[148:156], path)
    if claimed != sum(header[:148]) + sum(header[156:]) + 8 * 32:
        raise damaged(path, f"no tar header at {position}")
    return header


def _entry(path: Path, header: bytes, body: int, extended: _Extended) -> Entry:
    name = extended.name or _name(header)
    kind = _KINDS.get(header[156:157])
    if kind is None or extended.sparse:
        raise unsafe(path, name, "sparse" if extended.sparse or header[156:157] == b"S" else "not a plain file")
    _refuse_upward(path, name)
    size = extended.size if extended.size >= 0 else _size(header, path)
    if kind in (HARD_LINK, SYMBOLIC_LINK, FOLDER):
        size = 0  # links and folders have no body, whatever their header claims
    return Entry(_clean(name), kind, FileSource(path, body, size), extended.link or _plain(header[157:257]))


def _name(header: bytes) -> str:
    prefix = _plain(header[345:500]) if header[257:263] == b"ustar\0" else ""
    name = _plain(header[:100])
    return f"{prefix}/{name}" if prefix else name


def _clean(name: str) -> str:
    return name.removeprefix("./").rstrip("/")


def _refuse_upward(path: Path, name: str) -> None:
    if name.startswith("/") or ".." in name.split("/") or "\\" in name or not name:
        raise unsafe(path, name, "path leads out of the archive")


def _plain(field: bytes) -> str:
    return field.split(b"\0", 1)[0].decode("utf-8", "replace")


def _size(header: bytes, path: Path) -> int:
    return _number(header[124:136], path)


def _number(field: bytes, path: Path) -> int:
    """Octal text, or base 256 when the first bit is set (files of 8 GiB and more)."""
    if field[0] & 0x80:
        number = int.from_bytes(bytes([field[0] & 0x7F]) + field[1:], "big")
        if number >= 1 << 62:
            raise damaged(path, "a size that cannot be")
        return number
    digits = field.split(b"\0", 1)[0].strip()
    if digits and digits.strip(b"01234567"):
        raise damaged(path, "a number that is none")
    return int(digits or b"0", 8)


def _read_extended(file: BinaryIO, path: Path, kind: bytes, size: int, extended: _Extended) -> None:
    if size > MAX_EXTENDED:
        raise unsafe(path, "extended header", f"{size} bytes")
    data = file.read(size)
    if len(data) < size:
        raise cut_short(path, "extended header", size - len(data))
    if kind == b"L":
        extended.name = _plain(data)
    elif kind == b"K":
        extended.link = _plain(data)
    else:
        _read_records(path, data, extended)


def _read_records(path: Path, data: bytes, extended: _Extended) -> None:
    """Records of a PAX header: `<length> <key>=<value>\\n`; only what moves bytes or names counts."""
    while data:
        length, _, _rest = data.partition(b" ")
        if not length.isdigit() or not 0 < int(length[:8]) <= len(data):
            raise damaged(path, "an extended header that is none")
        record, data = data[: int(length[:8])], data[int(length[:8]) :]
        key, _, value = record[len(length) + 1 :].rstrip(b"\n").partition(b"=")
        _apply_record(path, key, value, extended)


def _apply_record(path: Path, key: bytes, value: bytes, extended: _Extended) -> None:
    if key == b"path":
        extended.name = value.decode("utf-8", "replace")
    elif key == b"linkpath":
        extended.link = value.decode("utf-8", "replace")
    elif key == b"size":
        if not value.isdigit() or len(value) > 18:
            raise damaged(path, "a size that cannot be")
        extended.size = int(value)
    elif key.startswith(b"GNU.sparse"):
        extended.sparse = True
