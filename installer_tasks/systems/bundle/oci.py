"""Reader of OCI image layouts, as a folder and as a tar.

An index may name children that were left out on purpose (one platform of many); `missing` says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from installer_tasks.systems.bundle.errors import damaged, unsafe
from installer_tasks.systems.bundle.manifests import (
    MAX_MANIFEST,
    is_digest,
    missing_content,
    parse_json,
    parse_manifest,
)
from installer_tasks.systems.bundle.model import Archive, Blob, BlobReader, Descriptor, FileSource, Image, Manifest
from installer_tasks.systems.bundle.tar import REGULAR, Entry, read_entries

LAYOUT_FILE = "oci-layout"
INDEX_FILE = "index.json"
REF_NAME = "org.opencontainers.image.ref.name"
CONTAINERD_NAME = "io.containerd.image.name"
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")

Locate = Callable[[str], FileSource | None]


@dataclass
class _Reading:
    path: Path
    locate: Locate  #: name inside the layout → its bytes
    manifests: dict[str, Manifest] = field(default_factory=dict)
    blobs: dict[str, Blob] = field(default_factory=dict)


def read_oci_folder(path: Path) -> Archive:
    """The layout in folder `path`."""

    def locate(name: str) -> FileSource | None:
        file = path / name
        if file.is_symlink():
            raise unsafe(path, name, "symbolic link")
        return FileSource(file, 0, file.stat().st_size) if file.is_file() else None

    return _read(_Reading(path, locate))


def read_oci_tar(path: Path, entries: Mapping[str, Entry] | None = None) -> Archive:
    """The layout in the tar at `path`; indexed once, nothing is unpacked."""
    found = read_entries(path) if entries is None else entries

    def locate(name: str) -> FileSource | None:
        entry = found.get(name)
        if entry is not None and entry.kind != REGULAR:
            raise unsafe(path, name, entry.kind)
        return entry.source if entry is not None else None

    return _read(_Reading(path, locate))


def _read(reading: _Reading) -> Archive:
    index = parse_json(reading.path, INDEX_FILE, _small(reading, INDEX_FILE))
    entries = index.get("manifests") if isinstance(index, dict) else None
    if not isinstance(entries, list):
        raise damaged(reading.path, f"{INDEX_FILE} names no manifests")
    images: dict[str, Image] = {}
    for entry in entries:
        _add_image(reading, images, entry)
    return Archive(
        path=reading.path,
        kind="oci-layout",
        images=tuple(images.values()),
        manifests=reading.manifests,
        blobs=reading.blobs,
        missing=missing_content(reading.manifests, reading.blobs),
        origin=next((image.repository for image in images.values() if image.repository), ""),
    )


def _add_image(reading: _Reading, images: dict[str, Image], entry: object) -> None:
    """One entry of the index; several entries with one digest are tags of one image."""
    if not isinstance(entry, dict) or not is_digest(entry.get("digest")):
        raise damaged(reading.path, f"{INDEX_FILE} holds an entry without digest")
    digest = str(entry["digest"])
    # The stated size is not needed: the blob is read whole and its digest checked.
    _read_manifest(reading, Descriptor(digest, 0, str(entry.get("mediaType") or "")))
    if digest not in reading.manifests:
        raise damaged(reading.path, f"{INDEX_FILE} names {digest}, which is absent")
    annotations = entry.get("annotations")
    repository, tag = _name(annotations if isinstance(annotations, dict) else {})
    before = images.get(f"{repository}@{digest}", Image(repository, (), digest, repository))
    tags = (*before.tags, tag) if tag and tag not in before.tags else before.tags
    images[f"{repository}@{digest}"] = Image(repository, tags, digest, before.origin)


def _name(annotations: Mapping[str, Any]) -> tuple[str, str]:
    """Repository and tag that the annotations give; either may be empty."""
    for key in (CONTAINERD_NAME, REF_NAME):
        value = annotations.get(key)
        if isinstance(value, str) and ("/" in value or ":" in value):
            name, _, tag = value.partition("@")[0].rpartition(":")
            if name and "/" not in tag:
                return name, tag if _TAG.fullmatch(tag) else ""
            return value.partition("@")[0], ""
    value = annotations.get(REF_NAME)
    return "", value if isinstance(value, str) and _TAG.fullmatch(value) else ""


def _read_manifest(reading: _Reading, descriptor: Descriptor, depth: int = 0) -> None:
    """Keep the manifest and everything below it. One that is absent is not kept."""
    name = _blob_name(descriptor.digest)
    if descriptor.digest in reading.manifests or reading.locate(name) is None:
        return
    if depth > 8:
        raise damaged(reading.path, "indexes nested too deeply")
    manifest = parse_manifest(reading.path, _small(reading, name), descriptor.digest, descriptor.media_type)
    reading.manifests[manifest.digest] = manifest
    for child in manifest.children:
        _read_manifest(reading, child, depth + 1)
    for blob in manifest.blobs:
        source = reading.locate(_blob_name(blob.digest))
        if source is not None and source.size != blob.size:
            raise damaged(reading.path, f"size of {blob.digest}", str(blob.size), str(source.size))
        if source is not None:
            reading.blobs.setdefault(blob.digest, Blob(blob.digest, blob.size, blob.media_type, source))


def _blob_name(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"


def _small(reading: _Reading, name: str) -> bytes:
    source = reading.locate(name)
    if source is None or source.size > MAX_MANIFEST:
        raise damaged(reading.path, f"{name} is absent" if source is None else f"{name} is too large")
    with BlobReader(source) as reader:
        return reader.read(0, source.size)
