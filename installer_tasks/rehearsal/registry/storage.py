"""Blobs, manifests and tags on disk.

    blobs/sha256/ab/abcd...                      content, once for all repositories
    repositories/<name>/_blobs/sha256-abcd...    the repository has this blob
    repositories/<name>/_manifests/sha256-...    media type of a manifest; its bytes are a blob
    repositories/<name>/_tags/<tag>              digest
    repositories/<name>/_referrers/<subject>/<digest>

Every file appears at once by rename, so readers need no lock.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
NAME = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
NAME_LIMIT = 255


@dataclass(frozen=True)
class Manifest:
    digest: str
    media_type: str
    content: bytes


def digest_of(content: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"


def valid_name(name: str) -> bool:
    return len(name) <= NAME_LIMIT and NAME.fullmatch(name) is not None


class Storage:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.staging = folder / "uploads"
        self._repositories = folder / "repositories"
        for path in (self.staging, self._repositories):
            path.mkdir(parents=True, exist_ok=True)

    def blob_path(self, digest: str) -> Path:
        algorithm, value = digest.split(":")
        return self.folder / "blobs" / algorithm / value[:2] / value

    def blob(self, repository: str, digest: str) -> Path | None:
        """The blob's file, if this repository has it."""
        path = self.blob_path(digest)
        return path if self._marker(repository, "_blobs", digest).exists() and path.exists() else None

    def adopt(self, repository: str, digest: str, source: Path) -> None:
        """Make a verified file this repository's blob; the file is moved."""
        path = self.blob_path(digest)
        path.parent.mkdir(parents=True, exist_ok=True)
        source.replace(path)
        self.link(repository, digest)

    def link(self, repository: str, digest: str) -> None:
        """The repository has this blob from now on."""
        marker = self._marker(repository, "_blobs", digest)
        marker.parent.mkdir(parents=True, exist_ok=True)
        marker.touch()

    def unlink(self, repository: str, digest: str) -> bool:
        return _remove(self._marker(repository, "_blobs", digest))

    def put_manifest(self, repository: str, manifest: Manifest, *, subject: str = "") -> None:
        path = self.blob_path(manifest.digest)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._write(path, manifest.content)
        self._write(self._marker(repository, "_manifests", manifest.digest), manifest.media_type.encode())
        if subject:
            self._write(self._referrers(repository, subject) / _key(manifest.digest), b"")

    def manifest(self, repository: str, reference: str) -> Manifest | None:
        """By tag or digest."""
        digest = reference if DIGEST.fullmatch(reference) else self.tag(repository, reference)
        if not digest:
            return None
        try:
            media_type = self._marker(repository, "_manifests", digest).read_text()
            return Manifest(digest, media_type, self.blob_path(digest).read_bytes())
        except FileNotFoundError:
            return None

    def delete_manifest(self, repository: str, digest: str) -> bool:
        """Removes its tags too."""
        for tag in self.tags(repository):
            if self.tag(repository, tag) == digest:
                self.delete_tag(repository, tag)
        return _remove(self._marker(repository, "_manifests", digest))

    def put_tag(self, repository: str, tag: str, digest: str) -> None:
        self._write(self._repositories / repository / "_tags" / tag, digest.encode())

    def tag(self, repository: str, tag: str) -> str:
        path = self._repositories / repository / "_tags" / tag
        return path.read_text() if TAG.fullmatch(tag) and path.exists() else ""

    def delete_tag(self, repository: str, tag: str) -> bool:
        return TAG.fullmatch(tag) is not None and _remove(self._repositories / repository / "_tags" / tag)

    def tags(self, repository: str) -> list[str]:
        return _names(self._repositories / repository / "_tags")

    def referrers(self, repository: str, subject: str) -> list[Manifest]:
        digests = [key.replace("-", ":", 1) for key in _names(self._referrers(repository, subject))]
        return [found for digest in digests if (found := self.manifest(repository, digest))]

    def exists(self, repository: str) -> bool:
        """A repository is there as soon as it has a manifest."""
        return bool(_names(self._repositories / repository / "_manifests"))

    def repositories(self, project: str = "") -> list[str]:
        top = self._repositories / project
        found = (path.parent for path in top.rglob("_manifests"))
        return sorted(
            str(path.relative_to(self._repositories)) for path in found if any((path / "_manifests").iterdir())
        )

    def project_bytes(self, project: str) -> int:
        """What a project's repositories hold, each blob once."""
        return sum(self.blob_path(digest).stat().st_size for digest in self._project_digests(project))

    def project_has(self, project: str, digest: str) -> bool:
        return digest in self._project_digests(project)

    def _project_digests(self, project: str) -> set[str]:
        top = self._repositories / project
        return {path.name.replace("-", ":", 1) for kind in ("_blobs", "_manifests") for path in _children(top, kind)}

    def _marker(self, repository: str, kind: str, digest: str) -> Path:
        return self._repositories / repository / kind / _key(digest)

    def _referrers(self, repository: str, subject: str) -> Path:
        return self._repositories / repository / "_referrers" / _key(subject)

    def _write(self, path: Path, content: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.staging / f"write-{secrets.token_hex(8)}"
        temporary.write_bytes(content)
        temporary.replace(path)


def _key(digest: str) -> str:
    return digest.replace(":", "-", 1)


def _children(top: Path, kind: str) -> Iterator[Path]:
    for folder in top.rglob(kind):
        yield from folder.iterdir()


def _names(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208 - names only, a hot path
    except FileNotFoundError:
        return []


def _remove(path: Path) -> bool:
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    return True
