"""What is in the bundle folder: release, images, and whether every layer is what its digest says."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from installer_tasks.bundle.folder import ReleaseBundle, read_release_bundle
from installer_tasks.bundle.verify import verify
from installer_tasks.errors import InputError, IntegrityFailure
from installer_tasks.facts import bundle_parts
from installer_tasks.facts.base import Observations
from installer_tasks.text import mark as _
from installer_tasks.text import text

#: Of twenty gigabytes from a slow network disk.
READING_DEADLINE = 3600.0


def collect(answers: Mapping[str, str], observations: Observations) -> None:
    bundles: list[ReleaseBundle] = []
    before: dict[str, tuple[int, int]] = {}

    def contents() -> dict[str, Any]:
        with _unreadable(answers["bundle.path"]):
            before.update(bundle_parts.sizes(Path(answers["bundle.path"]).expanduser()))
            bundles.append(read_release_bundle(Path(answers["bundle.path"])))
        return _contents(bundles[0])

    observations.observe("contents", contents, seconds=READING_DEADLINE)
    observations.observe("room", bundle_parts.room)
    if bundles:
        _look_inside(bundles[0], before, observations)


def _look_inside(bundle: ReleaseBundle, before: bundle_parts.Sizes, observations: Observations) -> None:
    observations.observe_together(
        {
            "parts": lambda: bundle_parts.missing_parts(bundle),
            "locked": lambda: bundle_parts.locked_images(bundle),
            "packages": lambda: bundle_parts.packages(bundle),
        }
    )
    if observations.wants("digests"):
        observations.observe("digests", lambda: _digests(bundle), seconds=READING_DEADLINE)
    observations.observe("rest", lambda: bundle_parts.changed(before, bundle_parts.sizes(bundle.path)))


@contextmanager
def _unreadable(path: str) -> Iterator[None]:
    """What the operating system says of a path, such as no permission, or a name that cannot be one."""
    try:
        yield
    except (OSError, ValueError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError(
            text(_("%(path)s cannot be read: %(reason)s."), path=path[:300], reason=reason[:300]),
            value=path[:300],
            remedy=text(_("Give a folder that the installer's user may read, on a disk that works.")),
            field="bundle.path",
            code="bundle-unreadable",
        ) from error


def _contents(bundle: ReleaseBundle) -> dict[str, Any]:
    return {
        "path": str(bundle.path),
        "release": bundle.version,
        "images": bundle.image_count,
        "bytes": bundle.total_bytes,
        "archives": [{"file": str(archive.path), "images": len(archive.images)} for archive in bundle.archives],
        "program": str(bundle.program or ""),
        "starts": bundle.program is not None and os.access(bundle.program, os.X_OK),
    }


def _digests(bundle: ReleaseBundle) -> dict[str, Any]:
    with _unreadable(str(bundle.path)):
        found = [verify(archive) for archive in bundle.archives]
    damaged = [blob for result in found for blob in result.damaged]
    if damaged:
        first = damaged[0]
        raise IntegrityFailure(
            text(_("%(count)d layers are damaged; the first is in %(file)s."), count=len(damaged), file=first.file),
            value=first.digest,
            detail=f"expected {first.digest}, read {first.found}",
        )
    return {"verified": sum(result.blobs for result in found), "bytes": sum(result.bytes_read for result in found)}
