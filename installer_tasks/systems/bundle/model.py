"""Values that every reader of image archives returns: images, manifests, blobs and where their bytes are."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType

from installer_tasks.systems.bundle.errors import cut_short

BLOCK = 1 << 20  #: measured: smaller blocks cost a fifth more, larger ones gain nothing

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"


@dataclass(frozen=True)
class FileSource:
    """Bytes inside a file: a blob of its own or an entry of a tar."""

    path: Path
    offset: int
    size: int


@dataclass(frozen=True)
class InlineSource:
    """Bytes that are already here, such as a configuration kept in manifest.json."""

    data: bytes = field(repr=False)

    @property
    def size(self) -> int:
        return len(self.data)


Source = FileSource | InlineSource


class BlobReader:
    """Positioned reads of one source; closes its file."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._buffer = memoryview(b"")
        self._file = os.open(source.path, os.O_RDONLY | os.O_CLOEXEC) if isinstance(source, FileSource) else -1

    def __enter__(self) -> BlobReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file >= 0:
            os.close(self._file)

    def read(self, offset: int, length: int) -> bytes:
        """Bytes from `offset`, never past the source's end; CutShort when the file became shorter."""
        length = min(length, self._source.size - offset)
        if isinstance(self._source, InlineSource):
            return self._source.data[offset : offset + length]
        data = os.pread(self._file, length, self._source.offset + offset)
        if len(data) < length:
            data += self._rest(self._source, offset + len(data), length - len(data))
        return data

    def read_view(self, offset: int, length: int) -> memoryview:
        """As `read`, in a buffer that the next call uses again: it stays in the processor's cache."""
        length = max(min(length, self._source.size - offset), 0)
        if isinstance(self._source, InlineSource):
            return memoryview(self._source.data)[offset : offset + length]
        if len(self._buffer) < length:
            self._buffer = memoryview(bytearray(length))
        view = self._buffer[:length]
        done = os.preadv(self._file, [view], self._source.offset + offset)
        if done < length:
            view[done:] = self._rest(self._source, offset + done, length - done)
        return view

    def place(self, offset: int) -> tuple[int, int] | None:
        """File descriptor and offset in it; None for bytes that are in memory."""
        return (self._file, self._source.offset + offset) if isinstance(self._source, FileSource) else None

    def _rest(self, source: FileSource, offset: int, length: int) -> bytes:
        """A short read: go on until all is read, or say that the file is cut short."""
        parts: list[bytes] = []
        while length:
            part = os.pread(self._file, length, source.offset + offset)
            if not part:
                raise cut_short(source.path, f"{source.offset}+{source.size}", length)
            parts.append(part)
            offset, length = offset + len(part), length - len(part)
        return b"".join(parts)

    def blocks(self) -> Iterator[bytes]:
        offset = 0
        while offset < self._source.size:
            block = self.read(offset, BLOCK)
            offset += len(block)
            yield block


@dataclass(frozen=True)
class Descriptor:
    """What a manifest says of a blob or of another manifest."""

    digest: str
    size: int
    media_type: str

    @property
    def is_foreign(self) -> bool:
        """Layers that are not distributed: archives leave them out on purpose."""
        return "nondistributable" in self.media_type or ".foreign." in self.media_type


@dataclass(frozen=True)
class Blob:
    """Content with its digest and the place of its bytes."""

    digest: str
    size: int
    media_type: str
    source: Source

    @property
    def file(self) -> str:
        """The file that holds it, for messages."""
        return str(self.source.path) if isinstance(self.source, FileSource) else ""


@dataclass(frozen=True)
class Manifest:
    """An image's or an index's manifest, byte for byte as its digest says."""

    digest: str
    media_type: str
    raw: bytes = field(repr=False)
    blobs: tuple[Descriptor, ...] = ()  #: configuration first, then layers
    children: tuple[Descriptor, ...] = ()  #: of an index


@dataclass(frozen=True)
class Image:
    """One thing to put under a repository, relative to the project, with its tags."""

    repository: str
    tags: tuple[str, ...]
    digest: str
    origin: str  #: where it came from, e.g. registry/repository@sha256:...; never contacted


@dataclass(frozen=True)
class MissingContent:
    """A blob or child manifest that an image names and no archive holds."""

    digest: str
    size: int
    needed_by: str


@dataclass(frozen=True)
class Archive:
    """What one archive holds. `blobs` are unique by digest."""

    path: Path
    kind: str  #: imgpkg, oci-layout or docker-archive
    images: tuple[Image, ...] = field(repr=False)
    manifests: Mapping[str, Manifest] = field(repr=False)
    blobs: Mapping[str, Blob] = field(repr=False)
    missing: tuple[MissingContent, ...] = ()
    root: str = ""  #: digest of the root bundle, if it is an archive of a bundle
    tag: str = ""  #: the root's own tag
    origin: str = ""  #: registry host and path that the images came from

    @property
    def total_bytes(self) -> int:
        """Unique bytes of all blobs; manifests are not counted."""
        return sum(blob.size for blob in self.blobs.values())

    def placed_at(self, repository: str, tag: str = "") -> Archive:
        """The same archive with all images in `repository`; `tag` replaces the root's own tag."""
        retag = {self.tag: tag} if tag and self.tag else {}
        images = tuple(
            replace(image, repository=repository, tags=tuple(retag.get(name, name) for name in image.tags))
            for image in self.images
        )
        return replace(self, images=images, tag=tag or self.tag)
