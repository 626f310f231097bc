"""The file as it was downloaded: its SHA-256, and whether the folder holds what is in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from installer_tasks.errors import InputError
from installer_tasks.local.remembered import remembered
from installer_tasks.preflight.facts.base import Observations
from installer_tasks.preflight.shapes.bundle import Download
from installer_tasks.systems.bundle import download
from installer_tasks.systems.bundle.folder import ReleaseBundle
from installer_tasks.text import mark as _
from installer_tasks.text import text

#: Of twenty gigabytes from a slow network disk.
READING_DEADLINE = 3600.0
NAMED = 20  #: of many differences, this many are told
FORMAT = 1  #: of what is kept; raise it when its meaning changes
_FOLDER = _("Enter a folder that the installer's user can read, on a healthy disk.")
_FILE = _("Enter a file that the installer's user can read, or leave the field empty.")


def read(answers: Mapping[str, str], bundle: ReleaseBundle, observations: Observations) -> Download:
    """Minutes for a large one; of one that did not change, and a folder that did not either, only once."""
    path = answers["bundle.archive"]
    if not path:
        return {"archive": ""}
    if observations.granted.archive_refusal is not None:
        raise observations.granted.archive_refusal
    with unreadable(path, download.FIELD):
        archive = Path(path).expanduser()
        files = download.release_files(bundle.path)
        about = [FORMAT, str(archive.resolve(strict=True)), download.about(archive), sorted(files.items())]
        found = remembered("downloads", about, lambda: _read(archive, bundle, observations))
    return cast("Download", {"archive": path, "name": archive.name, **found})


def _read(archive: Path, bundle: ReleaseBundle, observations: Observations) -> dict[str, Any]:
    counted = observations.count(archive.name, archive.stat().st_size)
    found = download.read_download(archive, bundle.path, on_bytes=counted)
    return {
        "size": found.size,
        "sha256": found.sha256,
        "compared": found.compared,
        "differences": [{"file": each.file, "why": str(each.why)} for each in found.differences[:NAMED]],
        "count": len(found.differences),
        "unreadable": found.unreadable.as_json() if found.unreadable else None,
    }


@contextmanager
def unreadable(path: str, field: str = "bundle.path") -> Iterator[None]:
    """What the operating system says of a path, such as no permission, or a name that cannot be one."""
    try:
        yield
    except (OSError, ValueError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError(
            text(_("Cannot read %(path)s: %(reason)s."), path=path[:300], reason=reason[:300]),
            value=path[:300],
            remedy=text(_FOLDER if field == "bundle.path" else _FILE),
            field=field,
            code="bundle-unreadable",
        ) from error
