"""What is known of each TMC-SM release: one folder of data a generation, one row of its releases.yaml a release.

How a release differs is never asked by its number: whoever needs to know asks the Release (docs/decisions/releases.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from installer_tasks.releases import described
from installer_tasks.releases.model import (
    Layout,
    Package,
    PublicCertificate,
    Release,
    Source,
    Workload,
    host_name,
    order,
)
from installer_tasks.releases.reading import generation

__all__ = [
    "DESCRIBED", "GENERATIONS", "LAYOUTS", "RELEASES", "Layout", "Package", "PublicCertificate", "Release", "Source",
    "Workload", "asks", "chosen", "get", "host_name", "is_supported", "known", "named", "nearest",
]  # fmt: skip

#: The answer that keeps what the download of an unknown release says of itself.
DESCRIBED = "bundle.described"
#: Folders of this package, oldest first.
GENERATIONS = ("packages", "console")
#: Oldest first.
RELEASES: tuple[Release, ...] = tuple(release for name in GENERATIONS for release in generation(name))
LAYOUTS: tuple[Layout, ...] = tuple(dict.fromkeys(release.layout for release in RELEASES))
_BY_VERSION = {release.version: release for release in RELEASES}
#: Answers that become values of some release; the others are asked for every one.
_MAPPED = frozenset(source.answer for release in RELEASES for source in release.sources.values())


def known() -> tuple[str, ...]:
    """Versions that can be carried out, oldest first."""
    return tuple(_BY_VERSION)


def get(version: str) -> Release:
    """The release of this version; KeyError when it is not known."""
    return _BY_VERSION[version]


def chosen(answers: Mapping[str, str]) -> Release:
    """The release that the answers name; the nearest one before its download is read, the newest without a choice."""
    version = answers.get("bundle.release", "")
    if version in _BY_VERSION or not described.VERSION.fullmatch(version):
        return named(version)
    return named(version, answers.get(DESCRIBED, ""))


@lru_cache(maxsize=16)
def named(version: str, description: str = "") -> Release:
    """The release of this version: as it is known, else as its download describes it, else the nearest."""
    if version in _BY_VERSION:
        return _BY_VERSION[version]
    near = nearest(version)
    return described.release(near, description) if described.is_of(description, version) else near


def nearest(version: str) -> Release:
    """The newest known release that is not newer than this one; the newest of all for what is no version."""
    if not described.VERSION.fullmatch(version):
        return RELEASES[-1]
    older = [release for release in RELEASES if order(release.version) <= order(version)]
    return older[-1] if older else RELEASES[0]


def is_supported(version: str, description: str) -> bool:
    """Whether it is known, or its download says what it needs."""
    return version in _BY_VERSION or described.is_of(description, version)


def asks(release: Release, answer: str) -> bool:
    """Whether this release has a use for the answer: 1.0 knows no directory, and only 1.4.2 a password of Redis."""
    return answer not in _MAPPED or any(source.answer == answer for source in release.sources.values())
