"""Faults of the download itself: what was fetched, its checksum, and the folder that was unpacked from it."""

from __future__ import annotations

import hashlib
import os
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from installer_tasks.rehearsal.bundle import SMALL, contents
from installer_tasks.rehearsal.bundle_archive import write_imgpkg_tar
from installer_tasks.rehearsal.bundle_images import Image
from installer_tasks.rehearsal.faults.base import Answering, Fault
from installer_tasks.rehearsal.faults.bundle import REPOSITORY, made, unpacked
from installer_tasks.text import mark as _

if TYPE_CHECKING:
    from installer_tasks.rehearsal.estate import Estate

OTHER = "tmc_self_managed_1.3.0.tar"


def _spoilt(name: str, spoil: Callable[[Path], None]) -> Answering:
    """The file is spoilt after the vendor has published its checksum."""

    def answers(estate: Estate) -> Mapping[str, str]:
        given = unpacked(made(estate, name))
        spoil(Path(given["bundle.archive"]))
        return given

    return answers


def _flip(file: Path, place: int) -> None:
    with file.open("r+b") as stream:
        stream.seek(place)
        byte = stream.read(1)[0]
        stream.seek(place)
        stream.write(bytes([byte ^ 1]))


def _one_bit(file: Path) -> None:
    _flip(file, file.stat().st_size - 1)


def _cut(file: Path) -> None:
    """As when the download was interrupted."""
    os.truncate(file, file.stat().st_size // 2)


def _without_checksum(estate: Estate) -> Mapping[str, str]:
    return {**unpacked(made(estate, "no-checksum")), "bundle.checksum": ""}


def _without_download(estate: Estate) -> Mapping[str, str]:
    return {**unpacked(made(estate, "no-download")), "bundle.archive": ""}


def _of_another(estate: Estate) -> Mapping[str, str]:
    """From the line below the right one."""
    digest = hashlib.sha256(OTHER.encode()).hexdigest()
    return {**unpacked(made(estate, "of-another")), "bundle.checksum": f"{digest}  {OTHER}"}


def _compressed(estate: Estate) -> Mapping[str, str]:
    given = unpacked(made(estate, "compressed"))
    plain = Path(given["bundle.archive"])
    packed = plain.with_name("tmc_self_managed.tar.gz")
    with tarfile.open(packed, "w:gz", compresslevel=1) as archive:
        archive.add(plain, plain.name)
    digest = hashlib.sha256(packed.read_bytes()).hexdigest()
    return {**given, "bundle.archive": str(packed), "bundle.checksum": digest}


def _one_more(estate: Estate) -> Mapping[str, str]:
    """An image that the vendor never published would be pushed with the others."""
    folder = made(estate, "one-more")
    given = unpacked(folder)
    planted = next(each.elements[0] for each in contents(estate.release, SMALL) if each.root is None)
    if isinstance(planted, Image):
        write_imgpkg_tar(folder / "agent-images" / "agent-extra.tar", [planted])
    return given


def _changed_later(estate: Estate) -> Callable[[], None]:
    """One byte behind the last image: no digest of an image covers it, and size and time stay as they were."""
    file = estate.bundle / REPOSITORY
    before = file.stat()

    def flip() -> None:
        _flip(file, before.st_size - 1)
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))

    flip()
    return flip


FAULTS = (
    Fault("bundle.download-damaged", _("The downloaded file has one flipped bit"), "bundle.checksum",
          "is not what the vendor published", answers=_spoilt("damaged", _one_bit)),
    Fault("bundle.download-cut-short", _("The download was interrupted"), "bundle.checksum", "is truncated",
          answers=_spoilt("download-cut-short", _cut)),
    Fault("bundle.download-gone", _("The downloaded file was deleted after it was unpacked"), "bundle.checksum",
          "Cannot read", answers=_spoilt("download-gone", Path.unlink)),
    Fault("bundle.download-compressed", _("The downloaded file was compressed"), "bundle.checksum",
          "not an uncompressed tar", answers=_compressed),
    Fault("bundle.checksum-of-another", _("The checksum is that of another file"), "bundle.checksum",
          f"belongs to {OTHER}", answers=_of_another),
    Fault("bundle.no-checksum", _("Nobody entered the vendor's checksum"), "bundle.checksum", "No SHA-256 was entered",
          answers=_without_checksum),
    Fault("bundle.only-unpacked", _("Only the unpacked folder is left of the download"), "bundle.checksum",
          "cannot be calculated", answers=_without_download),
    Fault("bundle.one-more", _("Somebody added an image to the folder"), "bundle.checksum", "is not in the download",
          answers=_one_more),
    Fault("bundle.changed-later", _("A file in the folder was changed after it was unpacked"), "bundle.checksum",
          "differs from the download", _changed_later),
)  # fmt: skip
