"""Readers of image archives and of an unpacked release. Nothing is unpacked: blobs are read where they lie."""

from __future__ import annotations

from installer_tasks.systems.bundle.errors import (
    CutShort,
    Damaged,
    Incomplete,
    MixedReleases,
    NotABundle,
    UnsafeArchive,
)
from installer_tasks.systems.bundle.folder import ReleaseBundle, read_bundle, read_release_bundle
from installer_tasks.systems.bundle.imgpkg import read_imgpkg_tar
from installer_tasks.systems.bundle.model import (
    Archive,
    Blob,
    FileSource,
    Image,
    InlineSource,
    Manifest,
    MissingContent,
)
from installer_tasks.systems.bundle.readers import find_archive
from installer_tasks.systems.bundle.verify import Verification, verify

__all__ = [
    "Archive",
    "Blob",
    "CutShort",
    "Damaged",
    "FileSource",
    "Image",
    "Incomplete",
    "InlineSource",
    "Manifest",
    "MissingContent",
    "MixedReleases",
    "NotABundle",
    "ReleaseBundle",
    "UnsafeArchive",
    "Verification",
    "find_archive",
    "read_bundle",
    "read_imgpkg_tar",
    "read_release_bundle",
    "verify",
]
