"""What is known of the download: beside its values on the review, and in the handover document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePath

from django.utils.translation import gettext

from installer_tasks.plan import Plan
from installer_tasks.preflight import findings
from installer_tasks.preflight.shapes.bundle import CONTENTS, DOWNLOAD
from installer_tasks.preflight.state import Levels
from installer_tasks.systems.bundle.checksum import given


def notes(state: Levels) -> Mapping[str, str]:
    """By key, as far as the checks have read it; `bundle.checksum` is told of also where it has no value."""
    contents = findings.fact(state, CONTENTS)
    read = findings.fact(state, DOWNLOAD)
    found = read.get("sha256", "") if read else ""
    wanted = given(state.visible.get("bundle.checksum", "")).digest
    notes = {}
    if contents and contents.get("content"):
        notes["bundle.path"] = gettext("SHA-256 of the content: %(digest)s") % {"digest": contents["content"]}
    if read and found and read["archive"] == state.visible.get("bundle.archive", ""):
        notes["bundle.archive"] = gettext("SHA-256: %(digest)s") % {"digest": found}
        notes["bundle.checksum"] = _compared(found, wanted)
    elif contents:
        notes["bundle.checksum"] = gettext("not compared with the download")
    return notes


def _compared(found: str, wanted: str) -> str:
    if not wanted:
        return gettext("not compared with the vendor's SHA-256")
    return (
        gettext("download and vendor's SHA-256 match")
        if found == wanted
        else gettext("download and vendor's SHA-256 differ")
    )


def rows(plan: Plan) -> Iterator[tuple[str, str]]:
    """As the run pinned it; nothing of a run of an earlier version of the installer."""
    found, wanted = plan.download_sha256, given(plan["bundle.checksum"]).digest
    if found:
        yield gettext("Downloaded file"), PurePath(plan["bundle.archive"]).name
        yield gettext("SHA-256 of the download"), f"{found} ({_compared(found, wanted)})"
    elif plan.content_sha256:
        yield gettext("SHA-256 of the download"), gettext("not compared with the download")
    if plan.content_sha256:
        yield gettext("SHA-256 of the content"), plan.content_sha256
