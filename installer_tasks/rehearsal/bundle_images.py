"""Practice images as values: layers with content that depends on their name alone, manifests, multi-platform indexes.

The same name and size give the same bytes on every machine: content comes from SHAKE-256, and gzip is written without
compression, because compression libraries differ in their output.
"""

from __future__ import annotations

import hashlib
import io
import json
import struct
import tarfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"

CREATED = "2025-06-17T00:00:00Z"
_STORED_BLOCK = 0xFFFF


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@dataclass(frozen=True)
class Layer:
    """A gzipped tar."""

    content: bytes = field(repr=False)
    digest: str
    diff_id: str

    @property
    def size(self) -> int:
        return len(self.content)


@dataclass(frozen=True)
class Image:
    """An image for one platform; `manifest` and `config` are the bytes themselves."""

    repository: str  #: host and path it comes from
    manifest: bytes = field(repr=False)
    manifest_type: str
    config: bytes = field(repr=False)
    layers: tuple[Layer, ...]
    layer_type: str
    tag: str = ""

    @property
    def digest(self) -> str:
        return digest_of(self.manifest)

    @property
    def reference(self) -> str:
        return f"{self.repository}@{self.digest}"


@dataclass(frozen=True)
class Index:
    """Images of one name for several platforms."""

    repository: str
    manifest: bytes = field(repr=False)
    images: tuple[Image, ...]
    tag: str = ""

    @property
    def digest(self) -> str:
        return digest_of(self.manifest)

    @property
    def reference(self) -> str:
        return f"{self.repository}@{self.digest}"


Element = Image | Index


def practice_bytes(name: str, count: int) -> bytes:
    """Bytes that look random and depend on the name alone."""
    return hashlib.shake_256(name.encode()).digest(count)


def write_tar(stream: BinaryIO, files: Iterable[tuple[str, bytes]]) -> None:
    """A plain tar with nothing of this machine in it; ends after two empty records as Go's do, without padding."""
    for name, content in files:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        entry.mode = 0o644
        stream.write(entry.tobuf(tarfile.USTAR_FORMAT))
        stream.write(content)
        stream.write(bytes(-len(content) % tarfile.BLOCKSIZE))
    stream.write(bytes(2 * tarfile.BLOCKSIZE))


def make_layer(files: Mapping[str, bytes]) -> Layer:
    archive = io.BytesIO()
    write_tar(archive, files.items())
    plain = archive.getvalue()
    packed = stored_gzip(plain)
    return Layer(packed, digest_of(packed), digest_of(plain))


def random_layer(name: str, size: int) -> Layer:
    """A layer with one file of this many bytes."""
    return make_layer({f"usr/share/practice/{name.replace(':', '-')}": practice_bytes(name, size)})


def stored_gzip(plain: bytes) -> bytes:
    """gzip with stored blocks, no name and no time: the same bytes whatever the zlib of this machine is."""
    body = bytearray(b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff")
    for start in range(0, max(len(plain), 1), _STORED_BLOCK):
        block = plain[start : start + _STORED_BLOCK]
        last = start + _STORED_BLOCK >= len(plain)
        body += struct.pack("<BHH", last, len(block), len(block) ^ 0xFFFF) + block
    return bytes(body + struct.pack("<II", zlib.crc32(plain), len(plain) & 0xFFFFFFFF))


def make_image(
    repository: str,
    layers: Sequence[Layer],
    *,
    tag: str = "",
    architecture: str = "amd64",
    labels: Mapping[str, str] | None = None,
    docker: bool = False,
) -> Image:
    """Docker's manifests are indented, OCI's are not: whoever writes them anew changes their digest."""
    config = _config(layers, architecture, labels or {})
    manifest_type, config_type, layer_type = (
        (DOCKER_MANIFEST, DOCKER_CONFIG, DOCKER_LAYER) if docker else (OCI_MANIFEST, OCI_CONFIG, OCI_LAYER)
    )
    document = {
        "schemaVersion": 2,
        "mediaType": manifest_type,
        "config": {"mediaType": config_type, "size": len(config), "digest": digest_of(config)},
        "layers": [{"mediaType": layer_type, "size": layer.size, "digest": layer.digest} for layer in layers],
    }
    manifest = json.dumps(document, indent=3).encode() if docker else compact_json(document)
    return Image(repository, manifest, manifest_type, config, tuple(layers), layer_type, tag)


def make_index(repository: str, images: Mapping[str, Image], *, tag: str = "") -> Index:
    """`images` by architecture."""
    entries = [
        {
            "mediaType": image.manifest_type,
            "digest": image.digest,
            "size": len(image.manifest),
            "platform": {"architecture": architecture, "os": "linux"},
        }
        for architecture, image in images.items()
    ]
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}
    return Index(repository, compact_json(document), tuple(images.values()), tag)


def compact_json(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def _config(layers: Sequence[Layer], architecture: str, labels: Mapping[str, str]) -> bytes:
    document = {
        "architecture": architecture,
        "os": "linux",
        "created": CREATED,
        "config": {"Labels": dict(labels)} if labels else {},
        "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
        "history": [{"created": CREATED, "created_by": "practice"} for _ in layers],
    }
    return compact_json(document)
