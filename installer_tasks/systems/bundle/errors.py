"""What can be wrong with a bundle: not one, cut short, damaged, unsafe, incomplete, or two releases mixed."""

from __future__ import annotations

from pathlib import Path

from installer_tasks.errors import InputError, IntegrityFailure
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _
from installer_tasks.text import mark_plural as ngettext

FIELD = "bundle.path"
COPY_AGAIN = Text(_("Copy or download the release again, verify its checksum, and unpack it into an empty folder."))


class NotABundle(InputError):
    """The folder or file is not an unpacked release, or not an archive of images."""

    code = "bundle-not-one"
    default_remedy = Text(_("Enter the folder that contains the unpacked release."))


class MixedReleases(InputError):
    """Two releases were unpacked over each other."""

    code = "bundle-mixed"
    default_remedy = Text(_("Unpack the release into an empty folder and enter that folder."))


class UnsafeArchive(InputError):
    """An archive with entries that no image archive needs: links, paths upward, sparse or doubled entries."""

    code = "bundle-unsafe"
    default_remedy = Text(_("Do not use this file. Download the release from the vendor again."))


class CutShort(IntegrityFailure):
    """A file ends before its last entry does."""

    code = "bundle-cut-short"
    default_remedy = COPY_AGAIN


class Damaged(IntegrityFailure):
    """Bytes are not what their digest says, or what the format says."""

    code = "bundle-damaged"
    default_remedy = COPY_AGAIN


class Incomplete(IntegrityFailure):
    """An image names content that is in no archive."""

    code = "bundle-incomplete"
    default_remedy = COPY_AGAIN


def not_a_bundle(path: Path, why: Text) -> NotABundle:
    return NotABundle(why, value=str(path), field=FIELD)


def cut_short(path: Path, entry: str, missing: int) -> CutShort:
    cause = text(
        ngettext(
            "%(file)s is truncated: %(bytes)s byte of %(entry)s is missing.",
            "%(file)s is truncated: %(bytes)s bytes of %(entry)s are missing.",
        ),
        file=path.name,
        bytes=missing,
        entry=entry,
    )
    return CutShort(cause, value=str(path), field=FIELD)


def damaged(path: Path, what: str, expected: str = "", found: str = "") -> Damaged:
    """`what` is wrong in `path`; with `expected` and `found` it is the digest."""
    if expected:
        template = _("%(what)s in %(file)s is damaged: expected %(expected)s, found %(found)s.")
        cause = text(template, what=what, file=path.name, expected=expected, found=found)
    else:
        cause = text(_("Cannot read %(file)s: %(what)s."), file=path.name, what=what)
    return Damaged(cause, value=str(path), field=FIELD)


def unsafe(path: Path, entry: str, why: str) -> UnsafeArchive:
    cause = text(
        _("%(file)s contains an entry that is not allowed: %(entry)s (%(why)s)."),
        file=path.name,
        entry=entry[:200],
        why=why,
    )
    return UnsafeArchive(cause, value=str(path), field=FIELD)
