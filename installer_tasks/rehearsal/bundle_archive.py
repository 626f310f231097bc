"""Writes the tar that `imgpkg copy --to-tar` would: manifest.json first, then every layer once, sorted by digest.

An Image or ImageIndex element holds the exact bytes of its manifest and configuration as strings (`Raw`); only layers
are entries of their own, all named `.tar.gz`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from installer_tasks.rehearsal.bundle_images import (
    OCI_INDEX,
    Element,
    Image,
    Index,
    Layer,
    compact_json,
    digest_of,
    write_tar,
)

ROOT_LABEL = "dev.carvel.imgpkg.copy.root-bundle"


def write_imgpkg_tar(path: Path, elements: Iterable[Element], root: Element | None = None) -> None:
    """`root` is the bundle that was copied; the others came with it."""
    unique = {element.digest: element for element in elements}
    rows = sorted(
        (_sort_key(element), _element(element, is_root=root is not None and element.digest == root.digest))
        for element in unique.values()
    )
    layers = {layer.digest: layer for element in unique.values() for layer in _layers(element)}
    entries = [("manifest.json", compact_json([row for _key, row in rows]))]
    entries += [(f"{digest.replace(':', '-')}.tar.gz", layers[digest].content) for digest in sorted(layers)]
    with path.open("wb") as stream:
        write_tar(stream, entries)


def _layers(element: Element) -> Iterator[Layer]:
    images = (element,) if isinstance(element, Image) else element.images
    for image in images:
        yield from image.layers


def _sort_key(element: Element) -> str:
    if isinstance(element, Image):
        return f"{element.digest}/{digest_of(element.config)}"
    return element.digest


def _element(element: Element, *, is_root: bool) -> dict[str, Any]:
    labels = {ROOT_LABEL: ""} if is_root else None
    if isinstance(element, Image):
        return {"ImageIndex": None, "Image": _image(element, element.tag, element.reference, labels)}
    return {"ImageIndex": _index(element, labels), "Image": None}


def _index(index: Index, labels: dict[str, str] | None) -> dict[str, Any]:
    """Its images repeat tag, reference and labels."""
    return {
        "Refs": [index.reference],
        "Images": [_image(image, index.tag, index.reference, labels) for image in index.images],
        "Indexes": None,
        "MediaType": OCI_INDEX,
        "Digest": index.digest,
        "Raw": index.manifest.decode(),
        "Tag": index.tag,
        "OrigRef": _original(index.repository, index.tag, index.reference),
        "Labels": labels,
    }


def _image(image: Image, tag: str, reference: str, labels: dict[str, str] | None) -> dict[str, Any]:
    return {
        "Refs": [image.reference],
        "Layers": [
            {"MediaType": image.layer_type, "Digest": layer.digest, "DiffID": layer.diff_id, "Size": layer.size}
            for layer in image.layers
        ],
        "Config": {"Digest": digest_of(image.config), "Raw": image.config.decode()},
        "Manifest": {"MediaType": image.manifest_type, "Digest": image.digest, "Raw": image.manifest.decode()},
        "Tag": tag,
        "OrigRef": _original(image.repository, tag, reference),
        "Labels": labels,
    }


def _original(repository: str, tag: str, reference: str) -> str:
    """As it was asked for: by tag where there was one."""
    return f"{repository}:{tag}" if tag else reference
