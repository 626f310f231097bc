"""Reads every blob of an archive once and compares it with its digest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from installer_tasks.errors import Cancelled
from installer_tasks.systems.bundle.manifests import new_hash
from installer_tasks.systems.bundle.model import Archive, Blob, BlobReader


@dataclass(frozen=True)
class DamagedBlob:
    """A blob whose bytes are not what its digest says."""

    digest: str
    file: str
    found: str


@dataclass(frozen=True)
class Verification:
    """What reading everything has shown."""

    blobs: int
    bytes_read: int
    damaged: tuple[DamagedBlob, ...]

    @property
    def is_sound(self) -> bool:
        return not self.damaged


def verify(
    archive: Archive,
    *,
    on_bytes: Callable[[int], None] | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Verification:
    """Hash every blob of `archive`. Two threads: hashing releases the interpreter, and one disk feeds hardly more."""
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - start-up time of a push

    with ThreadPoolExecutor(max_workers=2, thread_name_prefix="verify") as pool:
        found = list(pool.map(lambda blob: _damage(blob, on_bytes, cancelled), archive.blobs.values()))
    damaged = tuple(entry for entry in found if entry is not None)
    return Verification(len(archive.blobs), archive.total_bytes, damaged)


def _damage(blob: Blob, on_bytes: Callable[[int], None] | None, cancelled: Callable[[], bool]) -> DamagedBlob | None:
    checksum = new_hash(blob.digest)
    with BlobReader(blob.source) as reader:
        for block in reader.blocks():
            if cancelled():
                raise Cancelled
            checksum.update(block)
            if on_bytes is not None:
                on_bytes(len(block))
    found = f"{blob.digest.partition(':')[0]}:{checksum.hexdigest()}"
    return None if found == blob.digest else DamagedBlob(blob.digest, blob.file, found)
