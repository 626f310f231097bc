"""What is known of each TMC-SM release, one module a release; a new release is one new file and one line here."""

from __future__ import annotations

from collections.abc import Mapping

from installer_tasks.releases import v1_4_1
from installer_tasks.releases.model import Package, PublicCertificate, Release, Workload

__all__ = ["RELEASES", "Package", "PublicCertificate", "Release", "Workload", "chosen", "get", "known"]

RELEASES: tuple[Release, ...] = (v1_4_1.RELEASE,)


def known() -> tuple[str, ...]:
    """Versions that can be carried out, oldest first."""
    return tuple(release.version for release in RELEASES)


def get(version: str) -> Release:
    """The release of this version; KeyError when it is not known."""
    for release in RELEASES:
        if release.version == version:
            return release
    raise KeyError(version)


def chosen(answers: Mapping[str, str]) -> Release:
    """The release that the answers name, else the newest one known: for looks that come before a choice."""
    wanted = answers.get("bundle.release", "")
    return get(wanted) if wanted in known() else RELEASES[-1]
