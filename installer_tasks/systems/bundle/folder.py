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
import hashlib
import os
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from installer_tasks.releases import LAYOUTS, Layout
from installer_tasks.systems.bundle.errors import FIELD, MixedReleases, NotABundle, not_a_bundle
from installer_tasks.systems.bundle.left_out import LeftOut, Why, is_partial, left_out, unreadable
from installer_tasks.systems.bundle.lock import Bundle, read_bundles
from installer_tasks.systems.bundle.model import Archive
from installer_tasks.systems.bundle.readers import find_archive
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

#: Every folder that a release lays out, every program of the vendor, every parent package.
FOLDERS = tuple(dict.fromkeys(name for layout in LAYOUTS for name in layout.folders))
PROGRAMS = tuple(dict.fromkeys(name for layout in LAYOUTS for name in layout.programs))
PARENTS = {layout.parent_package: layout for layout in LAYOUTS}
FileStats = tuple[tuple[str, int, int, int], ...]
_READING = threading.Lock()  #: who asks while another reads waits for that, and reads nothing twice


@dataclass(frozen=True)
class ReleaseBundle:
    """A release as it lies in its folder."""

    path: Path
    version: str  #: of the parent package, which is the tag of the package repository
    repository: Archive = field(repr=False)  #: the package repository and all images it names
    archives: tuple[Archive, ...] = field(repr=False)  #: all of them, the package repository first
    layout: Layout = LAYOUTS[0]
    program: Path | None = None  #: the vendor's own
    left_out: tuple[LeftOut, ...] = field(default=(), repr=False)  #: what lies there and is no archive

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

    @property
    def content_digest(self) -> str:
        """SHA-256 over every image with its digest and its names in the registry: of whatever a push sends.

        A digest stands for all that is below it, so two folders with the same one push the same bytes.
        """
        lines = {
            f"{image.repository}@{image.digest} {' '.join(sorted(image.tags))}".strip()
            for archive in self.archives
            for image in archive.images
        }
        return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


def read_release_bundle(path: Path) -> ReleaseBundle:
    """The release unpacked in `path`; NotABundle, CutShort, Damaged, UnsafeArchive or MixedReleases otherwise.

    Who asks again while nothing in the folder changed, and from whatever thread, gets what was read before.
    """
    path = path.expanduser()
    _require_layout(path)
    with _READING:
        found = _read_release_bundle(path, _file_stats(path))
    program = next((path / name for name in PROGRAMS if (path / name).is_file()), None)
    return replace(found, program=program)


def _file_stats(path: Path) -> FileStats:
    """Of every file and folder: its name, which file it is, its size and its changes, which nobody can date back."""
    entries = (entry for folder in FOLDERS for entry in sorted((path / folder).rglob("*")))
    return tuple((str(entry), found.st_ino, found.st_size, found.st_ctime_ns) for entry, found in _stats(entries))


def _stats(entries: Iterable[Path]) -> Iterator[tuple[Path, os.stat_result]]:
    for entry in entries:
        with contextlib.suppress(OSError):  # what vanished meanwhile is not in the look
            yield entry, entry.lstat()


@lru_cache(maxsize=2)
def _read_release_bundle(path: Path, _stats: FileStats) -> ReleaseBundle:
    seen = {folder: list(_look_into(path / folder, path)) for folder in FOLDERS}
    found = [archive for entries in seen.values() for archive in entries if isinstance(archive, Archive)]
    others = _left_out(path, seen)
    repository, version, layout = _package_repository(path, found, others)
    rest = tuple(_placed(archive) for archive in found if archive is not repository)
    placed = repository.placed_at(layout.repository, version)
    return ReleaseBundle(path, version, placed, (placed, *rest), layout, left_out=others)


def _left_out(path: Path, seen: Mapping[str, list[Archive | LeftOut]]) -> tuple[LeftOut, ...]:
    """What is no archive, and the folders of which nothing would be pushed at all."""
    others = [entry for entries in seen.values() for entry in entries if isinstance(entry, LeftOut)]
    hollow = (
        LeftOut(path / folder, Why.HOLLOW)
        for folder in FOLDERS
        if folder != "packages" and all(isinstance(entry, LeftOut) and entry.harmless for entry in seen[folder])
    )
    return (*hollow, *others)


def read_bundle(path: Path) -> ReleaseBundle | tuple[Archive, ...]:
    """What a person may name: an unpacked release, an archive of images, or a folder of archives."""
    path = path.expanduser()
    if any(all((path / name).is_dir() for name in layout.folders) for layout in LAYOUTS):
        return read_release_bundle(path)
    if not path.exists():
        raise not_a_bundle(path, text(_("File or folder %(path)s does not exist."), path=str(path)))
    archive = find_archive(path)
    found = [archive] if archive else list(_look_into(path, path)) if path.is_dir() else [left_out(path, path)]
    archives = tuple(_placed(entry) for entry in found if isinstance(entry, Archive))
    if not archives:
        cause = text(_("%(path)s is not a release and contains no image archive."), path=str(path))
        raise _not_found(path, cause, (entry for entry in found if isinstance(entry, LeftOut)))
    return archives


def left_out_of(bundle: ReleaseBundle | tuple[Archive, ...], path: Path) -> tuple[LeftOut, ...]:
    """What lies beside the archives that `read_bundle` found and is none."""
    if isinstance(bundle, ReleaseBundle):
        return bundle.left_out
    path = path.expanduser()
    entries = _look_into(path, path) if path.is_dir() and not find_archive(path) else ()
    return tuple(entry for entry in entries if isinstance(entry, LeftOut))


def _not_found(path: Path, cause: Text, others: Iterable[LeftOut]) -> NotABundle:
    """With the first file that would have been an archive if nothing were wrong with it: that is the cause then."""
    broken = [entry for entry in others if not entry.harmless and entry.why is not Why.HOLLOW]
    broken.sort(key=lambda entry: "packages" not in entry.path.parts)
    return not_a_bundle(broken[0].path, broken[0].words) if broken else not_a_bundle(path, cause)


def _require_layout(path: Path) -> None:
    try:
        names = {entry.name for entry in path.iterdir() if entry.is_dir()}
    except FileNotFoundError as error:
        raise not_a_bundle(path, text(_("Folder %(path)s does not exist."), path=str(path))) from error
    except NotADirectoryError as error:
        cause = text(_("%(path)s is a file. Unpack it into an empty folder first."), path=str(path))
        raise not_a_bundle(path, cause) from error
    except OSError as error:
        cause = text(_("Cannot read %(path)s: %(reason)s."), path=str(path), reason=error.strerror or "")
        raise not_a_bundle(path, cause) from error
    absent = min(([name for name in layout.folders if name not in names] for layout in LAYOUTS), key=len)
    if absent:
        template = _("%(path)s is not an unpacked release: it does not contain %(folders)s.")
        raise not_a_bundle(path, text(template, path=str(path), folders=", ".join(absent)))


def _look_into(folder: Path, root: Path) -> Iterator[Archive | LeftOut]:
    """All archives below `folder`, a folder that is an OCI layout among them, and whatever is none."""
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        yield unreadable(folder, error)
        return
    for entry in entries:
        try:
            found = _archive(entry) or left_out(entry, root)
        except OSError as error:
            found = unreadable(entry, error)
        if isinstance(found, Archive) and is_partial(entry):
            yield LeftOut(entry, Why.PARTIAL)
        if found is not None:
            yield found
        else:
            yield from _look_into(entry, root)


def _archive(path: Path) -> Archive | None:
    return None if path.is_symlink() else find_archive(path)


def _package_repository(path: Path, archives: list[Archive], others: Iterable[LeftOut]) -> tuple[Archive, str, Layout]:
    """The archive with a parent package, that package's version, and the layout it belongs to."""
    found = [(archive, *parent) for archive in archives if (parent := _parent(archive))]
    if not found:
        cause = text(_("%(path)s contains no package repository of TMC Self-Managed."), path=str(path))
        raise _not_found(path, cause, others)
    versions = sorted({version for _archive, version, _layout in found})
    if len(versions) > 1 or len({archive.root for archive, _version, _layout in found}) > 1:
        template = _("%(path)s contains more than one release: %(versions)s.")
        cause = text(template, path=str(path), versions=", ".join(versions))
        raise MixedReleases(cause, value=str(path), field=FIELD)
    return found[0]


def _parent(archive: Archive) -> tuple[str, Layout] | None:
    """The version of the parent package in the archive's root bundle: its tag, when that is one of them."""
    root = _root_bundle(archive)
    if root is None:
        return None
    entries = [entry.partition("/") for entry in root.packages]
    found = [(version, PARENTS[name]) for name, _slash, version in entries if name in PARENTS]
    if not found:
        return None
    version, layout = found[-1]
    return archive.tag or version, layout


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
