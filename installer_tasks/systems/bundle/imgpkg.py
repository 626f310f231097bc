"""Reader of the tar that `imgpkg copy --to-tar` writes: manifest.json first, then each layer once, named by digest.

Manifests and configurations are strings inside manifest.json and are kept byte for byte. Layers are found at their
offset in the tar; their bytes are verified when they are sent, or by `verify`, because an interrupted imgpkg leaves a
tar of the right size with zeros in it. What imgpkg would put into the registry from such a tar is what `Archive.images`
lists: every element under `sha256-<hex>.imgpkg`, the root under its own tag too, and for each bundle an image of
locations.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from installer_tasks.systems.bundle import lock
from installer_tasks.systems.bundle.errors import damaged, not_a_bundle
from installer_tasks.systems.bundle.manifests import check_digest, missing_content, parse_json, parse_manifest
from installer_tasks.systems.bundle.model import Archive, Blob, Descriptor, Image, InlineSource, Manifest
from installer_tasks.systems.bundle.tar import Entry, read_entries, read_small
from installer_tasks.text import mark as _
from installer_tasks.text import text

INDEX_FILE = "manifest.json"
MAX_INDEX_FILE = 256 << 20
ROOT_LABEL = "dev.carvel.imgpkg.copy.root-bundle"


@dataclass(frozen=True)
class _Element:
    """One top entry of manifest.json."""

    digest: str
    origin: str
    tag: str
    is_root: bool


@dataclass
class _Reading:
    """What has been read so far of one tar."""

    path: Path
    entries: Mapping[str, Entry]
    manifests: dict[str, Manifest] = field(default_factory=dict)
    blobs: dict[str, Blob] = field(default_factory=dict)
    elements: list[_Element] = field(default_factory=list)


def is_imgpkg_tar(entries: Mapping[str, Entry]) -> bool:
    """Whether these are the entries of an imgpkg tar: manifest.json and layers by digest, nothing else."""
    layers = [name for name in entries if name != INDEX_FILE]
    return INDEX_FILE in entries and all(name.startswith("sha256-") and name.endswith(".tar.gz") for name in layers)


def read_imgpkg_tar(path: Path, entries: Mapping[str, Entry] | None = None) -> Archive:
    """The archive at `path`. Content that is absent is listed in `missing`; a tar cut short raises CutShort."""
    reading = _Reading(path, entries if entries is not None else read_entries(path))
    if INDEX_FILE not in reading.entries:
        raise not_a_bundle(path, text(_("%(file)s is not an image archive."), file=path.name))
    for element in _elements(reading):
        _read_element(reading, element)
    return _archive(reading)


def _elements(reading: _Reading) -> list[Any]:
    raw = read_small(reading.entries[INDEX_FILE], MAX_INDEX_FILE)
    document = parse_json(reading.path, INDEX_FILE, raw)
    if not isinstance(document, list):
        raise damaged(reading.path, f"{INDEX_FILE} is not a list")
    return document


def _read_element(reading: _Reading, element: object) -> None:
    content = element.get("Image") or element.get("ImageIndex") if isinstance(element, dict) else None
    if not isinstance(content, dict) or not isinstance(element, dict):
        raise damaged(reading.path, f"{INDEX_FILE} holds an element that is no image")
    digest = _read_image(reading, content) if element.get("Image") else _read_index(reading, content)
    labels = content.get("Labels") or {}
    if not isinstance(labels, dict):
        raise damaged(reading.path, f"{INDEX_FILE} holds labels that are none")
    reading.elements.append(
        _Element(digest, _origin(reading.path, content), str(content.get("Tag") or ""), ROOT_LABEL in labels)
    )


def _read_image(reading: _Reading, image: Mapping[str, Any]) -> str:
    """Keep the image's manifest, configuration and layers; its digest."""
    stated, config = _object(reading, image, "Manifest"), _object(reading, image, "Config")
    manifest = _keep_manifest(reading, stated)
    data = _raw(reading, config)
    check_digest(reading.path, f"configuration {config.get('Digest')}", data, str(config.get("Digest")))
    for descriptor in manifest.blobs:
        if descriptor.digest == config["Digest"]:
            _keep_blob(
                reading, Blob(descriptor.digest, len(data), descriptor.media_type, InlineSource(data)), descriptor
            )
        else:
            _keep_layer(reading, descriptor)
    return manifest.digest


def _read_index(reading: _Reading, index: Mapping[str, Any], depth: int = 0) -> str:
    """Keep the index and all that it holds; its digest."""
    if depth > 8:
        raise damaged(reading.path, "indexes nested too deeply")
    for image in _children(reading, index, "Images"):
        _read_image(reading, image)
    for nested in _children(reading, index, "Indexes"):
        _read_index(reading, nested, depth + 1)
    return _keep_manifest(reading, index).digest


def _children(reading: _Reading, index: Mapping[str, Any], key: str) -> Iterator[Mapping[str, Any]]:
    entries = index.get(key) or []
    if not isinstance(entries, list):
        raise damaged(reading.path, f"{INDEX_FILE}: {key} is not a list")
    for entry in entries:
        # an index's children are wrapped like top elements by some versions and bare in others
        content = entry.get("Image") or entry.get("ImageIndex") or entry if isinstance(entry, dict) else None
        if not isinstance(content, dict):
            raise damaged(reading.path, f"{INDEX_FILE}: {key} holds something that is no image")
        yield content


def _keep_manifest(reading: _Reading, stated: Mapping[str, Any]) -> Manifest:
    digest = str(stated.get("Digest"))
    if digest not in reading.manifests:
        raw, media_type = _raw(reading, stated), str(stated.get("MediaType") or "")
        reading.manifests[digest] = parse_manifest(reading.path, raw, digest, media_type)
    return reading.manifests[digest]


def _keep_layer(reading: _Reading, descriptor: Descriptor) -> None:
    """A layer that is absent is not kept; `missing` names it then, unless it is foreign."""
    entry = reading.entries.get(f"{descriptor.digest.replace(':', '-')}.tar.gz")
    if entry is not None:
        blob = Blob(descriptor.digest, entry.source.size, descriptor.media_type, entry.source)
        _keep_blob(reading, blob, descriptor)


def _keep_blob(reading: _Reading, blob: Blob, descriptor: Descriptor) -> None:
    if blob.size != descriptor.size:
        raise damaged(reading.path, f"size of {blob.digest}", str(descriptor.size), str(blob.size))
    reading.blobs.setdefault(blob.digest, blob)


def _object(reading: _Reading, image: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = image.get(key)
    if not isinstance(value, dict):
        raise damaged(reading.path, f"{INDEX_FILE}: an image without {key}")
    return value


def _raw(reading: _Reading, stated: Mapping[str, Any]) -> bytes:
    raw = stated.get("Raw")
    if not isinstance(raw, str):
        raise damaged(reading.path, f"{INDEX_FILE}: {stated.get('Digest')} without its bytes")
    return raw.encode("utf-8", "surrogatepass")


def _origin(path: Path, content: Mapping[str, Any]) -> str:
    refs = content.get("Refs") or [content.get("OrigRef") or ""]
    if not isinstance(refs, list) or not refs or not isinstance(refs[0], str):
        raise damaged(path, f"{INDEX_FILE}: an image without its reference")
    return refs[0]


def _archive(reading: _Reading) -> Archive:
    missing = missing_content(reading.manifests, reading.blobs)
    bundles = lock.read_bundles(reading.path, reading.manifests, reading.blobs)
    root = _root(reading, bundles)
    images = [_image(element) for element in reading.elements]
    for made in lock.locations_images(bundles, reading.manifests):
        reading.manifests[made.manifest.digest] = made.manifest
        reading.blobs.update({blob.digest: blob for blob in made.blobs})
        images.append(Image("", (made.tag,), made.manifest.digest, ""))
    return Archive(
        path=reading.path,
        kind="imgpkg",
        images=tuple(images),
        manifests=reading.manifests,
        blobs=reading.blobs,
        missing=missing,
        root=root.digest if root else "",
        tag=root.tag if root else "",
        origin=repository_of(root.origin) if root else "",
    )


def _image(element: _Element) -> Image:
    own = f"{element.digest.replace(':', '-')}.imgpkg"
    return Image("", (own, element.tag) if element.tag else (own,), element.digest, element.origin)


def _root(reading: _Reading, bundles: Mapping[str, lock.Bundle]) -> _Element | None:
    """The labelled root; else the only bundle that no other bundle names; else the first element."""
    labelled = [element for element in reading.elements if element.is_root]
    named = {entry.digest for bundle in bundles.values() for entry in bundle.images}
    tops = [element for element in reading.elements if element.digest in bundles and element.digest not in named]
    tagged = [element for element in reading.elements if element.tag]
    candidates = labelled or (tops if len(tops) == 1 else []) or tagged or reading.elements
    return candidates[0] if candidates else None


def repository_of(reference: str) -> str:
    """`host/path` of a reference, without its digest and tag."""
    name = reference.partition("@")[0]
    head, slash, last = name.rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}"
