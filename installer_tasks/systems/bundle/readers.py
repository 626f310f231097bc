"""Which reader fits a file or folder; a new format is one module and one line here."""

from __future__ import annotations

from pathlib import Path

from installer_tasks.systems.bundle.docker import is_docker_archive, read_docker_archive
from installer_tasks.systems.bundle.imgpkg import is_imgpkg_tar, read_imgpkg_tar
from installer_tasks.systems.bundle.model import Archive
from installer_tasks.systems.bundle.oci import LAYOUT_FILE, read_oci_folder, read_oci_tar
from installer_tasks.systems.bundle.tar import looks_like_tar, read_entries


def find_archive(path: Path) -> Archive | None:
    """The archive at `path`, or None when it is something else."""
    if path.is_dir():
        return read_oci_folder(path) if (path / LAYOUT_FILE).is_file() else None
    if not path.is_file() or not looks_like_tar(path):
        return None
    entries = read_entries(path, links=True)
    if LAYOUT_FILE in entries:
        return read_oci_tar(path, entries)
    if is_imgpkg_tar(entries):
        return read_imgpkg_tar(path, read_entries(path))
    return read_docker_archive(path, entries) if is_docker_archive(entries) else None
