"""Faults of the release bundle: small ones of their own, made when they are asked for; the estate's stays whole."""

from __future__ import annotations

import gzip
import resource
import shutil
import tarfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from installer_tasks.answer_keys import VENDOR
from installer_tasks.rehearsal.bundle import SMALL, Content, contents, fill, make_download
from installer_tasks.rehearsal.bundle_archive import write_imgpkg_tar
from installer_tasks.rehearsal.bundle_images import Image
from installer_tasks.rehearsal.faults.base import Answering, Fault, Variant
from installer_tasks.releases import Package, Release
from installer_tasks.text import mark as _

if TYPE_CHECKING:
    from collections.abc import Mapping

    from installer_tasks.rehearsal.estate import Estate

Spoiling = Callable[[Path], None]
REPOSITORY = Path("packages", "package-repository.tar")
AGENT = Path("agent-images", "agent-updater.tar")
WRITING = Path("dependencies", "inspection-images.tar.part")
#: What a unit file of systemd or a shell's profile limits a file to.
FILE_LIMIT = 256 * 1024**2


def made(estate: Estate, name: str, release: Release | None = None, archives: Archives | None = None) -> Path:
    """A small download of the estate's release, or of another one, unpacked in a folder of this fault's own."""
    folder = estate.folder / "other-bundles" / name
    shutil.rmtree(folder, ignore_errors=True)
    wanted = release or estate.release
    fill(folder, wanted, (archives or _all)(contents(wanted, SMALL)))
    return folder


Archives = Callable[[Iterator[Content]], Iterator[Content]]


def unpacked(folder: Path, below: str = "") -> dict[str, str]:
    """What the customer answers: this folder, unpacked from a download as it is now."""
    file = folder.with_name(f"{folder.name}-download") / "tmc_self_managed.tar"
    checksum = make_download(folder, file)
    return {"bundle.path": str(folder / below), "bundle.archive": str(file), "bundle.checksum": checksum}


def _all(archives: Iterator[Content]) -> Iterator[Content]:
    return archives


def _spoilt(name: str, spoil: Spoiling, below: str = "") -> Answering:
    def answers(estate: Estate) -> Mapping[str, str]:
        folder = made(estate, name)
        given = unpacked(folder, below)
        spoil(folder)
        return given

    return answers


def _of(name: str, change: Callable[[Release], Release], archives: Archives | None = None) -> Answering:
    return lambda estate: unpacked(made(estate, name, change(estate.release), archives))


def _by_vendor(spoilt: Answering) -> Answering:
    return lambda estate: {**spoilt(estate), "bundle.engine": VENDOR}


def _without_program(folder: Path) -> None:
    (folder / "tmc-sm").unlink()


def _without_mode(folder: Path) -> None:
    """As a share or an archiver that knows no modes leaves it."""
    (folder / "tmc-sm").chmod(0o644)


def _as_it_is(_folder: Path) -> None:
    """Nobody has confirmed its program: an administrator has to."""


def _writable_by_others(folder: Path) -> None:
    """As `umask 0`, or `chmod -R 777` after an error of permissions, leaves it."""
    folder.chmod(0o777)


def _empty(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


def _cut_short(folder: Path) -> None:
    """As when the disk was full while it was unpacked, or the copy was interrupted."""
    with (folder / REPOSITORY).open("r+b") as file:
        file.truncate((folder / REPOSITORY).stat().st_size // 2)


def _damage(folder: Path) -> None:
    """One bit of one layer: what a bad disk or memory does."""
    with tarfile.open(folder / REPOSITORY) as archive:
        largest = max(archive.getmembers()[1:], key=lambda member: member.size)
    with (folder / REPOSITORY).open("r+b") as file:
        file.seek(largest.offset_data + largest.size // 2)
        byte = file.read(1)[0]
        file.seek(-1, 1)
        file.write(bytes([byte ^ 1]))


def _without_a_layer(folder: Path) -> None:
    path = folder / AGENT
    with tarfile.open(path) as archive:
        first = archive.getmembers()[1]
    data = path.read_bytes()
    end = first.offset_data + (first.size + 511) // 512 * 512
    path.write_bytes(data[: first.offset] + data[end:])


def _without_repository(folder: Path) -> None:
    (folder / REPOSITORY).unlink()


def _without_dependencies(folder: Path) -> None:
    shutil.rmtree(folder / "dependencies")


def _emptied(name: str) -> Spoiling:
    """As when the disk was full, or a copy was interrupted before it came to this folder."""

    def spoil(folder: Path) -> None:
        shutil.rmtree(folder / name)
        (folder / name).mkdir()

    return spoil


def _partial(folder: Path) -> None:
    """What a copy tool leaves when it is interrupted: half a file under a name of its own."""
    (folder / AGENT).rename(folder / f"{AGENT}.part")
    (folder / f"{AGENT}.part").write_bytes(bytes(64 * 1024))


def _no_bytes(folder: Path) -> None:
    (folder / AGENT).write_bytes(b"")


def _gzipped(folder: Path) -> None:
    """Somebody saved room on the way."""
    for archive in (folder / "agent-images").glob("*.tar"):
        archive.with_name(f"{archive.name}.gz").write_bytes(gzip.compress(archive.read_bytes(), 1))
        archive.unlink()


def _error_page(folder: Path) -> None:
    "A proxy returned in place of the file server."
    (folder / AGENT).write_text("<!DOCTYPE html><title>403 Forbidden</title>")


def _unpacked_once_more(folder: Path) -> None:
    """Who unpacked the download unpacked what was in it too."""
    with tarfile.open(folder / AGENT) as archive:
        archive.extractall(folder / "once-more", filter="data")
    (folder / AGENT).unlink()
    (folder / "once-more").rename(folder / AGENT.with_suffix(""))


def _linked_elsewhere(folder: Path) -> None:
    """The disk was too small, so the file was moved and linked."""
    elsewhere = folder.with_name(f"{folder.name}-agent-updater.tar")
    elsewhere.unlink(missing_ok=True)
    (folder / AGENT).rename(elsewhere)
    (folder / AGENT).symlink_to(elsewhere)


def _not_unpacked(folder: Path) -> None:
    whole = folder.with_suffix(".tar")
    with tarfile.open(whole, "w") as archive:
        archive.add(folder, ".")
    shutil.move(whole, folder / "tmc_self_managed.tar")


def _older(release: Release) -> Release:
    return replace(release, version="1.4.0")


def _other_build(release: Release) -> Release:
    def rebuilt(package: Package) -> Package:
        # One whose version sources name; of the others nobody could tell.
        return replace(package, version="0.0.1-dev") if package.name == "contour" else package

    return replace(release, packages=tuple(rebuilt(package) for package in release.packages))


def _without_kafka(release: Release) -> Release:
    return replace(release, packages=tuple(package for package in release.packages if package.name != "kafka"))


def _other_values(release: Release) -> Release:
    """MinIO's values under other names: what changed between releases before."""
    schema = dict(release.values_schema)
    schema["properties"] = {name: value for name, value in schema["properties"].items() if name != "minio"}
    return replace(release, values_schema=schema)


def _same(release: Release) -> Release:
    return release


def _without_an_image(archives: Iterator[Content]) -> Iterator[Content]:
    """The list of a package names it; what was copied does not have it."""
    for archive in archives:
        yield archive if archive.root is None else replace(archive, elements=archive.elements[1:])


def _over_an_older_one(estate: Estate) -> Mapping[str, str]:
    """Same names, other images: what stays when a download is unpacked over the one before it."""
    folder = made(estate, "over-older")
    given = unpacked(folder)
    images = {content.file: content.elements[0] for content in contents(estate.release, SMALL)}
    new, other = images[str(AGENT)], images["dependencies/sonobuoy.tar"]
    if isinstance(other, Image):
        stale = replace(other, repository=new.repository, tag=new.tag)
        write_imgpkg_tar(folder / "agent-images" / "agent-updater-1.4.0.tar", [stale])
    return given


def _in_folders_of_their_own(estate: Estate) -> Mapping[str, str]:
    """Archives are found by what they are, not by name or place; so they lie in the download too."""
    folder = made(estate, "folders")
    for archive in list((folder / "agent-images").glob("*.tar")):
        (folder / "agent-images" / archive.stem).mkdir()
        archive.rename(folder / "agent-images" / archive.stem / "image")
    return unpacked(folder)


def _two_releases(estate: Estate) -> Mapping[str, str]:
    folder = made(estate, "two-releases")
    given = unpacked(folder)
    older = made(estate, "two-releases-older", _older(estate.release))
    shutil.copy(older / REPOSITORY, folder / REPOSITORY.with_name("package-repository-1.4.0.tar"))
    return given


def _still_written(estate: Estate) -> Callable[[], None]:
    """Somebody's copy has not ended: a file of the folder grows and grows."""
    file = estate.bundle / WRITING
    over = threading.Event()

    def write() -> None:
        with file.open("wb", buffering=0) as stream:
            while not over.wait(0.002):
                stream.write(b"\0" * 512)

    writer = threading.Thread(target=write, name="unpacking", daemon=True)
    writer.start()

    def undo() -> None:
        over.set()
        writer.join()
        file.unlink(missing_ok=True)

    return undo


def _file_limit(_estate: Estate) -> Callable[[], None]:
    """A limit of this process and of those that it starts from now on; one that runs already keeps its own."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_LIMIT, before[1]))
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, before)


FAULTS = (
    Fault("bundle.empty", _("The folder is empty"), "bundle.readable", "is not an unpacked release",
          answers=_spoilt("empty", _empty)),
    Fault("bundle.not-unpacked", _("The download was not unpacked"), "bundle.readable", "Unpack it",
          answers=_spoilt("not-unpacked", _not_unpacked, "tmc_self_managed.tar")),
    Fault("bundle.folder-missing", _("One of the folders was not copied"), "bundle.readable", "dependencies",
          answers=_spoilt("folder-missing", _without_dependencies)),
    Fault("bundle.cut-short", _("An archive is truncated"), "bundle.readable", "is truncated",
          answers=_spoilt("cut-short", _cut_short)),
    Fault("bundle.no-repository", _("The package repository was not copied"), "bundle.readable",
          "No package repository", answers=_spoilt("no-repository", _without_repository)),
    Fault("bundle.two-releases", _("Two releases were unpacked into one folder"), "bundle.readable",
          "more than one release", answers=_two_releases),
    Fault("bundle.still-written", _("The release is still being copied to its folder"), "bundle.at-rest",
          "still writing", _still_written),
    Fault("bundle.other-release", _("The folder contains another release than the chosen one"), "bundle.release-known",
          "contains release 1.4.0", answers=_of("other-release", _older)),
    Fault("bundle.damaged-layer", _("A layer has one flipped bit"), "bundle.intact", "damaged",
          answers=_spoilt("damaged-layer", _damage)),
    Fault("bundle.layer-missing", _("A layer of an image is missing"), "bundle.complete", "image part is missing",
          answers=_spoilt("layer-missing", _without_a_layer)),
    Fault("bundle.image-missing", _("An image that a package uses was not copied"), "bundle.images-complete",
          "would never start", answers=_of("image-missing", _same, _without_an_image)),
    Fault("bundle.no-dependencies", _("The folder dependencies is empty"), "bundle.files",
          "dependencies contains no archive", answers=_spoilt("no-dependencies", _emptied("dependencies"))),
    Fault("bundle.no-agents", _("The folder agent-images is empty"), "bundle.files", "agent-images contains no archive",
          answers=_spoilt("no-agents", _emptied("agent-images"))),
    Fault("bundle.partial", _("The copy of an archive was interrupted"), "bundle.files", "has not ended",
          answers=_spoilt("partial", _partial)),
    Fault("bundle.no-bytes", _("An archive has no bytes"), "bundle.files", "is empty",
          answers=_spoilt("no-bytes", _no_bytes)),
    Fault("bundle.gzipped", _("The archives were compressed on the way"), "bundle.files", "gunzip",
          answers=_spoilt("gzipped", _gzipped)),
    Fault("bundle.error-page", _("A proxy's error page was saved in place of an archive"), "bundle.files",
          "not an archive of images", answers=_spoilt("error-page", _error_page)),
    Fault("bundle.unpacked-twice", _("An archive of images was unpacked too"), "bundle.files", "was unpacked",
          answers=_spoilt("unpacked-twice", _unpacked_once_more)),
    Fault("bundle.linked", _("An archive was moved to another disk and linked"), "bundle.files", "symbolic link",
          answers=_spoilt("linked", _linked_elsewhere)),
    Fault("bundle.over-older", _("The release was unpacked over an older one"), "bundle.one-content",
          "different images under this name", answers=_over_an_older_one),
    Fault("bundle.package-missing", _("A package of the release is missing from its repository"), "bundle.packages",
          "kafka", answers=_of("package-missing", _without_kafka)),
    Fault("bundle.other-build", _("A package has another version than the release requires"), "bundle.packages",
          "contour.bitnami.com", answers=_of("other-build", _other_build)),
    Fault("bundle.other-values", _("The package takes other values than the release"), "bundle.values-known",
          "minio.password", answers=_of("other-values", _other_values)),
    Fault("bundle.file-limit", _("The service cannot write large files"), "bundle.disk-free", "LimitFSIZE",
          _file_limit),
    Fault("bundle.no-program", _("The vendor's program is the push engine, but was not copied"), "bundle.engine",
          "no program from the vendor", answers=_by_vendor(_spoilt("no-program", _without_program))),
    Fault("bundle.program-not-confirmed", _("The vendor's program is to push, and nobody confirmed it"),
          "bundle.engine", "No administrator has confirmed", answers=_by_vendor(_spoilt("not-confirmed", _as_it_is))),
    Fault("bundle.program-writable", _("The vendor's program is to push, and everybody may replace it"),
          "bundle.engine", "can be changed by others", answers=_by_vendor(_spoilt("writable", _writable_by_others))),
    Fault("bundle.program-not-executable", _("The vendor's program is the push engine, but is not executable"), "bundle.engine",
          "no permission to execute", answers=_by_vendor(_spoilt("not-executable", _without_mode))),
)  # fmt: skip

VARIANTS = (
    Variant("healthy.bundle-folders", _("Each archive of the release lies in a folder of its own, without an ending"),
            answers=_in_folders_of_their_own),
)  # fmt: skip
