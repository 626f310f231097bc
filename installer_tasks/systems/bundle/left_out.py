"""What lies in a download and is not read as an archive, so that no push would send it: which file, and why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

#: What a copy or a download is called until it has ended.
PARTIAL = (".part", ".partial", ".crdownload", ".download", ".filepart", ".aria2", ".tmp", ".temp")
ARCHIVE_NAMES = (".tar", ".tgz", ".gz", ".xz", ".bz2", ".zst", ".zip", ".7z", ".oci")
#: First bytes of a compressed file, and the program that unpacks it.
PACKED = {
    b"\x1f\x8b": "gunzip",
    b"\x28\xb5\x2f\xfd": "unzstd",
    b"\xfd7zXZ\0": "unxz",
    b"BZh": "bunzip2",
    b"PK\x03\x04": "unzip",
    b"7z\xbc\xaf": "7z x",
}
LARGEST_NOTE = 1 << 20  #: notes, licences and checksums are smaller; no archive of images is
_GLANCE = 512


class Why(StrEnum):
    EMPTY = "empty"
    ZEROS = "zeros"
    PARTIAL = "partial"
    PACKED = "packed"
    UNPACKED = "unpacked"
    LINK = "link"
    LINK_INSIDE = "link-inside"
    NO_FILE = "no-file"
    UNREADABLE = "unreadable"
    NO_ARCHIVE = "no-archive"
    NO_IMAGES = "no-images"
    HOLLOW = "hollow"
    NOTE = "note"


WORDS = {
    Why.EMPTY: _("%(file)s is empty."),
    Why.ZEROS: _("%(file)s starts with zeros: space was reserved for it, but nothing was written."),
    Why.PARTIAL: _("The name of %(file)s says that its copy or download has not ended."),
    Why.PACKED: _("%(file)s is compressed. Archives are read and pushed only as plain tar files."),
    Why.UNPACKED: _("%(file)s is an archive of images that was unpacked. Only the archive itself can be pushed."),
    Why.LINK: _("%(file)s is a symbolic link that leads out of the folder or nowhere. Links are not followed."),
    Why.LINK_INSIDE: _("%(file)s is a symbolic link to something in this folder. It is read where it lies."),
    Why.NO_FILE: _("%(file)s is not a regular file."),
    Why.UNREADABLE: _("%(file)s cannot be read: %(reason)s."),
    Why.NO_ARCHIVE: _("%(file)s is not an archive of images, although its name or size suggests one."),
    Why.NO_IMAGES: _("%(file)s is a tar file with no image in it."),
    Why.HOLLOW: _("The folder %(file)s contains no archive of images."),
    Why.NOTE: _("%(file)s is not an image archive."),
}
HARMLESS = (Why.LINK_INSIDE, Why.NOTE)


@dataclass(frozen=True)
class LeftOut:
    """A file or folder that no push sends."""

    path: Path
    why: Why
    detail: str = ""  #: what the operating system says, or the program that unpacks it

    @property
    def harmless(self) -> bool:
        return self.why in HARMLESS

    @property
    def words(self) -> Text:
        return text(WORDS[self.why], file=self.path.name, reason=self.detail)


def left_out(path: Path, root: Path) -> LeftOut | None:
    """Why `path`, which is no archive, is not read; None for a folder to look into."""
    if path.is_symlink():
        return LeftOut(path, Why.LINK_INSIDE if _leads_into(path, root) else Why.LINK)
    if path.is_dir():
        return _of_folder(path)
    return _of_file(path) if path.is_file() else LeftOut(path, Why.NO_FILE)


def unreadable(path: Path, error: OSError) -> LeftOut:
    return LeftOut(Path(error.filename or path), Why.UNREADABLE, error.strerror or "")


def is_partial(path: Path) -> bool:
    return path.name.lower().endswith(PARTIAL)


def _leads_into(path: Path, root: Path) -> bool:
    try:
        return path.resolve(strict=True).is_relative_to(root.resolve())
    except (OSError, RuntimeError):  # to nothing, or in a circle
        return False


def _of_folder(path: Path) -> LeftOut | None:
    if (path / "manifest.json").is_file():
        return LeftOut(path, Why.UNPACKED)
    return None if any(path.iterdir()) else LeftOut(path, Why.EMPTY)


def _of_file(path: Path) -> LeftOut:
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(_GLANCE)
    packed = next((program for magic, program in PACKED.items() if start.startswith(magic)), "")
    if is_partial(path):
        return LeftOut(path, Why.PARTIAL)
    if packed:
        return LeftOut(path, Why.PACKED, packed)
    return LeftOut(path, _kind(path, size, start))


def _kind(path: Path, size: int, start: bytes) -> Why:
    if not start:
        return Why.EMPTY
    if not start.strip(b"\0"):
        return Why.ZEROS
    if len(start) == _GLANCE and start[257:262] == b"ustar":
        return Why.NO_IMAGES
    named = any(suffix.lower() in ARCHIVE_NAMES for suffix in path.suffixes)
    return Why.NO_ARCHIVE if named or size > LARGEST_NOTE else Why.NOTE
