"""Manifests, tags, the catalog and referrers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from installer_tasks.rehearsal.registry.answers import Answer, Refusal, json_answer
from installer_tasks.rehearsal.registry.faults import FORGETS, WRONG_DIGEST, Faults
from installer_tasks.rehearsal.registry.projects import Projects, require_pullable
from installer_tasks.rehearsal.registry.quota import Quota
from installer_tasks.rehearsal.registry.requests import Request
from installer_tasks.rehearsal.registry.storage import DIGEST, TAG, Manifest, Storage, digest_of

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
MEDIA_TYPES = (OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST)
_LIMIT = 4 * 1024 * 1024
_PAGE = 100


class Manifests:
    def __init__(self, storage: Storage, quota: Quota, projects: Projects, faults: Faults) -> None:
        self._storage = storage
        self._quota = quota
        self._projects = projects
        self._faults = faults

    def get(self, request: Request, repository: str, reference: str) -> Answer:
        manifest = self._manifest(repository, reference)
        if request.method == "GET":
            require_pullable(self._projects.get(repository.partition("/")[0]))
        headers = {
            "Content-Type": manifest.media_type,
            "Docker-Content-Digest": manifest.digest,
            "ETag": f'"{manifest.digest}"',
        }
        return Answer(200, manifest.content, headers)

    def put(self, request: Request, repository: str, reference: str) -> Answer:
        content = request.body.read(_LIMIT)
        document = _document(content, request.headers.get_content_type())
        digest = _digest(content, reference)
        self._require_movable(repository, reference, digest)
        self._check_references(repository, document)
        self._quota.check(repository, {digest: len(content)})
        subject = str(document.get("subject", {}).get("digest", ""))
        media_type = request.headers.get_content_type()
        self._storage.put_manifest(repository, Manifest(digest, media_type, content), subject=subject)
        if not DIGEST.fullmatch(reference):
            self._storage.put_tag(repository, reference, digest)
        if self._faults.active(FORGETS):
            self._storage.delete_manifest(repository, digest)
        told = digest_of(content[::-1]) if self._faults.active(WRONG_DIGEST) else digest
        headers = {"Location": f"/v2/{repository}/manifests/{digest}", "Docker-Content-Digest": told}
        return Answer(201, headers={**headers, "OCI-Subject": subject} if subject else headers)

    def delete(self, request: Request, repository: str, reference: str) -> Answer:  # noqa: ARG002 - a route's shape
        if DIGEST.fullmatch(reference):
            gone = self._storage.delete_manifest(repository, reference)
        else:
            gone = self._storage.delete_tag(repository, reference)
        if not gone:
            raise _unknown(reference)
        return Answer(202)

    def tags(self, request: Request, repository: str) -> Answer:
        if not self._storage.exists(repository):
            details = [{"name": repository}]
            raise Refusal(404, "NAME_UNKNOWN", "repository name not known to registry", details=details)
        tags, headers = _page(request, self._storage.tags(repository))
        return json_answer(200, {"name": repository, "tags": tags}, **headers)

    def catalog(self, request: Request) -> Answer:
        names, headers = _page(request, self._storage.repositories())
        return json_answer(200, {"repositories": names}, **headers)

    def referrers(self, request: Request, repository: str, digest: str) -> Answer:
        if not DIGEST.fullmatch(digest):
            raise Refusal(400, "DIGEST_INVALID", "not a digest")
        wanted = request.parameter("artifactType")
        entries = [_descriptor(manifest) for manifest in self._storage.referrers(repository, digest)]
        chosen = [entry for entry in entries if not wanted or entry["artifactType"] == wanted]
        headers = {"OCI-Filters-Applied": "artifactType"} if wanted else {}
        content = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": chosen}
        return Answer(200, json.dumps(content).encode(), {"Content-Type": OCI_INDEX, **headers})

    def _manifest(self, repository: str, reference: str) -> Manifest:
        manifest = self._storage.manifest(repository, reference)
        if manifest is None:
            raise _unknown(reference)
        return manifest

    def _require_movable(self, repository: str, reference: str, digest: str) -> None:
        """Where Harbor locks tags, other content under one that is there is refused."""
        project = self._projects.get(repository.partition("/")[0])
        locked = project is not None and project.immutable_tags and self._storage.tag(repository, reference)
        if locked and locked != digest:
            message = f"Failed to process request due to '{repository}:{reference}' configured as immutable."
            raise Refusal(412, "PRECONDITION", message)

    def _check_references(self, repository: str, document: dict[str, Any]) -> None:
        missing = [digest for digest in _blobs(document) if not self._storage.blob(repository, digest)]
        missing += [digest for digest in _children(document) if not self._storage.manifest(repository, digest)]
        if missing:
            message = "manifest references a blob or manifest unknown to registry"
            details = [{"digest": digest} for digest in missing]
            raise Refusal(400, "MANIFEST_BLOB_UNKNOWN", message, details=details)


def _document(content: bytes, media_type: str) -> dict[str, Any]:
    if media_type not in MEDIA_TYPES:
        raise Refusal(400, "MANIFEST_INVALID", f"unsupported manifest media type {media_type}")
    try:
        document = json.loads(content)
    except ValueError as error:
        raise Refusal(400, "MANIFEST_INVALID", f"manifest is not JSON: {error}") from error
    if not _well_formed(document, media_type):
        raise Refusal(400, "MANIFEST_INVALID", "manifest is not of the announced media type")
    return dict(document)


def _well_formed(document: Any, media_type: str) -> bool:
    if not isinstance(document, dict) or document.get("schemaVersion") != 2:
        return False
    if document.get("mediaType", media_type) != media_type:
        return False
    try:
        digests = [*_blobs(document), *_children(document)]
    except (KeyError, TypeError, AttributeError):
        return False
    complete = ("manifests" in document) if media_type in (OCI_INDEX, DOCKER_LIST) else ("config" in document)
    return complete and all(isinstance(digest, str) and DIGEST.fullmatch(digest) for digest in digests)


def _blobs(document: dict[str, Any]) -> Iterator[Any]:
    """Digests that must be in the repository; layers that live elsewhere by their nature are not asked for."""
    if "config" in document:
        yield document["config"]["digest"]
    for layer in document.get("layers", []):
        if not layer.get("urls"):
            yield layer["digest"]


def _children(document: dict[str, Any]) -> Iterator[Any]:
    for entry in document.get("manifests", []):
        yield entry["digest"]


def _digest(content: bytes, reference: str) -> str:
    if not DIGEST.fullmatch(reference):
        if not TAG.fullmatch(reference):
            raise Refusal(400, "TAG_INVALID", "manifest tag did not match URI")
        return digest_of(content)
    digest = digest_of(content, reference.split(":", maxsplit=1)[0])
    if digest != reference:
        raise Refusal(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
    return digest


def _descriptor(manifest: Manifest) -> dict[str, Any]:
    document = json.loads(manifest.content)
    artifact_type = document.get("artifactType") or document.get("config", {}).get("mediaType", "")
    return {
        "mediaType": manifest.media_type,
        "digest": manifest.digest,
        "size": len(manifest.content),
        "artifactType": artifact_type,
        "annotations": document.get("annotations", {}),
    }


def _unknown(reference: str) -> Refusal:
    return Refusal(404, "MANIFEST_UNKNOWN", "manifest unknown", details=[{"reference": reference}])


def _page(request: Request, names: list[str]) -> tuple[list[str], dict[str, str]]:
    """The names after `last`, at most `n`, and the Link to the next page when there is one."""
    last, count = request.parameter("last"), request.number("n", _PAGE)
    rest = [name for name in names if name > last]
    if len(rest) <= count:
        return rest, {}
    chosen = rest[:count]
    link = f'<{request.path}?n={count}&last={chosen[-1] if chosen else last}>; rel="next"'
    return chosen, {"Link": link}
