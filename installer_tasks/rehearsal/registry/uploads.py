"""Uploads under way: each a file that grows, its digest computed as the bytes arrive.

An upload survives a broken connection and a restart of the registry: what has arrived is kept, and the client asks how
much that is (GET) and sends the rest.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import threading
import uuid
from collections.abc import Iterable
from pathlib import Path

from installer_tasks.rehearsal.registry.answers import Refusal
from installer_tasks.rehearsal.registry.storage import DIGEST, Storage

_ID = re.compile(r"[0-9a-f-]{36}")
_BLOCK = 1024 * 1024


class Upload:
    """One upload; its lock is held by the request that works on it."""

    def __init__(self, folder: Path, repository: str) -> None:
        self.identifier = folder.name
        self.repository = repository
        self.folder = folder
        self.file = folder / "data"
        self.lock = threading.Lock()
        self.size = 0
        self._sha256 = hashlib.sha256()

    @classmethod
    def reopen(cls, folder: Path) -> Upload:
        """Of an earlier life of the registry: read again what had arrived."""
        upload = cls(folder, (folder / "repository").read_text())
        with upload.file.open("rb") as stream:
            while block := stream.read(_BLOCK):
                upload._sha256.update(block)
                upload.size += len(block)
        return upload

    def append(self, blocks: Iterable[bytes]) -> None:
        with self.file.open("ab", buffering=0) as stream:
            for block in blocks:
                stream.write(block)
                self._sha256.update(block)
                self.size += len(block)

    def digest(self, algorithm: str) -> str:
        if algorithm == "sha256":
            return f"sha256:{self._sha256.hexdigest()}"
        with self.file.open("rb") as stream:
            return f"{algorithm}:{hashlib.file_digest(stream, algorithm).hexdigest()}"


class Uploads:
    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._lock = threading.Lock()
        self._open: dict[str, Upload] = {}

    def open(self, repository: str) -> Upload:
        folder = self._storage.staging / str(uuid.uuid4())
        folder.mkdir()
        (folder / "repository").write_text(repository)
        (folder / "data").touch()
        upload = Upload(folder, repository)
        with self._lock:
            self._open[upload.identifier] = upload
        return upload

    def get(self, repository: str, identifier: str) -> Upload:
        with self._lock:
            upload = self._open.get(identifier) or self._reopen(identifier)
        if upload is None or upload.repository != repository:
            raise Refusal(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
        return upload

    def finish(self, upload: Upload, digest: str) -> None:
        """The upload becomes a blob, or is thrown away when its digest is not the one announced."""
        if not DIGEST.fullmatch(digest):
            raise Refusal(400, "DIGEST_INVALID", "provided digest is not a digest")
        if upload.digest(digest.split(":", maxsplit=1)[0]) != digest:
            self.cancel(upload)
            raise Refusal(400, "DIGEST_INVALID", "provided digest did not match uploaded content", details=[digest])
        self._storage.adopt(upload.repository, digest, upload.file)
        self.cancel(upload)

    def cancel(self, upload: Upload) -> None:
        with self._lock:
            self._open.pop(upload.identifier, None)
        shutil.rmtree(upload.folder, ignore_errors=True)

    def _reopen(self, identifier: str) -> Upload | None:
        folder = self._storage.staging / identifier
        if not _ID.fullmatch(identifier) or not (folder / "repository").exists():
            return None
        upload = Upload.reopen(folder)
        self._open[identifier] = upload
        return upload
