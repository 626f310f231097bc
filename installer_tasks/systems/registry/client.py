"""The verbs of the Distribution protocol, each one request, for one registry."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from installer_tasks.systems.bundle.manifests import MEDIA_TYPES, digest_of, is_digest
from installer_tasks.systems.registry import auth
from installer_tasks.systems.registry.answers import Answer, error_of
from installer_tasks.systems.registry.errors import NotARegistry, UnexpectedAnswer, WrongDigest
from installer_tasks.systems.registry.transport import MAX_ANSWER, Body, Transport
from installer_tasks.text import mark as _
from installer_tasks.text import text

SLOWEST_STORAGE = 10 * 1000 * 1000  #: bytes a second that a registry may take to store what it received
_ACCEPT = {"Accept": ", ".join(MEDIA_TYPES)}
_BINARY = {"Content-Type": "application/octet-stream"}


@dataclass(frozen=True)
class Upload:
    """An open upload: where its next request goes. Every answer moves it."""

    repository: str
    address: str
    min_chunk: int = 0


@dataclass(frozen=True)
class FetchedManifest:
    """A manifest as the registry holds it; its digest has been checked."""

    digest: str
    media_type: str
    raw: bytes


class RegistryClient:
    """One registry, one user. Shared by threads. TLS is always verified; `plain_http` is for loopback tests only."""

    def __init__(
        self,
        host: str,
        username: str = "",
        password: str = "",
        ca_pem: str | None = None,
        *,
        plain_http: bool = False,
    ) -> None:
        self.host = host
        self.username = username
        self.transport = Transport(host, username, password, ca_pem, plain_http=plain_http)

    def __repr__(self) -> str:
        return f"RegistryClient({self.host!r}, {self.username!r})"

    def ping(self) -> float:
        """Prove that this is a registry and that it takes the user; the seconds of one more question."""
        answer = self.transport.request("GET", "/v2/")
        if answer.status in (400, 401, 403) or answer.status >= 500:
            raise error_of(answer)
        if answer.status != 200 or b"<html" in answer.body[:1000].lower():
            template = _("%(url)s is not a container registry (it returned %(status)s %(words)s).")
            cause = text(template, url=answer.url, status=answer.status, words=answer.words[:100])
            raise NotARegistry(cause, value=self.host, detail=answer.detail)
        begun = time.monotonic()
        self.transport.request("GET", "/v2/")
        return time.monotonic() - begun

    # manifests and tags

    def head_manifest(self, repository: str, reference: str) -> str | None:
        """The digest of a tag's or digest's manifest, None when it is absent."""
        address = f"/v2/{repository}/manifests/{reference}"
        answer = self.transport.request("HEAD", address, scopes=(auth.push(repository),), headers=_ACCEPT)
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise self._explained(answer, repository)
        digest = answer.headers.get("Docker-Content-Digest", "")
        return digest if is_digest(digest) else self._fetched_digest(repository, reference)

    def _fetched_digest(self, repository: str, reference: str) -> str | None:
        """Registries may leave the header out; then only the content tells."""
        found = self.get_manifest(repository, reference)
        return found.digest if found else None

    def get_manifest(self, repository: str, reference: str) -> FetchedManifest | None:
        """The manifest, its digest proven; None when it is absent."""
        address = f"/v2/{repository}/manifests/{reference}"
        answer = self.transport.request("GET", address, scopes=(auth.pull(repository),), headers=_ACCEPT)
        if answer.status == 404:
            return None
        _require(answer, 200)
        digest = digest_of(answer.body)
        if reference.startswith("sha256:") and digest != reference:
            raise _wrong_digest(answer, reference, digest)
        return FetchedManifest(digest, answer.headers.get("Content-Type", ""), answer.body)

    def put_manifest(self, repository: str, reference: str, raw: bytes, media_type: str) -> None:
        """Put the manifest under a tag or its digest; the registry must confirm the digest."""
        answer = self.transport.request(
            "PUT",
            f"/v2/{repository}/manifests/{reference}",
            scopes=(auth.push(repository),),
            headers={"Content-Type": media_type},
            body=raw,
        )
        _require(answer, 201, 200, 202)
        expected, confirmed = digest_of(raw), answer.headers.get("Docker-Content-Digest", "")
        if confirmed.startswith("sha256:") and confirmed != expected:
            raise _wrong_digest(answer, expected, confirmed)

    def delete_manifest(self, repository: str, digest: str) -> None:
        scopes = (auth.push(repository), auth.delete(repository))
        _require(self.transport.request("DELETE", f"/v2/{repository}/manifests/{digest}", scopes=scopes), 202, 200)

    def tags(self, repository: str) -> tuple[str, ...]:
        """Tags of a repository; none when the repository does not exist."""
        address: str | None = f"/v2/{repository}/tags/list"
        found: list[str] = []
        while address:
            answer = self.transport.request("GET", address, scopes=(auth.pull(repository),))
            if answer.status == 404:
                return ()
            _require(answer, 200)
            found += _tags(answer)
            address = self._next_page(answer, address)
        return tuple(found)

    def _next_page(self, answer: Answer, asked: str) -> str | None:
        link = answer.headers.get("Link", "")
        if 'rel="next"' not in link:
            return None
        following = self.transport.resolve(link.partition("<")[2].partition(">")[0], asked)
        return following if following != asked else None

    # blobs

    def head_blob(self, repository: str, digest: str) -> bool:
        """Whether the repository has the blob. A redirect to its storage is a yes."""
        scopes = (auth.push(repository),)
        answer = self.transport.request("HEAD", f"/v2/{repository}/blobs/{digest}", scopes=scopes, follow=False)
        if answer.status == 404:
            return False
        if answer.status not in (200, 301, 302, 307, 308):
            raise self._explained(answer, repository)
        return True

    def get_blob(self, repository: str, digest: str, limit: int = MAX_ANSWER) -> bytes:
        """A small blob, its digest proven."""
        scopes = (auth.pull(repository),)
        answer = self.transport.request("GET", f"/v2/{repository}/blobs/{digest}", scopes=scopes, limit=limit)
        _require(answer, 200)
        if digest.startswith("sha256:") and digest_of(answer.body) != digest:
            raise _wrong_digest(answer, digest, digest_of(answer.body))
        return answer.body

    def delete_blob(self, repository: str, digest: str) -> None:
        scopes = (auth.push(repository), auth.delete(repository))
        _require(self.transport.request("DELETE", f"/v2/{repository}/blobs/{digest}", scopes=scopes), 202, 200)

    def mount_blob(self, repository: str, digest: str, source: str) -> Upload | None:
        """Take the blob over from repository `source`. None: done. An upload: not done, but this one is open now."""
        query = urlencode({"mount": digest, "from": source})
        address = f"/v2/{repository}/blobs/uploads/?{query}"
        scopes = (auth.push(repository), auth.pull(source))
        answer = self.transport.request("POST", address, scopes=scopes, headers={"Content-Length": "0"})
        if answer.status == 201:
            return None
        _require(answer, 202)
        return self._upload(repository, answer, address)

    def open_upload(self, repository: str) -> Upload:
        address = f"/v2/{repository}/blobs/uploads/"
        scopes = (auth.push(repository),)
        answer = self.transport.request("POST", address, scopes=scopes, headers={"Content-Length": "0"})
        _require(answer, 202)
        return self._upload(repository, answer, address)

    def put_upload(self, upload: Upload, digest: str, body: Body | bytes = b"", size: int = 0) -> None:
        """Send the whole content, or with no body end an upload whose parts were sent, and have it stored."""
        joint = "&" if "?" in upload.address else "?"
        answer = self.transport.request(
            "PUT",
            f"{upload.address}{joint}digest={quote(digest, safe='')}",
            scopes=(auth.push(upload.repository),),
            headers={**_BINARY, "Content-Length": str(size)},
            body=body,
            seconds=answer_seconds(size),
        )
        _require(answer, 201, 200, 204)

    def patch_upload(self, upload: Upload, body: Body | bytes, start: int, size: int) -> Upload:
        """Send one part of the content; the upload as it goes on."""
        answer = self.transport.request(
            "PATCH",
            upload.address,
            scopes=(auth.push(upload.repository),),
            headers={**_BINARY, "Content-Length": str(size), "Content-Range": f"{start}-{start + size - 1}"},
            body=body,
            seconds=answer_seconds(size),
        )
        _require(answer, 202, 201, 204)
        return self._upload(upload.repository, answer, upload.address)

    def upload_offset(self, upload: Upload) -> int | None:
        """How many bytes an interrupted upload holds; None when it cannot be continued."""
        answer = self.transport.request("GET", upload.address, scopes=(auth.push(upload.repository),))
        last = answer.headers.get("Range", "").rpartition("-")[2]
        return int(last) + 1 if answer.status == 204 and last.isdigit() else None

    def cancel_upload(self, upload: Upload) -> None:
        """Give an upload up. Registries want the right to delete for this; a refusal is of no consequence."""
        self.transport.request("DELETE", upload.address, scopes=(auth.push(upload.repository),), seconds=2)

    def abort(self) -> None:
        """End all requests now; they raise Cancelled, as all after them until `revive`."""
        self.transport.abort()

    def revive(self) -> None:
        self.transport.revive()

    def close(self) -> None:
        self.transport.close()

    def _upload(self, repository: str, answer: Answer, asked: str) -> Upload:
        location = answer.headers.get("Location", "")
        if not location:
            cause = text(
                _("The registry started an upload without returning its location (%(request)s)."),
                request=answer.request,
            )
            raise UnexpectedAnswer(cause, value=answer.url, detail=answer.detail)
        least = answer.headers.get("OCI-Chunk-Min-Length", "0")
        return Upload(repository, self.transport.resolve(location, asked), int(least) if least.isdigit() else 0)

    def _explained(self, answer: Answer, repository: str) -> Exception:
        """The answer to a HEAD has no body: ask once more in words, only to learn the reason."""
        spoken = self.transport.request("GET", f"/v2/{repository}/tags/list", scopes=(auth.pull(repository),))
        return error_of(spoken if spoken.status == answer.status else answer)


def answer_seconds(size: int) -> float:
    """How long a registry may take to answer after `size` bytes: it hashes and stores them first."""
    return max(120.0, size / SLOWEST_STORAGE)


def _require(answer: Answer, *statuses: int) -> None:
    if answer.status not in statuses:
        raise error_of(answer)


def _tags(answer: Answer) -> list[str]:
    try:
        found = json.loads(answer.body).get("tags") or []
    except (ValueError, AttributeError) as error:
        cause = text(_("The registry returned an invalid tag list (%(request)s)."), request=answer.request)
        raise UnexpectedAnswer(cause, value=answer.url) from error
    return [str(tag) for tag in found]


def _wrong_digest(answer: Answer, expected: str, found: str) -> WrongDigest:
    template = _("The registry returned digest %(found)s for %(request)s, not %(expected)s.")
    cause = text(template, request=answer.request, found=found, expected=expected)
    return WrongDigest(cause, value=answer.url)
