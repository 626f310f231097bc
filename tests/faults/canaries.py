"""Secrets that must be found nowhere, whatever they were wrapped in; and the places to look for them."""

from __future__ import annotations

import base64
import contextlib
import re
import secrets
import socket
import sqlite3
import threading
import zlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import redis

from tests.contract.up_process import parent_of

#: Quoting of every kind (URL, JSON, HTML, YAML, Python) leaves these as they are.
PLAIN = re.compile(r"[A-Za-z0-9_.~-]+")
SHORTEST = 12
#: What Django compresses: base64 of a zlib stream.
COMPRESSED = re.compile(rb"eJ[A-Za-z0-9_-]{8,}")
#: Line ends inside base64, also where they stand escaped in a JSON text.
BREAKS = re.compile(rb"(?:\r|\n|\\r|\\n)[ \t]*")

Blobs = Iterable[tuple[str, bytes]]


def odd() -> str:
    """A new secret full of characters that every quoting changes."""
    return f"+/&\"'<\\%{secrets.token_hex(12)}={{$"


class Scanner:
    """Finds secrets by the longest part of each that no quoting changes, as text, in base64 and in hex."""

    def __init__(self, wanted: Mapping[str, str]) -> None:
        self._needles = {needle: name for name, value in wanted.items() for needle in needles(value)}
        self._heads = one_of({needle[:SHORTEST] for needle in self._needles})

    def names(self, blob: bytes) -> set[str]:
        """Of the secrets that are in it."""
        joined = BREAKS.sub(b"", blob)
        readings = [blob, *unpacked(blob)] if joined == blob else [blob, joined, *unpacked(blob)]
        # Where no needle's head is, no needle is: one pass in place of a thousand.
        doubtful = [reading for reading in readings if self._heads.search(reading)]
        return {name for reading in doubtful for needle, name in self._needles.items() if needle in reading}

    def leaks(self, blobs: Blobs) -> list[str]:
        """`<secret> in <place>`, each once; what is the same in many places is looked at once."""
        by_content: dict[bytes, str] = {}
        for place, blob in blobs:
            by_content.setdefault(blob, place)
        return sorted({f"{name} in {place}" for blob, place in by_content.items() for name in self.names(blob)})


def one_of(words: Iterable[bytes]) -> re.Pattern[bytes]:
    """Finds any of them, in an order of branches in which a byte rules out most of them at once."""
    return re.compile(_branches(sorted(words)))


def _branches(words: list[bytes]) -> bytes:
    found = []
    for first, those in groupby(words, key=lambda word: word[:1]):
        rest = [word[1:] for word in those]
        found.append(re.escape(first) + (_branches(rest) if all(rest) else b""))
    return b"(?:" + b"|".join(found) + b")"


def needles(value: str) -> set[bytes]:
    core = max(PLAIN.findall(value), key=len, default="")
    if len(core) < SHORTEST:
        raise ValueError("its longest plain part is too short to be found in every quoting")
    raw = core.encode()
    once = set(base64_parts(raw))
    twice = {again for part in once for again in base64_parts(part)}
    return {raw, raw[::-1], raw.hex().encode(), raw.hex().upper().encode(), base64.b32encode(raw)[: len(raw) * 8 // 5],
            *spaced(raw), *wide(raw), *once, *twice}  # fmt: skip


def spaced(raw: bytes) -> Iterator[bytes]:
    """What the redactor does not know and nobody should write: hex with separators, numbers, quoted for C."""
    for separator in (" ", ":"):
        yield raw.hex(separator).encode()
    yield " ".join(map(str, raw)).encode()
    yield ", ".join(map(str, raw)).encode()
    yield "".join(f"\\x{byte:02x}" for byte in raw).encode()
    yield "".join(f"%{byte:02X}" for byte in raw).encode()


def wide(raw: bytes) -> Iterator[bytes]:
    """As UTF-16, and as references to characters."""
    yield raw.decode().encode("utf-16-le")
    yield "".join(f"&#{byte};" for byte in raw).encode()
    yield "".join(f"\\u{byte:04x}" for byte in raw).encode()


def base64_parts(raw: bytes) -> Iterator[bytes]:
    """What base64 of any longer text has in common, for the three ways in which the bytes fall into its groups."""
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + raw)
        whole = encoded[4 if before else 0 : (before + len(raw)) // 3 * 4]
        yield whole
        yield whole.translate(bytes.maketrans(b"+/", b"-_"))
        yield whole.replace(b"+", b"%2B").replace(b"/", b"%2F")


def unpacked(blob: bytes) -> Iterator[bytes]:
    for found in COMPRESSED.findall(blob):
        with contextlib.suppress(zlib.error, ValueError):
            yield zlib.decompressobj().decompress(base64.urlsafe_b64decode(found + b"=" * (-len(found) % 4)))


def files(*folders: Path) -> Iterator[tuple[str, bytes]]:
    """Every file as it lies there, the database with its journals and Redis' own among them."""
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                yield str(path.relative_to(folder.parent)), path.read_bytes()


def rows(database: Path) -> Iterator[tuple[str, bytes]]:
    """Every value of every table: in the file a long one may be cut by the end of a page."""
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in tables:
            for row in connection.execute(f'SELECT * FROM "{table}"'):
                yield f"table {table}", b"\0".join(_bytes(value) for value in row)


def keys(client: redis.Redis) -> Iterator[tuple[str, bytes]]:
    """Every key of Redis with all that is under it."""
    for key in client.scan_iter():
        yield f"Redis key {key!r}", key + b"\0" + _bytes(_under(client, key))


def _under(client: redis.Redis, key: bytes) -> Any:
    read = {
        b"string": lambda: client.get(key),
        b"list": lambda: client.lrange(key, 0, -1),
        b"set": lambda: client.smembers(key),
        b"zset": lambda: client.zrange(key, 0, -1, withscores=True),
        b"hash": lambda: client.hgetall(key),
        b"stream": lambda: client.xrange(key),
        b"none": lambda: b"",  # gone since
    }
    return read[client.type(key)]()


def _bytes(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, Mapping):
        value = value.items()
    if isinstance(value, str | int | float | None):
        return str(value).encode()
    return b"\0".join(_bytes(part) for part in value)


class Watch:
    """Keeps every command line and environment that the processes below `pid` have, from `with` to its end."""

    EVERY = 0.05

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.argv: set[bytes] = set()
        self.environ: set[bytes] = set()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def blobs(self) -> Iterator[tuple[str, bytes]]:
        yield from (("argv", line) for line in set(self.argv))
        yield from (("environment", block) for block in set(self.environ))

    def _run(self) -> None:
        ours, others = {self.pid}, set[int]()
        while not self._over.wait(self.EVERY):
            there = {int(folder.name) for folder in Path("/proc").iterdir() if folder.name.isdigit()}
            ours, others = ours & there, others & there
            # A child that is new may be the parent of another that is: in the order of their start.
            for pid in sorted(there - ours - others):
                (ours if parent_of(pid) in ours else others).add(pid)
            for pid in ours:
                self._look(Path(f"/proc/{pid}"))

    def _look(self, process: Path) -> None:
        with contextlib.suppress(OSError):
            self.argv.add((process / "cmdline").read_bytes())
            self.environ.add((process / "environ").read_bytes())


class Monitor:
    """Every command that Redis is given from now on, as it tells them itself: also what it writes to no file."""

    def __init__(self, path: Path) -> None:
        self.heard = bytearray()
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(path))
        self._socket.sendall(b"MONITOR\r\n")
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        with contextlib.suppress(OSError), self._socket:
            while chunk := self._socket.recv(65536):
                self.heard += chunk

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
