"""What is in the bundle folder: release, images, and whether every layer is what its digest says."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple, cast

from installer_tasks.answer_keys import VENDOR
from installer_tasks.errors import IntegrityFailure
from installer_tasks.local.program import examine
from installer_tasks.preflight.facts import bundle_download, bundle_parts
from installer_tasks.preflight.facts.base import Observations, Probe
from installer_tasks.preflight.facts.bundle_download import READING_DEADLINE, unreadable
from installer_tasks.preflight.shapes import bundle as shapes
from installer_tasks.systems.bundle.folder import ReleaseBundle, read_release_bundle
from installer_tasks.systems.bundle.verify import verify
from installer_tasks.text import mark_plural as ngettext
from installer_tasks.text import text


def collect(answers: Mapping[str, str], observations: Observations) -> None:
    def read() -> _Read:
        if observations.granted.refusal is not None:
            raise observations.granted.refusal
        with unreadable(answers["bundle.path"]):
            before = bundle_parts.sizes(Path(answers["bundle.path"]).expanduser())
            return _Read(read_release_bundle(Path(answers["bundle.path"])), before)

    observations.observe(shapes.ROOM, bundle_parts.room)
    found = observations.observe_with(
        shapes.CONTENTS, read, lambda found: _contents(found.bundle), seconds=READING_DEADLINE
    )
    if found:
        _look_inside(answers, found.bundle, found.before, observations)
        _look_at_program(answers, found.bundle, observations)


class _Read(NamedTuple):
    bundle: ReleaseBundle
    before: bundle_parts.Sizes  #: it was read


def _look_at_program(answers: Mapping[str, str], bundle: ReleaseBundle, observations: Observations) -> None:
    """Only who chose the vendor's program has it read."""

    def program() -> shapes.Program:
        path = bundle.program
        if answers["bundle.engine"] != VENDOR or path is None:
            return {}
        with unreadable(str(path)):
            found = examine(path)
        confirmed = found.sha256 in observations.granted.programs
        return cast("shapes.Program", {**asdict(found), "confirmed": confirmed})

    observations.observe(shapes.PROGRAM, program)


def _look_inside(
    answers: Mapping[str, str], bundle: ReleaseBundle, before: bundle_parts.Sizes, observations: Observations
) -> None:
    observations.observe_together(
        Probe(shapes.PARTS, lambda: bundle_parts.missing_parts(bundle)),
        Probe(shapes.FILES, lambda: bundle_parts.left_out(bundle)),
        Probe(shapes.NAMES, lambda: bundle_parts.contents_of_names(bundle)),
        Probe(shapes.LOCKED, lambda: bundle_parts.locked_images(bundle)),
        Probe(shapes.PACKAGES, lambda: bundle_parts.packages(bundle)),
    )
    if observations.wants(shapes.DIGESTS):
        observations.observe(shapes.DIGESTS, lambda: _digests(bundle, observations), seconds=READING_DEADLINE)
    if observations.wants(shapes.DOWNLOAD):
        observations.observe(
            shapes.DOWNLOAD, lambda: bundle_download.read(answers, bundle, observations), seconds=READING_DEADLINE
        )
    observations.observe(shapes.REST, lambda: bundle_parts.changed(before, bundle_parts.sizes(bundle.path)))


def _contents(bundle: ReleaseBundle) -> shapes.Contents:
    return {
        "path": str(bundle.path),
        "release": bundle.version,
        "content": bundle.content_digest,
        "images": bundle.image_count,
        "bytes": bundle.total_bytes,
        "archives": [{"file": str(archive.path), "images": len(archive.images)} for archive in bundle.archives],
        "program": str(bundle.program or ""),
        "starts": bundle.program is not None and os.access(bundle.program, os.X_OK),
    }


def _digests(bundle: ReleaseBundle, observations: Observations) -> shapes.Digests:
    counted = observations.count(str(bundle.path), sum(archive.total_bytes for archive in bundle.archives))
    with unreadable(str(bundle.path)):
        found = [verify(archive, on_bytes=counted) for archive in bundle.archives]
    damaged = [blob for result in found for blob in result.damaged]
    if damaged:
        first = damaged[0]
        raise IntegrityFailure(
            text(
                ngettext(
                    "%(count)d layer is damaged; the first is in %(file)s.",
                    "%(count)d layers are damaged; the first is in %(file)s.",
                ),
                count=len(damaged),
                file=first.file,
            ),
            value=first.digest,
            detail=f"expected {first.digest}, read {first.found}",
        )
    return {"verified": sum(result.blobs for result in found), "bytes": sum(result.bytes_read for result in found)}
