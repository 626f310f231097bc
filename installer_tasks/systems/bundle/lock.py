"""What a Carvel bundle says of itself (.imgpkg/images.yml, packages/), and the images of locations made from it.

`imgpkg copy` pushes beside each bundle a small image tagged `sha256-<bundle hex>.image-locations.imgpkg`; it is a cache
of "all of these are in this repository" that spares later pulls a question for each image. Format: imgpkg's
pkg/imgpkg/bundle/locations_config.go. Ours is stored uncompressed inside gzip, so that its digest does not depend on
the compression library of this machine.
"""

from __future__ import annotations

import hashlib
import io
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from installer_tasks.systems.bundle.errors import damaged
from installer_tasks.systems.bundle.manifests import digest_of, is_digest, parse_json
from installer_tasks.systems.bundle.model import (
    DOCKER_CONFIG,
    DOCKER_LAYER,
    DOCKER_MANIFEST,
    Blob,
    BlobReader,
    Descriptor,
    InlineSource,
    Manifest,
)

BUNDLE_LABEL = "dev.carvel.imgpkg.bundle"
LOCK_FILE = ".imgpkg/images.yml"
MAX_BUNDLE_LAYER = 64 << 20  #: unpacked; a bundle holds configuration only
MAX_CONFIG = 4 << 20


@dataclass(frozen=True)
class LockedImage:
    """An entry of a bundle's ImagesLock."""

    image: str  #: as written, registry and repository of the source
    digest: str


@dataclass(frozen=True)
class Bundle:
    """A Carvel bundle: the images it names and the package versions it carries."""

    digest: str
    images: tuple[LockedImage, ...]
    packages: tuple[str, ...]  #: "<package name>/<version>", of a package repository
    fetched: tuple[LockedImage, ...] = ()  #: what those packages fetch, by digest


@dataclass(frozen=True)
class LocationsImage:
    """The image of locations of one bundle, ready to push."""

    tag: str
    manifest: Manifest
    blobs: tuple[Blob, ...]


def read_bundles(path: Path, manifests: Mapping[str, Manifest], blobs: Mapping[str, Blob]) -> dict[str, Bundle]:
    """The bundles among these manifests. One whose only layer is absent is left out; `missing` names it already."""
    bundles = {}
    for manifest in manifests.values():
        layers = [blob for blob in manifest.blobs[1:] if blob.digest in blobs]
        if len(layers) == 1 == len(manifest.blobs) - 1 and _is_bundle(path, blobs.get(manifest.blobs[0].digest)):
            bundles[manifest.digest] = _read_bundle(path, manifest.digest, blobs[layers[0].digest])
    return bundles


def read_file(
    path: Path, digest: str, manifests: Mapping[str, Manifest], blobs: Mapping[str, Blob], name: str
) -> bytes:
    """A file of the bundle with this digest; b"" when it is not in it."""
    import tarfile  # noqa: PLC0415 - start-up time of a push

    try:
        layer = blobs[manifests[digest].blobs[-1].digest]
        with tarfile.open(fileobj=io.BytesIO(_unpack(path, layer)), mode="r:") as archive:
            for member in archive:
                if member.name.removeprefix("./") == name and (file := archive.extractfile(member)):
                    return file.read()
    except (tarfile.TarError, ValueError, KeyError, IndexError, EOFError, OSError) as error:
        raise damaged(path, f"bundle {digest} has a layer that cannot be read") from error
    return b""


def _is_bundle(path: Path, config: Blob | None) -> bool:
    if config is None or config.size > MAX_CONFIG:
        return False
    with BlobReader(config.source) as reader:
        document = parse_json(path, f"configuration {config.digest}", reader.read(0, config.size))
    settings = document.get("config") if isinstance(document, dict) else None
    labels = settings.get("Labels") if isinstance(settings, dict) else None
    return isinstance(labels, dict) and labels.get(BUNDLE_LABEL) == "true"


def _read_bundle(path: Path, digest: str, layer: Blob) -> Bundle:
    import tarfile  # noqa: PLC0415 - most pushes read no bundle and start faster without

    import yaml  # noqa: PLC0415 - start-up time of a push

    names: list[str] = []
    fetched: list[LockedImage] = []
    lock: Any = None
    try:
        with tarfile.open(fileobj=io.BytesIO(_unpack(path, layer)), mode="r:") as archive:
            for member in archive:
                name = member.name.removeprefix("./")
                names.append(name)
                if name == LOCK_FILE and (file := archive.extractfile(member)):
                    lock = yaml.safe_load(file.read())
                elif _package_version(name) and (file := archive.extractfile(member)):
                    fetched += _fetched(file.read())
    except (tarfile.TarError, yaml.YAMLError, ValueError, KeyError, EOFError, OSError) as error:
        raise damaged(path, f"bundle {digest} has a layer that cannot be read") from error
    return Bundle(digest, _locked_images(path, digest, lock), _package_versions(names), tuple(fetched))


def _fetched(content: bytes) -> Iterator[LockedImage]:
    """The bundles that a Package document fetches by digest. One that is no YAML is judged where its values are."""
    import yaml  # noqa: PLC0415 - start-up time of a push

    try:
        documents = list(yaml.load_all(content, getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
        specs = [document["spec"]["template"]["spec"] for document in documents if document]
        fetches = [fetch for spec in specs for fetch in spec["fetch"]]
        references = [(fetch.get("imgpkgBundle") or fetch.get("image") or {}) for fetch in fetches]
        named = [str(reference.get("image") or reference.get("url") or "") for reference in references]
    except (yaml.YAMLError, KeyError, TypeError, AttributeError, ValueError):
        return
    for name in named:
        if is_digest(name.rpartition("@")[2]):
            yield LockedImage(name, name.rpartition("@")[2])


def _unpack(path: Path, layer: Blob) -> bytes:
    """The layer's tar; bounded, because a few kilobytes of gzip can hold gigabytes."""
    inflate = zlib.decompressobj(wbits=47)
    data = bytearray()
    checksum = hashlib.sha256()
    with BlobReader(layer.source) as reader:
        for block in reader.blocks():
            checksum.update(block)
            try:
                data += inflate.decompress(block, MAX_BUNDLE_LAYER + 1 - len(data))
            except zlib.error as error:
                raise damaged(path, f"layer {layer.digest} is not compressed as it says") from error
            if len(data) > MAX_BUNDLE_LAYER:
                raise damaged(path, f"bundle layer {layer.digest} is larger than {MAX_BUNDLE_LAYER} bytes")
    if layer.digest.startswith("sha256:") and checksum.hexdigest() != layer.digest[7:]:
        raise damaged(path, "a bundle layer", layer.digest, f"sha256:{checksum.hexdigest()}")
    return bytes(data)


def _locked_images(path: Path, digest: str, lock: object) -> tuple[LockedImage, ...]:
    if lock is None:
        return ()
    entries = lock.get("images") if isinstance(lock, dict) else None
    images = []
    for entry in entries or ():
        image = entry.get("image") if isinstance(entry, dict) else None
        if not isinstance(image, str) or not is_digest(image.rpartition("@")[2]):
            raise damaged(path, f"bundle {digest}: {LOCK_FILE} holds an image without digest")
        images.append(LockedImage(image, image.rpartition("@")[2]))
    return tuple(images)


def _package_versions(names: list[str]) -> tuple[str, ...]:
    return tuple(sorted({version for name in names if (version := _package_version(name))}))


def _package_version(name: str) -> str:
    """`<name>/<version>` of `packages/<name>/<version>.yml` in a package repository; nothing for other files."""
    parts = name.split("/")
    if len(parts) != 3 or parts[0] != "packages" or not parts[2].endswith((".yml", ".yaml")):
        return ""
    version = parts[2].rsplit(".", 1)[0]
    return f"{parts[1]}/{version}" if version != "metadata" else ""


def locations_images(bundles: Mapping[str, Bundle], manifests: Mapping[str, Manifest]) -> Iterator[LocationsImage]:
    """One for each bundle whose images are all here."""
    for bundle in bundles.values():
        if all(image.digest in manifests for image in bundle.images):
            yield _locations_image(bundle, bundles)


def _locations_image(bundle: Bundle, bundles: Mapping[str, Bundle]) -> LocationsImage:
    import gzip  # noqa: PLC0415 - start-up time of a push

    import yaml  # noqa: PLC0415 - start-up time of a push

    content = {
        "apiVersion": "imgpkg.carvel.dev/v1alpha1",
        "kind": "ImageLocations",
        "images": [{"image": image.image, "isBundle": image.digest in bundles} for image in bundle.images],
    }
    listing = b"---\n" + yaml.safe_dump(content, width=10_000).encode()
    layer = _one_file_tar("image-locations.yml", listing)
    packed = gzip.compress(layer, compresslevel=0, mtime=0)
    config = _json(
        {
            "architecture": "",
            "config": {},
            "created": "0001-01-01T00:00:00Z",
            "history": [{"created": "0001-01-01T00:00:00Z"}],
            "os": "",
            "rootfs": {"diff_ids": [digest_of(layer)], "type": "layers"},
        }
    )
    return _as_image(f"{bundle.digest.replace(':', '-')}.image-locations.imgpkg", config, packed)


def _as_image(tag: str, config: bytes, layer: bytes) -> LocationsImage:
    entries = (
        Descriptor(digest_of(config), len(config), DOCKER_CONFIG),
        Descriptor(digest_of(layer), len(layer), DOCKER_LAYER),
    )
    described = [{"digest": entry.digest, "mediaType": entry.media_type, "size": entry.size} for entry in entries]
    raw = _json({"config": described[0], "layers": described[1:], "mediaType": DOCKER_MANIFEST, "schemaVersion": 2})
    manifest = Manifest(digest_of(raw), DOCKER_MANIFEST, raw, entries)
    blobs = tuple(
        Blob(entry.digest, entry.size, entry.media_type, InlineSource(data))
        for entry, data in zip(entries, (config, layer), strict=True)
    )
    return LocationsImage(tag, manifest, blobs)


def _one_file_tar(name: str, data: bytes) -> bytes:
    import tarfile  # noqa: PLC0415 - start-up time of a push

    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:", format=tarfile.USTAR_FORMAT) as archive:
        member = tarfile.TarInfo(name)
        member.size, member.mode = len(data), 0o644
        archive.addfile(member, io.BytesIO(data))
    return file.getvalue()


def _json(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":"), sort_keys=True).encode()
