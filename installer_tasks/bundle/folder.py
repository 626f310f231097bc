"""An unpacked TMC Self-Managed download: `agent-images/ dependencies/ packages/` beside the vendor's program.

How the inside of these folders is stored is not documented, so archives are found by content at any depth, not by name.
Where each goes in the registry (sources: what `tmc-sm push-images harbor` printed and wrote in published installations,
`repositoryImage: <project>/package-repository`; imgpkg's `copy --tar --to-repo`):

- the archive whose root bundle carries the package `tmc.tanzu.vmware.com` goes to `package-repository`, tagged with the
  release's version. All its images go into that one repository, as `imgpkg copy` does;
- every other archive goes to `<original registry host and path>`, for example
  `498533941640.dkr.ecr.us-west-2.amazonaws.com/packages/standard/repo`, as field reports show.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from installer_tasks.bundle.errors import FIELD, MixedReleases, not_a_bundle
from installer_tasks.bundle.lock import Bundle, read_bundles
from installer_tasks.bundle.model import Archive
from installer_tasks.bundle.readers import find_archive
from installer_tasks.text import mark as _
from installer_tasks.text import text

FOLDERS = ("agent-images", "dependencies", "packages")
PROGRAMS = ("tmc-sm", "tmc-local")  #: the vendor's program, in the order of preference
PARENT_PACKAGE = "tmc.tanzu.vmware.com"
PACKAGE_REPOSITORY = "package-repository"
Look = tuple[tuple[str, int, int, int], ...]
_READING = threading.Lock()  #: who asks while another reads waits for that, and reads nothing twice


@dataclass(frozen=True)
class ReleaseBundle:
    """A release as it lies in its folder."""

    path: Path
    version: str  #: of the parent package, which is the tag of the package repository
    repository: Archive = field(repr=False)  #: the package repository and all images it names
    archives: tuple[Archive, ...] = field(repr=False)  #: all of them, the package repository first
    program: Path | None = None  #: the vendor's own

    @property
    def total_bytes(self) -> int:
        """Unique bytes over all archives; what a registry needs at most."""
        return sum({blob.digest: blob.size for archive in self.archives for blob in archive.blobs.values()}.values())

    @property
    def image_count(self) -> int:
        """Images to push; an image that lies in two repositories counts twice."""
        return sum(len({image.digest for image in archive.images}) for archive in self.archives)

    @property
    def root_digest(self) -> str:
        """The digest that `package-repository:<version>` must have afterwards."""
        return self.repository.root


def read_release_bundle(path: Path) -> ReleaseBundle:
    """The release unpacked in `path`; NotABundle, CutShort, Damaged, UnsafeArchive or MixedReleases otherwise.

    Who asks again while nothing in the folder changed, and from whatever thread, gets what was read before.
    """
    path = path.expanduser()
    _require_layout(path)
    with _READING:
        found = _read_release_bundle(path, _look_of(path))
    program = next((path / name for name in PROGRAMS if (path / name).is_file()), None)
    return replace(found, program=program)


def _look_of(path: Path) -> Look:
    """Of every file and folder: its name, which file it is, its size and its changes, which nobody can date back."""
    entries = (entry for folder in FOLDERS for entry in sorted((path / folder).rglob("*")))
    return tuple((str(entry), found.st_ino, found.st_size, found.st_ctime_ns) for entry, found in _stats(entries))


def _stats(entries: Iterable[Path]) -> Iterator[tuple[Path, os.stat_result]]:
    for entry in entries:
        with contextlib.suppress(OSError):  # what vanished meanwhile is not in the look
            yield entry, entry.lstat()


@lru_cache(maxsize=2)
def _read_release_bundle(path: Path, _look: Look) -> ReleaseBundle:
    found = [archive for folder in FOLDERS for archive in _archives(path / folder)]
    repository, version = _package_repository(path, found)
    others = tuple(_placed(archive) for archive in found if archive is not repository)
    placed = repository.placed_at(PACKAGE_REPOSITORY, version)
    return ReleaseBundle(path, version, placed, (placed, *others))


def read_bundle(path: Path) -> ReleaseBundle | tuple[Archive, ...]:
    """What a person may name: an unpacked release, an archive of images, or a folder of archives."""
    path = path.expanduser()
    if all((path / name).is_dir() for name in FOLDERS):
        return read_release_bundle(path)
    if not path.exists():
        raise not_a_bundle(path, text(_("There is no file or folder %(path)s."), path=str(path)))
    archive = find_archive(path)
    archives = (archive,) if archive else tuple(_archives(path)) if path.is_dir() else ()
    if not archives:
        raise not_a_bundle(path, text(_("%(path)s is no release, and no archive of images is in it."), path=str(path)))
    return tuple(_placed(entry) for entry in archives)


def _require_layout(path: Path) -> None:
    try:
        names = {entry.name for entry in path.iterdir() if entry.is_dir()}
    except FileNotFoundError as error:
        raise not_a_bundle(path, text(_("There is no folder %(path)s."), path=str(path))) from error
    except NotADirectoryError as error:
        cause = text(_("%(path)s is a file. Unpack it into an empty folder first."), path=str(path))
        raise not_a_bundle(path, cause) from error
    except OSError as error:
        cause = text(_("%(path)s cannot be read: %(reason)s."), path=str(path), reason=error.strerror or "")
        raise not_a_bundle(path, cause) from error
    absent = [name for name in FOLDERS if name not in names]
    if absent:
        template = _("%(path)s is not an unpacked release: %(folders)s is not in it.")
        raise not_a_bundle(path, text(template, path=str(path), folders=", ".join(absent)))


def _archives(folder: Path) -> Iterator[Archive]:
    """All archives below `folder`; a folder that is an OCI layout is one of them."""
    for entry in sorted(folder.iterdir()):
        if entry.is_symlink():
            continue
        archive = find_archive(entry)
        if archive is not None:
            yield archive
        elif entry.is_dir():
            yield from _archives(entry)


def _package_repository(path: Path, archives: list[Archive]) -> tuple[Archive, str]:
    """The archive with the parent package and that package's version."""
    carrying = [(archive, _parent_version(archive)) for archive in archives]
    found = [(archive, version) for archive, version in carrying if version]
    if not found:
        cause = text(_("No package repository of TMC Self-Managed is in %(path)s."), path=str(path))
        raise not_a_bundle(path, cause)
    versions = sorted({version for _archive, version in found})
    if len(versions) > 1 or len({archive.root for archive, _version in found}) > 1:
        template = _("%(path)s holds more than one release: %(versions)s.")
        cause = text(template, path=str(path), versions=", ".join(versions))
        raise MixedReleases(cause, value=str(path), field=FIELD)
    return found[0]


def _parent_version(archive: Archive) -> str:
    """The version of the parent package in the archive's root bundle: its tag, when that is one of them."""
    root = _root_bundle(archive)
    if root is None:
        return ""
    versions = [entry.partition("/")[2] for entry in root.packages if entry.partition("/")[0] == PARENT_PACKAGE]
    return archive.tag if archive.tag and (archive.tag in versions or versions) else (versions or [""])[-1]


def _root_bundle(archive: Archive) -> Bundle | None:
    if not archive.root:
        return None
    only_root = {archive.root: archive.manifests[archive.root]}
    return read_bundles(archive.path, only_root, archive.blobs).get(archive.root)


def _placed(archive: Archive) -> Archive:
    """An imgpkg tar goes into one repository; images of other archives each have their own name, or the file's."""
    if archive.kind == "imgpkg":
        return archive.placed_at(repository_name(archive.origin or archive.path.stem))
    unnamed = archive.path.stem
    images = tuple(replace(image, repository=repository_name(image.repository or unnamed)) for image in archive.images)
    return replace(archive, images=images)


def repository_name(origin: str) -> str:
    """The original host and path as a name that every registry takes: a port's colon is not allowed in one."""
    parts = re.sub(r"[^a-z0-9._/-]", "_", origin.lower()).split("/")
    named = [re.sub(r"[._-]{2,}", _separator, part.strip("._-")) for part in parts]
    return "/".join(part for part in named if part)


def _separator(found: re.Match[str]) -> str:
    """Between two words: one sign, two underscores or any number of dashes."""
    return found[0] if found[0] == "__" or not found[0].strip("-") else "-"
