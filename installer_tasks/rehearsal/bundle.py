"""The practice bundle: a folder laid out as an unpacked TMC Self-Managed download, made on first use.

    agent-images/*.tar  dependencies/*.tar  packages/package-repository.tar  tanzu-cli-plugins/tmc.tar.gz  tmc-sm

The archives are imgpkg tars with shared layers, nested bundles and images for several platforms; the images hold bytes
that mean nothing. Made twice, anywhere, the archives are the same to the byte; tmc-sm names where this code lies.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import shlex
import shutil
import sys
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from installer_tasks.errors import Conflict
from installer_tasks.rehearsal import releases
from installer_tasks.rehearsal.bundle_archive import write_imgpkg_tar
from installer_tasks.rehearsal.bundle_content import FULL, SMALL, Content, Scale, contents
from installer_tasks.rehearsal.bundle_images import make_layer
from installer_tasks.releases import Release
from installer_tasks.text import mark as _
from installer_tasks.text import text

__all__ = ["FULL", "SMALL", "Content", "Scale", "contents", "download_name", "fill", "make_bundle", "make_download"]

FORMAT = 3  #: raise it when the content of a practice bundle changes
STAMP = ".practice-bundle.json"
CODE = Path(__file__).parents[2]  #: from where tmc-sm runs our own engine

_PROGRAM = """\
#!/bin/sh
# The practice stand-in of the vendor's program: it pushes with this installer's own engine, and installs nothing.
set -eu
case "${{1:-}} ${{2:-}} ${{3:-}}" in
  "version "*|"--version "*)
    echo "tmc-sm {release} (practice stand-in)"
    ;;
  "push-images harbor --project")
    echo "INFO[0000] Pushing PackageRepository                     uri=$4/package-repository"
    export PYTHONPATH={code} TMC_INSTALLER_REGISTRY_PASSWORD="${{HARBOR_PASSWORD:-}}"
    {python} -m installer_tasks.systems.registry --bundle . --project "$4" --username "${{HARBOR_USERNAME:-}}" \\
      ${{SSL_CERT_FILE:+--ca "$SSL_CERT_FILE"}}
    echo "Image Staging Complete. Next Steps:"
    ;;
  *)
    echo "Error: unknown command \\"${{1:-}}\\" for \\"tmc-sm\\" (practice stand-in)" >&2
    exit 2
    ;;
esac
"""


def make_bundle(folder: Path, release: str = "1.4.1", *, scale: Scale = FULL) -> Path:
    """The practice bundle in `folder`, made when it is not there or is another one; Conflict when something else is."""
    known = releases.get(release)
    wanted = {"format": FORMAT, "release": known.version, "scale": scale.name, "code": [sys.executable, str(CODE)]}
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        if not _is_made(folder, wanted):
            _make(folder, known, scale, wanted)
    return folder


def make_download(bundle: Path, file: Path) -> str:
    """The file that `bundle` was unpacked from, made when it is not there or is of another bundle.

    Returns its checksum as the vendor would publish it, which lies beside it in a file of its own.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    checksum, made_of = file.with_name(f"{file.name}.sha256"), file.with_name(f".{file.name}.json")
    with _alone(file):
        stamp = json.dumps(_sizes(bundle), sort_keys=True)
        if not (file.exists() and checksum.exists() and made_of.exists() and made_of.read_text() == stamp):
            with tarfile.open(file, "w") as archive:
                for entry in sorted(bundle.iterdir()):
                    archive.add(entry, entry.name, filter=lambda each: None if each.name == STAMP else each)
            with file.open("rb") as stream:
                checksum.write_text(f"{hashlib.file_digest(stream, 'sha256').hexdigest()}  {file.name}\n")
            made_of.write_text(stamp)
        return checksum.read_text().strip()


def download_name(release: Release) -> str:
    return release.downloads[0] if release.downloads else f"tmc_self_managed_{release.version}.tar"


def _make(folder: Path, release: Release, scale: Scale, wanted: dict[str, object]) -> None:
    if folder.exists() and any(folder.iterdir()) and not (folder / STAMP).exists():
        raise Conflict(
            text(_("%(folder)s contains files that are not a practice bundle."), folder=str(folder)),
            value=str(folder),
            remedy=text(_("Choose an empty folder for the practice bundle.")),
            retry=False,
        )
    fill(fresh := _emptied(folder, "new"), release, contents(release, scale))
    _stamp(fresh, wanted)
    _exchange(fresh, folder)


def fill(folder: Path, release: Release, archives: Iterable[Content]) -> None:
    """Lay a download out in `folder`, which is not there yet."""
    for name in ("agent-images", "dependencies", "packages", "tanzu-cli-plugins"):
        (folder / name).mkdir(parents=True)
    for content in archives:
        write_imgpkg_tar(folder / content.file, content.elements, content.root)
    plugin = make_layer({"plugin_bundle/README": b"Practice stand-in of the Tanzu CLI plug-ins.\n"})
    (folder / "tanzu-cli-plugins" / "tmc.tar.gz").write_bytes(plugin.content)
    program = folder / "tmc-sm"
    python, code = shlex.quote(sys.executable), shlex.quote(str(CODE))
    program.write_text(_PROGRAM.format(release=release.version, python=python, code=code))
    program.chmod(0o755)


def _stamp(folder: Path, wanted: dict[str, object]) -> None:
    (folder / STAMP).write_text(json.dumps({**wanted, "files": _sizes(folder)}, sort_keys=True))


def _is_made(folder: Path, wanted: dict[str, object]) -> bool:
    """By its stamp and the sizes of its files, so that one that was cut short by hand is made again."""
    try:
        stamp = json.loads((folder / STAMP).read_text())
    except (OSError, ValueError):
        return False
    return bool(stamp == {**wanted, "files": _sizes(folder)})


def _sizes(folder: Path) -> dict[str, int]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != STAMP)
    return {str(path.relative_to(folder)): path.stat().st_size for path in files}


def _exchange(fresh: Path, folder: Path) -> None:
    """Put the new one in place at once, whatever happens in between: half a bundle is never seen under the name."""
    old = _emptied(folder, "old")
    if folder.exists():
        folder.rename(old)
    fresh.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def _emptied(folder: Path, purpose: str) -> Path:
    """A name beside the folder, free of what an interrupted attempt left there."""
    path = folder.with_name(f".{folder.name}.{purpose}")
    shutil.rmtree(path, ignore_errors=True)
    return path


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One process at a time makes this bundle; the others wait and then find it made."""
    with folder.with_name(f".{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
