"""Reader of what `docker save` wrote before version 25, `podman save` and crane write: manifest.json over layers.

The original manifests are not in such an archive, so new ones are made, and an image's digest differs from the one
that its source registry had. Layers go up as they lie there: the digest of an uncompressed layer is its diffID, so
nothing is packed or written to disk. Newer archives are OCI layouts too and are read as such, with their digests.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from installer_tasks.systems.bundle.errors import damaged, unsafe
from installer_tasks.systems.bundle.manifests import digest_of, is_digest, missing_content, parse_json
from installer_tasks.systems.bundle.model import (
    OCI_MANIFEST,
    Archive,
    Blob,
    BlobReader,
    Descriptor,
    FileSource,
    Image,
    Manifest,
)
from installer_tasks.systems.bundle.tar import FOLDER, REGULAR, Entry, read_entries, read_small

INDEX_FILE = "manifest.json"
MAX_INDEX_FILE = 64 << 20
MAX_CONFIG = 4 << 20
MAX_LINKS = 8
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
_MAGIC = {b"\x1f\x8b": "+gzip", b"\x28\xb5\x2f\xfd": "+zstd"}


@dataclass
class _Reading:
    path: Path
    entries: Mapping[str, Entry]
    manifests: dict[str, Manifest] = field(default_factory=dict)
    blobs: dict[str, Blob] = field(default_factory=dict)
    packed: dict[FileSource, str] = field(default_factory=dict)  #: digests of compressed layers, each hashed once


def is_docker_archive(entries: Mapping[str, Entry]) -> bool:
    """Whether these entries have a manifest.json beside layers; its content decides."""
    return INDEX_FILE in entries and any(name.endswith((".tar", ".tar.gz")) for name in entries)


def read_docker_archive(path: Path, entries: Mapping[str, Entry] | None = None) -> Archive:
    """The archive at `path`; Damaged when its layers are not what its configurations say."""
    reading = _Reading(path, read_entries(path, links=True) if entries is None else entries)
    listing = parse_json(path, INDEX_FILE, read_small(_entry(reading, INDEX_FILE), MAX_INDEX_FILE))
    if not isinstance(listing, list):
        raise damaged(path, f"{INDEX_FILE} is not a list")
    images = tuple(image for element in listing for image in _read_element(reading, element))
    return Archive(
        path=path,
        kind="docker-archive",
        images=images,
        manifests=reading.manifests,
        blobs=reading.blobs,
        missing=missing_content(reading.manifests, reading.blobs),
        origin=next((image.origin for image in images if image.origin), ""),
    )


def _read_element(reading: _Reading, element: object) -> list[Image]:
    """One image under each of its names; one without a name is pushed by digest."""
    if not isinstance(element, dict) or not isinstance(element.get("Config"), str):
        raise damaged(reading.path, f"{INDEX_FILE} holds an element that is no image")
    layers, names = element.get("Layers") or [], element.get("RepoTags") or []
    if not _all_text(layers) or not _all_text(names):
        raise damaged(reading.path, f"{INDEX_FILE} holds an element that is no image")
    config = _read_config(reading, element["Config"])
    digest = _make_manifest(reading, config, _read_layers(reading, config, layers))
    tags: dict[str, list[str]] = {}
    for name in names:
        repository, _, tag = name.rpartition(":")
        tags.setdefault(repository or tag, []).append(tag if repository else "latest")
    return [Image(name, tuple(own), digest, name) for name, own in tags.items()] or [Image("", (), digest, "")]


def _all_text(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(entry, str) for entry in value)


def _read_config(reading: _Reading, name: str) -> Blob:
    entry = _entry(reading, name)
    blob = Blob(digest_of(read_small(entry, MAX_CONFIG)), entry.source.size, OCI_CONFIG, entry.source)
    stem = name.rpartition("/")[2].removesuffix(".json").removeprefix("sha256:")
    if is_digest(f"sha256:{stem}") and blob.digest != f"sha256:{stem}":
        raise damaged(reading.path, f"configuration {name}", f"sha256:{stem}", blob.digest)
    return reading.blobs.setdefault(blob.digest, blob)


def _read_layers(reading: _Reading, config: Blob, names: list[str]) -> list[Blob]:
    with BlobReader(config.source) as reader:
        document: Any = parse_json(reading.path, "configuration", reader.read(0, config.size))
    rootfs = document.get("rootfs") if isinstance(document, dict) else None
    diff_ids = rootfs.get("diff_ids") if isinstance(rootfs, dict) else None
    if not isinstance(diff_ids, list) or len(diff_ids) != len(names) or not all(map(is_digest, diff_ids)):
        raise damaged(reading.path, f"configuration {config.digest} names other layers than {INDEX_FILE}")
    return [_read_layer(reading, name, diff_id) for name, diff_id in zip(names, diff_ids, strict=True)]


def _read_layer(reading: _Reading, name: str, diff_id: str) -> Blob:
    """The layer as it lies there. Names lie about compression; the first bytes do not."""
    source = _entry(reading, name).source
    with BlobReader(source) as reader:
        start = reader.read(0, 4)
    packing = next((suffix for magic, suffix in _MAGIC.items() if start.startswith(magic)), "")
    digest = _packed_digest(reading, source) if packing else diff_id
    return reading.blobs.setdefault(digest, Blob(digest, source.size, LAYER + packing, source))


def _packed_digest(reading: _Reading, source: FileSource) -> str:
    if source not in reading.packed:
        checksum = hashlib.sha256()
        with BlobReader(source) as reader:
            for block in reader.blocks():
                checksum.update(block)
        reading.packed[source] = f"sha256:{checksum.hexdigest()}"
    return reading.packed[source]


def _entry(reading: _Reading, name: str) -> Entry:
    """The entry of this name; a link is followed inside the archive only, and not for ever."""
    asked = name
    for _step in range(MAX_LINKS):
        entry = reading.entries.get(name)
        if entry is None:
            raise damaged(reading.path, f"{asked} is absent")
        if entry.kind == REGULAR:
            return entry
        if entry.kind == FOLDER:
            raise unsafe(reading.path, asked, entry.kind)
        name = _joined(name, entry)
    raise unsafe(reading.path, asked, "links in a circle")


def _joined(name: str, entry: Entry) -> str:
    """Where a link points: hard links from the top of the archive, symbolic ones from their own folder."""
    parts = [] if entry.kind == "hard link" else name.split("/")[:-1]
    for part in entry.link.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


def _make_manifest(reading: _Reading, config: Blob, layers: list[Blob]) -> str:
    blobs = tuple(Descriptor(blob.digest, blob.size, blob.media_type) for blob in (config, *layers))
    described = [{"mediaType": blob.media_type, "digest": blob.digest, "size": blob.size} for blob in blobs]
    document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": described[0], "layers": described[1:]}
    raw = json.dumps(document, separators=(",", ":")).encode()
    manifest = Manifest(digest_of(raw), OCI_MANIFEST, raw, blobs)
    reading.manifests[manifest.digest] = manifest
    return manifest.digest
