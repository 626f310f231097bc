"""What an unpacked release is made of: content and images that are not in it, its packages, whether it lies still."""

from __future__ import annotations

import contextlib
import resource
import shutil
import stat
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import yaml

from installer_tasks import releases
from installer_tasks.local import state_folder
from installer_tasks.preflight.shapes import bundle as shapes
from installer_tasks.releases import described
from installer_tasks.systems.bundle.folder import FOLDERS, ReleaseBundle
from installer_tasks.systems.bundle.lock import Bundle, read_bundles, read_file
from installer_tasks.systems.bundle.manifests import missing_content
from installer_tasks.systems.bundle.model import Archive

#: An unpacked release holds some dozens; whoever points to another folder waits for no more than this.
MOST_FILES = 5000
DEEPEST, MOST_NAMES = 8, 1000  #: of a schema
NAMED = 20  #: of many absent parts, this many are told

Sizes = Mapping[str, tuple[int, int]]


def missing_parts(bundle: ReleaseBundle) -> shapes.Parts:
    """Layers, configurations and platforms that an image names and no archive holds."""
    manifests = {digest: manifest for archive in bundle.archives for digest, manifest in archive.manifests.items()}
    blobs = {digest: blob for archive in bundle.archives for digest, blob in archive.blobs.items()}
    missing = missing_content(manifests, blobs)
    told: list[shapes.MissingPart] = [{"digest": part.digest, "needed_by": part.needed_by} for part in missing[:NAMED]]
    return {"images": bundle.image_count, "missing": told, "count": len(missing)}


def locked_images(bundle: ReleaseBundle) -> shapes.Locked:
    """Images that the release's own lists and packages name, and those of them that are in no archive."""
    here = {digest for archive in bundle.archives for digest in archive.manifests}
    named = {
        image.digest: (image.image, str(archive.path))
        for archive, found in _bundles(bundle)
        for image in (*found.images, *found.fetched)
    }
    absent: list[shapes.AbsentImage] = [
        {"image": named[digest][0], "file": named[digest][1]} for digest in sorted(set(named) - here)
    ]
    return {"named": len(named), "absent": absent[:NAMED], "count": len(absent)}


def left_out(bundle: ReleaseBundle) -> shapes.Files:
    """Files and folders that no push sends."""
    told: list[shapes.LeftOut] = [
        {"file": str(entry.path), "why": str(entry.why), "detail": entry.detail, "harmless": entry.harmless}
        for entry in sorted(bundle.left_out, key=lambda entry: entry.harmless)
    ]
    serious = sum(not entry["harmless"] for entry in told)
    return {"archives": len(bundle.archives), "left_out": told[:NAMED], "serious": serious, "count": len(told)}


def contents_of_names(bundle: ReleaseBundle) -> shapes.Names:
    """Names under which two archives bring different images: a registry keeps whichever comes last."""
    found: dict[str, dict[str, str]] = {}
    for archive in bundle.archives:
        for image in archive.images:
            for tag in image.tags:
                if not tag.endswith(".imgpkg"):  # made from the digest
                    found.setdefault(f"{image.repository}:{tag}", {}).setdefault(image.digest, str(archive.path))
    doubled: list[shapes.Doubled] = [
        {"name": name, "files": list(files.values())} for name, files in found.items() if len(files) > 1
    ]
    return {"names": len(found), "doubled": doubled[:NAMED], "count": len(doubled)}


def _bundles(bundle: ReleaseBundle) -> Iterator[tuple[Archive, Bundle]]:
    for archive in bundle.archives:
        for found in read_bundles(archive.path, archive.manifests, archive.blobs).values():
            yield archive, found


def packages(bundle: ReleaseBundle) -> shapes.Packages:
    """What the package repository carries, by package, and the values that the parent package takes."""
    archive = bundle.repository
    root = read_bundles(archive.path, {archive.root: archive.manifests[archive.root]}, archive.blobs)[archive.root]
    versions: dict[str, list[str]] = {}
    for entry in root.packages:
        name, _slash, version = entry.partition("/")
        versions.setdefault(name, []).append(version)
    found = _schema(archive, bundle.layout.parent_package, versions[bundle.layout.parent_package])
    own = "" if bundle.version in releases.known() else described.write(bundle.version, versions, found)
    return {
        "file": str(archive.path),
        "release": bundle.version,
        "versions": versions,
        "schema": _shape(found),
        "described": own,
    }


def _schema(archive: Archive, parent: str, versions: list[str]) -> Any:
    """The parent package's own, as kapp-controller will show it; None where it has none."""
    version = archive.tag if archive.tag in versions else versions[-1]
    content = b""
    for ending in ("yml", "yaml"):
        name = f"packages/{parent}/{version}.{ending}"
        content = content or read_file(archive.path, archive.root, archive.manifests, archive.blobs, name)
    try:
        return yaml.safe_load(content)["spec"]["valuesSchema"]["openAPIv3"]
    except (yaml.YAMLError, KeyError, TypeError):
        return None


def _shape(found: Any) -> shapes.Schema:
    shape = Shape()
    if isinstance(found, dict):
        shape.walk(found, "", 0)
    return {
        "stated": isinstance(found, dict),
        "names": shape.names,
        "required": shape.required,
        "open": shape.open,
    }


class Shape:
    """A schema as dotted names: few and flat, however the document nests or repeats itself."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.required: list[str] = []
        self.open: list[str] = []  #: objects that take any name; "" is the whole

    def walk(self, schema: Mapping[str, Any], name: str, depth: int) -> None:
        properties = schema.get("properties")
        if schema.get("additionalProperties") or not isinstance(properties, dict):
            self.open.append(name)
        if not isinstance(properties, dict) or depth > DEEPEST:
            return
        required = schema.get("required")
        for key, value in properties.items():
            below = f"{name}.{key}" if name else str(key)
            if len(self.names) == MOST_NAMES:
                return
            self.names.append(below)
            if isinstance(required, list) and key in required:
                self.required.append(below)
            if isinstance(value, dict):
                self.walk(value, below, depth + 1)


def sizes(path: Path) -> Sizes:
    """Size and time of change of every file of the release; nothing of what can not be looked at."""
    found = {}
    files = (file for folder in FOLDERS for file in (path / folder).rglob("*"))
    for file in islice(files, MOST_FILES):
        with contextlib.suppress(FileNotFoundError):  # it went away meanwhile, which is what shows
            about = file.lstat()
            if not stat.S_ISDIR(about.st_mode):
                found[str(file)] = (about.st_size, about.st_mtime_ns)
    return found


def changed(before: Sizes, after: Sizes) -> shapes.Rest:
    """Files that came, went or changed between two looks."""
    names = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
    return {"files": len(after), "changed": names[:NAMED]}


def room() -> shapes.Room:
    """For the installer's own files: of the disk, and of a file by this process's limits."""
    folder = state_folder.folder()
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    return {
        "folder": str(folder),
        "free": shutil.disk_usage(folder).free,
        "limit": None if limit == resource.RLIM_INFINITY else limit,
    }
