"""Judging the release bundle: `contents` and `digests` as facts/bundle.py observes them."""

from __future__ import annotations

from installer_tasks import releases
from installer_tasks.checks import bundle_parts
from installer_tasks.checks.base import Check, Facts, Level, Owner, Verdict, passed
from installer_tasks.text import mark as _
from installer_tasks.text import text

MIB = 1024**2


def _readable(facts: Facts) -> Verdict:
    contents = facts("bundle", "contents")
    return passed(
        _("The folder holds %(images)d images, %(size)d MiB of unique layers."),
        images=contents["images"],
        size=contents["bytes"] // MIB,
        evidence=contents,
    )


def _release_known(facts: Facts) -> Verdict:
    found, chosen = facts("bundle", "contents")["release"], facts.answers["bundle.release"]
    if found != chosen:
        return Verdict(
            Level.FAIL,
            text(_("The folder holds release %(found)s, not %(chosen)s."), found=found, chosen=chosen),
            value=chosen,
            cause=text(_("The package repository in the folder is tagged %(found)s."), found=found),
            remedy=text(_("Choose release %(found)s, or the folder of %(chosen)s."), found=found, chosen=chosen),
        )
    if found not in releases.known():
        return Verdict(
            Level.FAIL,
            text(_("Release %(found)s is not known to this installer."), found=found),
            value=found,
            cause=text(_("It carries out: %(known)s."), known=", ".join(releases.known())),
            remedy=text(_("Use a bundle of a known release, or a newer installer.")),
        )
    return passed(_("Release %(found)s, as chosen, is known to this installer."), found=found)


def _intact(facts: Facts) -> Verdict:
    digests = facts("bundle", "digests")
    return passed(
        _("All %(count)d layers were read, %(size)d MiB, and have the digest they claim."),
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
        _("The release is the chosen one and can be carried out"),
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
    *bundle_parts.CHECKS,
)
