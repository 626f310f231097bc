"""Judging a release that is not in the table: whether its download says enough, and how its values differ."""

from __future__ import annotations

from installer_tasks import releases
from installer_tasks.preflight.checks.base import Level, Verdict, passed
from installer_tasks.releases import described, settings
from installer_tasks.text import mark as _
from installer_tasks.text import text


def not_known(version: str, description: str) -> Verdict:
    """It can be installed as far as the download says what it needs; that nobody has tried it is said."""
    if not description:
        return Verdict(
            Level.FAIL,
            text(_("This installer does not support release %(found)s."), found=version),
            value=version,
            cause=text(_("It supports: %(known)s."), known=", ".join(releases.known())),
            remedy=text(_("Use the bundle of a supported release, or a newer installer.")),
        )
    return Verdict(
        Level.WARN,
        text(_("This installer does not know release %(found)s."), found=version),
        value=version,
        cause=text(
            _("It takes the values from the schema in the download, and all else from release %(near)s."),
            near=releases.nearest(version).version,
        ),
        remedy=text(_("Read the release notes for prerequisites that have changed, or use a newer installer.")),
    )


def values(release: releases.Release) -> Verdict:
    """What differs from the nearest release that is known; what is required is asked for before a run."""
    found = described.differences(release, releases.nearest(release.version))
    asked = [each.name for each in settings.all_of(release) if each.required and each.source == releases.Source()]
    evidence = {"new": list(found.new), "removed": list(found.removed), "required": asked}
    if not found.new and not found.removed:
        return passed(_("The package accepts the same values as release %(near)s."), near=found.near, evidence=evidence)
    return Verdict(
        Level.WARN,
        text(_("The values of release %(release)s differ from those of %(near)s."),
             release=release.version, near=found.near),
        value=", ".join((*(f"+{name}" for name in found.new), *(f"-{name}" for name in found.removed))),
        cause=text(_("Added: %(new)d. Removed: %(removed)d. Required, and asked for by no step: %(required)d."),
                   new=len(found.new), required=len(asked), removed=len(found.removed)),
        remedy=text(_("Enter the required ones on the page All settings.")),
        evidence=evidence,
    )  # fmt: skip
