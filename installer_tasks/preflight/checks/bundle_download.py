"""Judging the download: that it is what the vendor published, and that the folder holds what is in it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from installer_tasks.preflight.checks.base import Check, Facts, Level, Owner, Verdict, from_error, passed
from installer_tasks.preflight.shapes import bundle as shapes
from installer_tasks.systems.bundle.checksum import Checksum, given
from installer_tasks.systems.bundle.download import Why
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _
from installer_tasks.text import mark_plural as ngettext

MIB = 1024**2
_DOWNLOAD_AGAIN = Text(
    _("Do not install from it. Download the file again, compare its SHA-256, and unpack it into an empty folder.")
)
_WORDS = {
    Why.CHANGED: _("%(file)s differs from the download."),
    Why.ADDED: _("%(file)s is not in the download."),
    Why.ABSENT: _("%(file)s is in the download but not in the folder."),
    Why.LINK: _("%(file)s is a symbolic link, which is not followed."),
}


def _published(facts: Facts) -> Verdict:
    """What a checksum says it says of the download; that it says anything of the folder takes the download itself."""
    content = facts(shapes.CONTENTS)["content"]
    wanted = given(facts.answers["bundle.checksum"])
    read = facts.some(shapes.DOWNLOAD)
    evidence = {"content": content, "vendor": str(wanted), **read}
    if not read["archive"]:
        return _only_unpacked(wanted, facts.answers["bundle.path"], evidence)
    if wanted.digest and wanted.digest != read["sha256"]:
        return _another(wanted, read, evidence)
    if read["unreadable"] or read["count"]:
        return from_error(read["unreadable"]) if read["unreadable"] else _folder_differs(read, evidence)
    if not read["compared"] or not wanted.digest:
        return (_nothing_to_compare_with if read["compared"] else _not_compared)(read, evidence)
    return passed(
        ngettext(
            "%(name)s has the vendor's SHA-256, and the %(count)d file in the folder matches it.",
            "%(name)s has the vendor's SHA-256, and all %(count)d files in the folder match it.",
        ),
        name=read["name"],
        count=read["compared"],
        evidence=evidence,
    )


def _only_unpacked(wanted: Checksum, path: str, evidence: Mapping[str, Any]) -> Verdict:
    return Verdict(
        Level.WARN,
        text(_("The SHA-256 was not compared: the downloaded file was not entered."))
        if wanted.digest
        else text(_("It is not verified that the folder is what the vendor published.")),
        value=wanted.digest or path,
        cause=text(
            _("The SHA-256 of the download cannot be calculated from the unpacked folder. What can be compared is the "
              "SHA-256 of its content: %(content)s."),
            content=evidence["content"],
        ),
        remedy=text(
            _("Enter the downloaded file and the vendor's SHA-256. If the file no longer exists, compare the SHA-256 "
              "of the content with that of an installation whose download was verified, then accept this with a reason.")
        ),
        evidence=evidence,
    )  # fmt: skip


def _another(wanted: Checksum, read: Mapping[str, Any], evidence: Mapping[str, Any]) -> Verdict:
    if wanted.name and wanted.name != read["name"]:
        cause = text(_("The checksum belongs to %(other)s."), other=wanted.name)
        remedy = text(_("Enter the checksum of %(name)s, or the file that the checksum belongs to."), name=read["name"])
    elif read["unreadable"]:
        cause, remedy = Text.from_json(read["unreadable"]["cause"]), _DOWNLOAD_AGAIN
    else:
        cause = text(_("The file was damaged or changed, or the SHA-256 belongs to another file."))
        remedy = _DOWNLOAD_AGAIN
    return Verdict(
        Level.FAIL,
        text(
            _("The download is not what the vendor published: its SHA-256 is %(found)s, the vendor's is %(wanted)s."),
            found=read["sha256"],
            wanted=wanted.digest,
        ),
        value=read["archive"],
        cause=cause,
        remedy=remedy,
        command=f"sha256sum {shlex.quote(read['archive'])}",
        evidence=evidence,
    )


def _folder_differs(read: Mapping[str, Any], evidence: Mapping[str, Any]) -> Verdict:
    first = read["differences"][0]
    return Verdict(
        Level.FAIL,
        text(
            ngettext(
                "%(count)d file in the folder differs from the download %(name)s.",
                "%(count)d files in the folder differ from the download %(name)s.",
            ),
            count=read["count"],
            name=read["name"],
        ),
        value=", ".join(each["file"] for each in read["differences"]),
        cause=text(_WORDS[Why(first["why"])], file=first["file"]),
        remedy=text(_("Unpack the download again into an empty folder, or enter the download of this folder.")),
        evidence=evidence,
    )


def _not_compared(read: Mapping[str, Any], evidence: Mapping[str, Any]) -> Verdict:
    return Verdict(
        Level.WARN,
        text(_("The folder was not compared with the download %(name)s."), name=read["name"]),
        value=read["archive"],
        cause=text(_("The file is not an uncompressed tar. Its SHA-256 is %(sha256)s."), sha256=read["sha256"]),
        remedy=text(_("Enter the .tar as the vendor publishes it, or accept this with a reason.")),
        evidence=evidence,
    )


def _nothing_to_compare_with(read: Mapping[str, Any], evidence: Mapping[str, Any]) -> Verdict:
    return Verdict(
        Level.WARN,
        text(_("The download was not compared with the vendor's SHA-256.")),
        value=read["sha256"],
        cause=text(
            _("No SHA-256 was entered. The folder matches %(name)s; its SHA-256 is %(sha256)s."),
            name=read["name"],
            sha256=read["sha256"],
        ),
        remedy=text(_("Enter the SHA-256 from the vendor's download page, or accept this with a reason.")),
        evidence=evidence,
    )


CHECKS = (
    Check(
        "bundle.checksum",
        _("The download is what the vendor published"),
        Owner.INSTALLER,
        ("bundle.path", "bundle.archive", "bundle.checksum"),
        _published,
        needs=("bundle.readable", "bundle.at-rest"),
        strict=True,
    ),
)
