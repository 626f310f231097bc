"""Facts of the unpacked download: what is in it, whether it is whole and lies still, and the vendor's program."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Required, TypedDict

from installer_tasks.preflight.shapes.base import Error, Fact


class Room(TypedDict):
    """Bytes for the installer's own files: of the disk, and of a file by this process's limits."""

    folder: str
    free: int
    limit: int | None


class ArchiveFile(TypedDict):
    file: str
    images: int


class Contents(TypedDict):
    path: str
    release: str
    images: int
    bytes: int
    archives: list[ArchiveFile]
    program: str
    starts: bool
    content: str  #: SHA-256 over the names and digests of all that is pushed


class MissingPart(TypedDict):
    digest: str
    needed_by: str


class Parts(TypedDict):
    """Layers, configurations and platforms that an image names and no archive holds."""

    images: int
    missing: list[MissingPart]
    count: int


class LeftOut(TypedDict):
    file: str
    why: str
    detail: str
    harmless: bool


class Files(TypedDict):
    """Files and folders that no push sends."""

    archives: int
    left_out: list[LeftOut]
    serious: int
    count: int


class Doubled(TypedDict):
    name: str
    files: list[str]


class Names(TypedDict):
    """Names under which two archives bring different images."""

    names: int
    doubled: list[Doubled]
    count: int


class AbsentImage(TypedDict):
    image: str
    file: str


class Locked(TypedDict):
    """Images that the release's own lists and packages name, and those of them that are in no archive."""

    named: int
    absent: list[AbsentImage]
    count: int


class Schema(TypedDict):
    """The values that the parent package takes, as dotted names; `open` are objects that take any name."""

    stated: bool
    names: list[str]
    required: list[str]
    open: list[str]


class Packages(TypedDict):
    file: str
    release: str
    versions: dict[str, list[str]]
    schema: Schema
    described: str  #: of a release that is not known


class Digests(TypedDict):
    verified: int
    bytes: int


class Rest(TypedDict):
    """Files that came, went or changed between two looks."""

    files: int
    changed: list[str]


class Difference(TypedDict):
    file: str
    why: str


class Download(TypedDict, total=False):
    """The file as it was downloaded, beside the folder; `archive` alone, and empty, where none was given."""

    archive: Required[str]
    name: str
    size: int
    sha256: str
    compared: int
    differences: list[Difference]
    count: int
    unreadable: Error | None


class WeakSpot(TypedDict):
    path: str
    owner: str
    mode: str


class Program(TypedDict, total=False):
    """As `program.Program` has it; empty where the vendor's program is not to run."""

    path: str
    owner: str
    mode: str
    size: int
    sha256: str
    weak: Sequence[WeakSpot]
    user: str
    confirmed: bool


ROOM = Fact[Room]("bundle", "room")
CONTENTS = Fact[Contents]("bundle", "contents")
PARTS = Fact[Parts]("bundle", "parts")
FILES = Fact[Files]("bundle", "files")
NAMES = Fact[Names]("bundle", "names")
LOCKED = Fact[Locked]("bundle", "locked")
PACKAGES = Fact[Packages]("bundle", "packages")
DIGESTS = Fact[Digests]("bundle", "digests")
DOWNLOAD = Fact[Download]("bundle", "download")
REST = Fact[Rest]("bundle", "rest")
PROGRAM = Fact[Program]("bundle", "program")
