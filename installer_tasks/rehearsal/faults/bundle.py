"""Faults of the release bundle: small ones of their own, made when they are asked for; the estate's stays whole."""

from __future__ import annotations

import resource
import shutil
import tarfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from installer_tasks.answers import VENDOR
from installer_tasks.rehearsal.bundle import SMALL, Content, contents, fill
from installer_tasks.rehearsal.faults.base import Answering, Fault
from installer_tasks.releases import Package, Release
from installer_tasks.text import mark as _

if TYPE_CHECKING:
    from collections.abc import Mapping

    from installer_tasks.rehearsal.estate import Estate

Spoiling = Callable[[Path], None]
REPOSITORY = Path("packages", "package-repository.tar")
WRITING = Path("dependencies", "inspection-images.tar.part")
#: What a unit file of systemd or a shell's profile limits a file to.
FILE_LIMIT = 256 * 1024**2


def _made(estate: Estate, name: str, release: Release | None = None, archives: Archives | None = None) -> Path:
    """A small download of the estate's release, or of another one, in a folder of this fault's own."""
    folder = estate.folder / "other-bundles" / name
    shutil.rmtree(folder, ignore_errors=True)
    wanted = release or estate.release
    fill(folder, wanted, (archives or _all)(contents(wanted, SMALL)))
    return folder


Archives = Callable[[Iterator[Content]], Iterator[Content]]


def _all(archives: Iterator[Content]) -> Iterator[Content]:
    return archives


def _spoilt(name: str, spoil: Spoiling, below: str = "") -> Answering:
    def answers(estate: Estate) -> Mapping[str, str]:
        folder = _made(estate, name)
        spoil(folder)
        return {"bundle.path": str(folder / below)}

    return answers


def _of(name: str, change: Callable[[Release], Release], archives: Archives | None = None) -> Answering:
    return lambda estate: {"bundle.path": str(_made(estate, name, change(estate.release), archives))}


def _by_vendor(spoilt: Answering) -> Answering:
    return lambda estate: {**spoilt(estate), "bundle.engine": VENDOR}


def _without_program(folder: Path) -> None:
    (folder / "tmc-sm").unlink()


def _without_mode(folder: Path) -> None:
    """As a share or an archiver that knows no modes leaves it."""
    (folder / "tmc-sm").chmod(0o644)


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
    path = folder / "agent-images" / "agent-updater.tar"
    with tarfile.open(path) as archive:
        first = archive.getmembers()[1]
    data = path.read_bytes()
    end = first.offset_data + (first.size + 511) // 512 * 512
    path.write_bytes(data[: first.offset] + data[end:])


def _without_repository(folder: Path) -> None:
    (folder / REPOSITORY).unlink()


def _without_dependencies(folder: Path) -> None:
    shutil.rmtree(folder / "dependencies")


def _not_unpacked(folder: Path) -> None:
    whole = folder.with_suffix(".tar")
    with tarfile.open(whole, "w") as archive:
        archive.add(folder, ".")
    shutil.move(whole, folder / "tmc_self_managed.tar")


def _older(release: Release) -> Release:
    return replace(release, version="1.4.0")


def _other_build(release: Release) -> Release:
    def rebuilt(package: Package) -> Package:
        return replace(package, version="0.0.1-dev") if package.name == "minio" else package

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


def _two_releases(estate: Estate) -> Mapping[str, str]:
    folder = _made(estate, "two-releases")
    older = _made(estate, "two-releases-older", _older(estate.release))
    shutil.copy(older / REPOSITORY, folder / REPOSITORY.with_name("package-repository-1.4.0.tar"))
    return {"bundle.path": str(folder)}


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
    Fault("bundle.cut-short", _("An archive is cut short"), "bundle.readable", "cut short",
          answers=_spoilt("cut-short", _cut_short)),
    Fault("bundle.no-repository", _("The package repository was not copied"), "bundle.readable",
          "No package repository", answers=_spoilt("no-repository", _without_repository)),
    Fault("bundle.two-releases", _("Two releases were unpacked into one folder"), "bundle.readable",
          "more than one release", answers=_two_releases),
    Fault("bundle.still-written", _("The release is still being copied into its folder"), "bundle.at-rest",
          "still writes", _still_written),
    Fault("bundle.other-release", _("The folder holds another release than was chosen"), "bundle.release-known",
          "holds release 1.4.0", answers=_of("other-release", _older)),
    Fault("bundle.damaged-layer", _("One bit of a layer is wrong"), "bundle.intact", "damaged",
          answers=_spoilt("damaged-layer", _damage)),
    Fault("bundle.layer-missing", _("A layer of an image is missing"), "bundle.complete", "parts of images are missing",
          answers=_spoilt("layer-missing", _without_a_layer)),
    Fault("bundle.image-missing", _("An image that a package names was not copied"), "bundle.images-complete",
          "would never start", answers=_of("image-missing", _same, _without_an_image)),
    Fault("bundle.package-missing", _("A package of the release is not in its repository"), "bundle.packages",
          "kafka", answers=_of("package-missing", _without_kafka)),
    Fault("bundle.other-build", _("A package has another version than the release's"), "bundle.packages",
          "minio", answers=_of("other-build", _other_build)),
    Fault("bundle.other-values", _("The package takes other values than those of the release"), "bundle.values-known",
          "minio.password", answers=_of("other-values", _other_values)),
    Fault("bundle.file-limit", _("The service may not write large files"), "bundle.disk-free", "LimitFSIZE",
          _file_limit),
    Fault("bundle.no-program", _("The vendor's program is to push, and was not copied"), "bundle.engine",
          "no program of the vendor", answers=_by_vendor(_spoilt("no-program", _without_program))),
    Fault("bundle.program-not-executable", _("The vendor's program is to push, and lost its mode"), "bundle.engine",
          "may not execute", answers=_by_vendor(_spoilt("not-executable", _without_mode))),
)  # fmt: skip
