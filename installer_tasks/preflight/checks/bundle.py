"""Judging the release bundle: `contents` and `digests` as facts/bundle.py observes them."""

from __future__ import annotations

from installer_tasks import releases
from installer_tasks.preflight.checks import bundle_described, bundle_download, bundle_parts
from installer_tasks.preflight.checks.base import Check, Facts, Level, Owner, Verdict, passed
from installer_tasks.preflight.shapes import bundle as shapes
from installer_tasks.text import mark as _
from installer_tasks.text import mark_plural as ngettext
from installer_tasks.text import text

MIB = 1024**2


def _readable(facts: Facts) -> Verdict:
    contents = facts(shapes.CONTENTS)
    return passed(
        ngettext(
            "The folder contains %(images)d image with %(size)d MiB of unique layers.",
            "The folder contains %(images)d images with %(size)d MiB of unique layers.",
        ),
        images=contents["images"],
        size=contents["bytes"] // MIB,
        evidence=contents,
    )


def _release_known(facts: Facts) -> Verdict:
    found, chosen = facts(shapes.CONTENTS)["release"], facts.answers["bundle.release"]
    if found != chosen:
        return Verdict(
            Level.FAIL,
            text(_("The folder contains release %(found)s, not %(chosen)s."), found=found, chosen=chosen),
            value=chosen,
            cause=text(_("The package repository in the folder has the tag %(found)s."), found=found),
            remedy=text(
                _("Choose release %(found)s, or the folder that contains %(chosen)s."), found=found, chosen=chosen
            ),
        )
    if found not in releases.known():
        return bundle_described.not_known(found, facts(shapes.PACKAGES)["described"])
    return passed(_("Release %(found)s matches the one you chose, and this installer supports it."), found=found)


def _intact(facts: Facts) -> Verdict:
    digests = facts(shapes.DIGESTS)
    return passed(
        ngettext(
            "Read %(count)d layer (%(size)d MiB); its digest is correct.",
            "Read all %(count)d layers (%(size)d MiB); their digests are correct.",
        ),
        count=digests["verified"],
        size=digests["bytes"] // MIB,
        evidence=digests,
    )


CHECKS = (
    Check(
        "bundle.readable",
        _("The folder is an unpacked TMC-SM bundle"),
        Owner.INSTALLER,
        ("bundle.path",),
        _readable,
        strict=True,
    ),
    *bundle_parts.BEFORE,
    Check(
        "bundle.release-known",
        _("The bundle contains the chosen release, and this installer supports it"),
        Owner.INSTALLER,
        ("bundle.path", "bundle.release"),
        _release_known,
        needs=("bundle.readable",),
        strict=True,
    ),
    Check(
        "bundle.intact",
        _("Every layer is complete and unchanged"),
        Owner.INSTALLER,
        ("bundle.path",),
        _intact,
        needs=("bundle.readable", "bundle.at-rest"),
        strict=True,
    ),
    *bundle_download.CHECKS,
    *bundle_parts.CHECKS,
)
