"""Manifests as they are: bytes checked against their digest, then read for what they name."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from installer_tasks.systems.bundle.errors import damaged
from installer_tasks.systems.bundle.model import (
    DOCKER_INDEX,
    DOCKER_MANIFEST,
    OCI_INDEX,
    OCI_MANIFEST,
    Blob,
    Descriptor,
    Manifest,
    MissingContent,
)

MEDIA_TYPES = (DOCKER_MANIFEST, DOCKER_INDEX, OCI_MANIFEST, OCI_INDEX)
MAX_MANIFEST = 4 << 20  #: what registries accept
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def is_digest(text: object) -> bool:
    return isinstance(text, str) and _DIGEST.fullmatch(text) is not None


def new_hash(digest: str) -> hashlib._Hash:
    """The hash that `digest` names, empty."""
    return hashlib.new(digest.partition(":")[0], usedforsecurity=False)


def check_digest(path: Path, what: str, data: bytes, digest: str) -> None:
    if not is_digest(digest):
        raise damaged(path, f"{what}: {digest[:80]!r} is not a digest")
    checksum = new_hash(digest)
    checksum.update(data)
    found = f"{digest.partition(':')[0]}:{checksum.hexdigest()}"
    if found != digest:
        raise damaged(path, what, digest, found)


def parse_json(path: Path, what: str, data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise damaged(path, f"{what} is not JSON") from error


def parse_manifest(path: Path, raw: bytes, digest: str, media_type: str = "") -> Manifest:
    """The manifest in `raw`; Damaged when its digest or its form is wrong."""
    check_digest(path, f"manifest {digest}", raw, digest)
    document = parse_json(path, f"manifest {digest}", raw)
    if not isinstance(document, dict) or len(raw) > MAX_MANIFEST:
        raise damaged(path, f"manifest {digest} is not a manifest")
    children = tuple(_descriptor(path, digest, entry) for entry in _list(path, digest, document, "manifests"))
    layers = tuple(_descriptor(path, digest, entry) for entry in _list(path, digest, document, "layers"))
    config = (_descriptor(path, digest, document["config"]),) if "config" in document else ()
    if not config and "manifests" not in document:
        raise damaged(path, f"manifest {digest} is of a kind that registries no longer take")
    media_type = _media_type(path, document, media_type)
    return Manifest(digest, media_type, raw, config + layers, children)


def _media_type(path: Path, document: Mapping[str, Any], stated: str) -> str:
    """What the manifest says of itself, then what the archive says, then what its form says."""
    own = document.get("mediaType") or stated
    if not own:
        own = OCI_INDEX if "manifests" in document else OCI_MANIFEST
    if own not in MEDIA_TYPES:
        raise damaged(path, f"a manifest of unknown media type {str(own)[:100]!r}")
    return str(own)


def _list(path: Path, digest: str, document: Mapping[str, Any], key: str) -> list[Any]:
    value = document.get(key) or []
    if not isinstance(value, list):
        raise damaged(path, f"manifest {digest}: {key} is not a list")
    return value


def _descriptor(path: Path, digest: str, entry: object) -> Descriptor:
    if not isinstance(entry, dict):
        raise damaged(path, f"manifest {digest}: a descriptor is not an object")
    size, media_type = entry.get("size"), entry.get("mediaType", "")
    if not is_digest(entry.get("digest")) or type(size) is not int or size < 0 or not isinstance(media_type, str):
        raise damaged(path, f"manifest {digest}: a descriptor without digest or size")
    return Descriptor(entry["digest"], size, media_type)


def missing_content(manifests: Mapping[str, Manifest], blobs: Mapping[str, Blob]) -> tuple[MissingContent, ...]:
    """What the manifests name and neither `manifests` nor `blobs` hold; foreign layers may be absent."""
    found: dict[str, MissingContent] = {}
    for manifest in manifests.values():
        absent: Iterable[Descriptor] = (
            *(blob for blob in manifest.blobs if blob.digest not in blobs and not blob.is_foreign),
            *(child for child in manifest.children if child.digest not in manifests),
        )
        for entry in absent:
            found.setdefault(entry.digest, MissingContent(entry.digest, entry.size, manifest.digest))
    return tuple(found.values())
