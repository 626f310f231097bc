"""Blobs and their uploads (`/v2/<name>/blobs/...`)."""

from __future__ import annotations

import re
from pathlib import Path

from installer_tasks.rehearsal.registry.answers import Answer, FileSlice, Refusal
from installer_tasks.rehearsal.registry.auth import Access, Gate
from installer_tasks.rehearsal.registry.counters import Counters
from installer_tasks.rehearsal.registry.faults import (
    CHANGES_CONTENT,
    DISK_FULL,
    DROPS_BLOBS,
    LOSES_UPLOADS,
    NO_MOUNT,
    Faults,
)
from installer_tasks.rehearsal.registry.quota import Quota
from installer_tasks.rehearsal.registry.requests import Request
from installer_tasks.rehearsal.registry.storage import DIGEST, Storage
from installer_tasks.rehearsal.registry.uploads import Upload, Uploads

_CONTENT_RANGE = re.compile(r"(?:bytes )?(\d+)-(\d+)(?:/.*)?")
_SMALL = 16 * 1024
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


class Blobs:
    def __init__(self, storage: Storage, gate: Gate, quota: Quota, counters: Counters, faults: Faults) -> None:
        self._storage = storage
        self._uploads = Uploads(storage)
        self._gate = gate
        self._quota = quota
        self._counters = counters
        self._faults = faults

    def get(self, request: Request, repository: str, digest: str) -> Answer:
        path = self._blob(repository, digest)
        headers = {
            "Content-Type": "application/octet-stream",
            "Docker-Content-Digest": digest,
            "Accept-Ranges": "bytes",
            "ETag": f'"{digest}"',
        }
        if self._faults.active(CHANGES_CONTENT):
            return Answer(200, path.read_bytes()[::-1], headers)
        wanted = request.headers.get("Range", "")
        return _part(path, wanted, headers) if wanted else _whole(path, headers)

    def delete(self, request: Request, repository: str, digest: str) -> Answer:  # noqa: ARG002 - a route's shape
        self._blob(repository, digest)
        self._storage.unlink(repository, digest)
        return Answer(202, headers={"Docker-Content-Digest": digest})

    def open(self, request: Request, repository: str) -> Answer:
        """A new upload, or none at all when the blob can be mounted from another repository.

        A body is ignored, as distribution does; the specification allows that.
        """
        digest, source = request.parameter("mount"), request.parameter("from")
        if digest and source and not self._faults.active(NO_MOUNT):
            self._gate.require(request, Access(source, ("pull",)))
            if DIGEST.fullmatch(digest) and self._storage.blob(source, digest):
                self._storage.link(repository, digest)
                return _created(repository, digest)
        return _progress(202, self._uploads.open(repository))

    def status(self, request: Request, repository: str, identifier: str) -> Answer:
        upload = self._upload(request, repository, identifier)
        with upload.lock:
            return _progress(204, upload)

    def append(self, request: Request, repository: str, identifier: str) -> Answer:
        upload = self._upload(request, repository, identifier)
        with upload.lock:
            _check_start(request, upload)
            upload.append(request.body.blocks())
            return _progress(202, upload)

    def finish(self, request: Request, repository: str, identifier: str) -> Answer:
        """The rest of the bytes, or all of them, and the digest they must have."""
        upload = self._upload(request, repository, identifier)
        digest = request.parameter("digest")
        with upload.lock:
            if not digest:
                raise Refusal(400, "DIGEST_INVALID", "digest missing")
            _check_start(request, upload)
            upload.append(request.body.blocks())
            size = upload.size
            self._quota.check(repository, {digest: size})
            self._require_room(size)
            if self._faults.active(DROPS_BLOBS):
                self._uploads.cancel(upload)
                return _created(repository, digest)
            self._uploads.finish(upload, digest)
        self._counters.completed(digest, size)
        request.digest = digest
        return _created(repository, digest)

    def cancel(self, request: Request, repository: str, identifier: str) -> Answer:
        self._uploads.cancel(self._upload(request, repository, identifier))
        return Answer(204)

    def _require_room(self, size: int) -> None:
        """A disk that is full has room for a few small files, as they do."""
        if size > _SMALL and self._faults.active(DISK_FULL):
            raise Refusal(500, "UNKNOWN", "unknown error", details=["write: no space left on device"])

    def _upload(self, request: Request, repository: str, identifier: str) -> Upload:
        # The state belongs to the Location; a client that makes its own addresses fails here as it would elsewhere.
        if not request.parameter("_state"):
            raise Refusal(404, "BLOB_UPLOAD_INVALID", "blob upload invalid")
        if self._faults.active(LOSES_UPLOADS):
            raise Refusal(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
        return self._uploads.get(repository, identifier)

    def _blob(self, repository: str, digest: str) -> Path:
        if not DIGEST.fullmatch(digest):
            raise Refusal(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        path = self._storage.blob(repository, digest)
        if path is None:
            raise Refusal(404, "BLOB_UNKNOWN", "blob unknown to registry", details=[digest])
        return path


def _check_start(request: Request, upload: Upload) -> None:
    value = request.headers.get("Content-Range", "")
    if not value:
        return
    match = _CONTENT_RANGE.fullmatch(value)
    if not match or int(match[1]) != upload.size:
        headers = dict(_progress(416, upload).headers)
        raise Refusal(416, "RANGE_INVALID", "invalid content range", headers=headers)


def _progress(status: int, upload: Upload) -> Answer:
    location = f"/v2/{upload.repository}/blobs/uploads/{upload.identifier}?_state={upload.identifier[:8]}-{upload.size}"
    headers = {
        "Location": location,
        "Range": f"0-{max(upload.size - 1, 0)}",
        "Docker-Upload-Uuid": upload.identifier,
    }
    return Answer(status, headers=headers)


def _created(repository: str, digest: str) -> Answer:
    return Answer(201, headers={"Location": f"/v2/{repository}/blobs/{digest}", "Docker-Content-Digest": digest})


def _whole(path: Path, headers: dict[str, str]) -> Answer:
    return Answer(200, FileSlice(path, 0, path.stat().st_size), headers)


def _part(path: Path, wanted: str, headers: dict[str, str]) -> Answer:
    size = path.stat().st_size
    match = _RANGE.fullmatch(wanted)
    if not match or not (match[1] or match[2]):
        return _whole(path, headers)  # a range we do not understand is ignored (RFC 9110)
    if match[1]:
        start, end = int(match[1]), min(int(match[2] or size), size - 1)
    else:
        start, end = max(size - int(match[2]), 0), size - 1
    if start > end:
        raise Refusal(416, "RANGE_INVALID", "invalid content range", headers={"Content-Range": f"bytes */{size}"})
    part = FileSlice(path, start, end - start + 1)
    return Answer(206, part, {**headers, "Content-Range": f"bytes {start}-{end}/{size}"})
