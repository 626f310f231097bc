"""Writes small imgpkg tars and release folders for tests, in the format of imgpkg's source, deterministic by seed."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import random
import tarfile
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
ROOT_LABEL = "dev.carvel.imgpkg.copy.root-bundle"
VERSION = "1.4.1"


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def layer(seed: str, size: int) -> bytes:
    """A real layer: a gzipped tar with one file of `size` bytes that do not compress."""
    return file_layer({f"data/{seed}": random.Random(seed).randbytes(size)})


def file_layer(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return gzip.compress(buffer.getvalue(), compresslevel=1, mtime=0)


@dataclass
class MadeImage:
    """An image of layers, with what manifest.json says of it."""

    name: str  #: of the source: registry/repository
    layers: list[bytes]
    labels: dict[str, str] = field(default_factory=dict)
    tag: str = ""
    root: bool = False

    @cached_property
    def config(self) -> bytes:
        diff_ids = [digest(gzip.decompress(data)) if data[:2] == b"\x1f\x8b" else digest(data) for data in self.layers]
        document = {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Labels": self.labels},
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
        }
        return json.dumps(document).encode()

    @cached_property
    def manifest(self) -> bytes:
        def described(data: bytes, media_type: str) -> dict[str, Any]:
            return {"mediaType": media_type, "size": len(data), "digest": digest(data)}

        document = {
            "schemaVersion": 2,
            "mediaType": DOCKER_MANIFEST,
            "config": described(self.config, DOCKER_CONFIG),
            "layers": [described(data, DOCKER_LAYER) for data in self.layers],
        }
        return json.dumps(document, indent=3).encode()  # an unusual form: bytes must survive as they are

    @cached_property
    def digest(self) -> str:
        return digest(self.manifest)

    @property
    def reference(self) -> str:
        return f"{self.name}@{self.digest}"

    def element(self) -> dict[str, Any]:
        described = [
            {"MediaType": DOCKER_LAYER, "Digest": digest(data), "DiffID": "", "Size": len(data)} for data in self.layers
        ]
        return {
            "Refs": [self.reference],
            "Layers": described,
            "Config": {"Digest": digest(self.config), "Raw": self.config.decode()},
            "Manifest": {"MediaType": DOCKER_MANIFEST, "Digest": self.digest, "Raw": self.manifest.decode()},
            "Tag": self.tag,
            "OrigRef": f"{self.name}:{self.tag}" if self.tag else "",
            "Labels": {ROOT_LABEL: ""} if self.root else None,
        }


@dataclass
class MadeIndex:
    """A multi-platform index of images."""

    name: str
    images: list[MadeImage]
    tag: str = ""

    @cached_property
    def manifest(self) -> bytes:
        entries = [
            {"mediaType": DOCKER_MANIFEST, "size": len(image.manifest), "digest": image.digest} for image in self.images
        ]
        return json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}).encode()

    @cached_property
    def digest(self) -> str:
        return digest(self.manifest)

    @property
    def reference(self) -> str:
        return f"{self.name}@{self.digest}"

    def element(self) -> dict[str, Any]:
        return {
            "Refs": [self.reference],
            "Images": [image.element() for image in self.images],
            "Indexes": None,
            "MediaType": OCI_INDEX,
            "Digest": self.digest,
            "Raw": self.manifest.decode(),
            "Tag": self.tag,
            "OrigRef": "",
            "Labels": None,
        }


Made = MadeImage | MadeIndex


def bundle(
    name: str, images: list[Made], files: dict[str, bytes] | None = None, *, tag: str = "", root: bool = False
) -> MadeImage:
    """A Carvel bundle that locks `images`."""
    lock = {
        "apiVersion": "imgpkg.carvel.dev/v1alpha1",
        "kind": "ImagesLock",
        "images": [{"image": image.reference} for image in images],
    }
    content = {".imgpkg/images.yml": yaml.safe_dump(lock).encode(), **(files or {})}
    return MadeImage(name, [file_layer(content)], {"dev.carvel.imgpkg.bundle": "true"}, tag, root)


def layers_of(elements: list[Made]) -> dict[str, bytes]:
    """All layers by digest, in the order of their digests as imgpkg writes them."""
    images = [
        image for element in elements for image in (element.images if isinstance(element, MadeIndex) else [element])
    ]
    return dict(sorted({digest(data): data for image in images for data in image.layers}.items()))


def write_imgpkg_tar(path: Path, elements: list[Made], *, leave_out: str = "") -> Path:
    """The tar that `imgpkg copy --to-tar` would write; without the layer `leave_out`."""
    listing = [
        {"Image": None, "ImageIndex": element.element()}
        if isinstance(element, MadeIndex)
        else {"Image": element.element(), "ImageIndex": None}
        for element in elements
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, mode="w:", format=tarfile.USTAR_FORMAT) as archive:
        add_entry(archive, "manifest.json", json.dumps(listing).encode())
        for name, data in layers_of(elements).items():
            if name != leave_out:
                add_entry(archive, f"{name.replace(':', '-')}.tar.gz", data)
    return path


def add_entry(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(data), 0o644
    archive.addfile(member, io.BytesIO(data))


def package_repository(version: str = VERSION, *, size: int = 40_000, images: int = 3) -> list[Made]:
    """A package repository, a nested bundle, a multi-platform index and plain images that share a layer."""
    source = "extensions.example.test/tmc"
    shared = layer("shared", size)
    plain: list[Made] = [
        MadeImage(f"{source}/service-{number}", [shared, layer(f"own-{number}", size + number)])
        for number in range(images)
    ]
    platforms = [MadeImage(f"{source}/multi", [layer(f"platform-{number}", 3000)]) for number in range(2)]
    multi = MadeIndex(f"{source}/multi", platforms)
    nested = bundle(f"{source}/stack", [*plain, multi], {"config/stack.yml": b"kind: Stack\n"})
    files = {
        f"packages/tmc.tanzu.vmware.com/{version}.yml": b"kind: Package\n",
        "packages/tmc.tanzu.vmware.com/metadata.yml": b"kind: PackageMetadata\n",
    }
    root = bundle(f"{source}/package-repository", [nested], files, tag=version, root=True)
    return [root, nested, multi, *plain]


def write_release(folder: Path, version: str = VERSION, *, size: int = 40_000) -> Path:
    """A small unpacked release: the package repository and one more repository that shares a layer with it."""
    write_imgpkg_tar(folder / "packages" / "package-repository.tar", package_repository(version, size=size))
    standard = "498533941640.dkr.ecr.us-west-2.amazonaws.com/packages/standard/repo"
    image = MadeImage(standard, [layer("shared", size), layer("standard", size)])
    root = bundle(
        standard, [image], {"packages/cert-manager.tanzu.vmware.com/1.0.0.yml": b""}, tag="v2025.6.17", root=True
    )
    write_imgpkg_tar(folder / "dependencies" / "standard.tar", [root, image])
    agent = MadeImage("extensions.example.test/agents/agent", [layer("agent", size)], tag="0.1.0")
    write_imgpkg_tar(folder / "agent-images" / "agent.tar", [agent])
    program = folder / "tmc-sm"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return folder
