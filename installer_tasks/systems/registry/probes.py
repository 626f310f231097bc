"""What a push will meet, found out with a trial image in place: mounts, tags that move, deep names, limits of bodies.

Nothing is kept: uploads are dropped, and what a probe has added to the trial image is removed with it.
"""

from __future__ import annotations

import json
import ssl
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from installer_tasks.errors import Conflict, InstallerError, Missing
from installer_tasks.systems.bundle.manifests import digest_of
from installer_tasks.systems.bundle.model import OCI_MANIFEST
from installer_tasks.systems.registry import auth
from installer_tasks.systems.registry.answers import Answer, error_of, error_of_failure
from installer_tasks.systems.registry.client import RegistryClient, Upload
from installer_tasks.systems.registry.errors import BadName, ReadOnly, StorageFailed, UnexpectedAnswer
from installer_tasks.systems.registry.trial import TRIAL_NAME, TrialImage
from installer_tasks.systems.registry.upload import CHUNKS
from installer_tasks.systems.registry.wire import CONNECT_SECONDS, ConnectFailed, Connections

if TYPE_CHECKING:
    from cryptography import x509

#: As deep as the repositories of TMC-SM, with dots in it as theirs have.
DEEP_NAME = f"{TRIAL_NAME}.example/packages/one/two"
MOUNT_NAME = f"{TRIAL_NAME}-mount"
#: That of no content: an upload that ends with it is thrown away by the registry.
NO_DIGEST = f"sha256:{'0' * 64}"
#: What the push engine takes for "this registry cannot mount"; it then sends the content once more.
_CANNOT_MOUNT = (UnexpectedAnswer, StorageFailed, ReadOnly, BadName, Missing)


def presented_chain(host: str, ca_pem: str | None) -> tuple[x509.Certificate, ...]:
    """What the registry presents, over the same way as all requests: a proxy on the way included."""
    # Loads `cryptography`; start-up time of a push.
    from installer_tasks.systems.certificates import chain_of, ssl_context  # noqa: PLC0415

    connections = Connections(lambda: ssl_context(ca_pem, field="registry.ca"))
    try:
        connection, _used = connections.take(urlsplit(f"https://{host}"), CONNECT_SECONDS)
    except ConnectFailed as failure:
        raise error_of_failure(failure, host, f"TLS {host}") from failure
    try:
        assert isinstance(connection.sock, ssl.SSLSocket)  # noqa: S101 - asked for https
        return chain_of(connection.sock)
    finally:
        connection.close()


def cannot_mount(client: RegistryClient, project: str, image: TrialImage) -> str:
    """Why content is not taken over from one repository into another; empty when it is."""
    repository = f"{project}/{MOUNT_NAME}"
    try:
        upload = client.mount_blob(repository, image.layer_digest, image.repository)
    except _CANNOT_MOUNT as error:
        return str(error.cause)
    if upload is not None:
        drop(client, upload)
        return "202 Accepted"
    with suppress(InstallerError):
        client.delete_blob(repository, image.layer_digest)
    return ""


def cannot_retag(client: RegistryClient, image: TrialImage, tag: str) -> str:
    """Why a tag of the trial image cannot be given to other content; empty when it can.

    Another tag than the image's own: that one must lead a sweep to the image at any moment.
    """
    document = {**json.loads(image.manifest), "annotations": {TRIAL_NAME: "put a second time"}}
    second = json.dumps(document).encode()
    client.put_manifest(image.repository, tag, image.manifest, OCI_MANIFEST)
    try:
        client.put_manifest(image.repository, tag, second, OCI_MANIFEST)
    except Conflict as error:
        return str(error.cause)
    with suppress(InstallerError):
        client.delete_manifest(image.repository, digest_of(second))
    return ""


def cannot_nest(client: RegistryClient, project: str) -> str:
    """Why a repository as deep as those of TMC-SM cannot be; empty when it can."""
    try:
        drop(client, client.open_upload(f"{project}/{DEEP_NAME}"))
    except (BadName, Missing, UnexpectedAnswer) as error:
        return str(error.cause)
    return ""


@dataclass(frozen=True)
class BodyLimit:
    """How large a body may be. `passes` is the largest size that was let through; 0 when not even small parts are."""

    asked: int
    passes: int
    told: bool  #: whether the sizes were answered at all; some servers wait for the body
    server: str = ""  #: who refused
    parts_refused: str = ""  #: why blobs cannot be sent in parts, where they would have to be


def body_limit(client: RegistryClient, repository: str, largest: int) -> BodyLimit:
    """Announce bodies of `largest` bytes and then of the push engine's parts, until one is let through."""
    upload = client.open_upload(repository)
    refused_by = ""
    try:
        for size in (largest, *(chunk for chunk in CHUNKS if chunk < largest)):
            answer = _announced(client, upload, size)
            if answer is None or answer.status != 413:
                parts = _cannot_send_parts(client, repository) if size < largest else ""
                return BodyLimit(largest, size, answer is not None, refused_by, parts)
            refused_by = answer.headers.get("Server", "-")
        return BodyLimit(largest, 0, told=True, server=refused_by)
    finally:
        drop(client, upload)


def _announced(client: RegistryClient, upload: Upload, size: int) -> Answer | None:
    answer = client.transport.announce("PUT", _ending(upload), size, scopes=(auth.push(upload.repository),))
    if answer is not None and (answer.status in (401, 429) or answer.status >= 500):
        raise error_of(answer)
    return answer


def _cannot_send_parts(client: RegistryClient, repository: str) -> str:
    upload, data = client.open_upload(repository), bytes(1024)
    try:
        upload = client.patch_upload(upload, data, 0, len(data))
        upload = client.patch_upload(upload, data, len(data), len(data))
    except InstallerError as error:
        return str(error.cause)
    finally:
        drop(client, upload)
    return ""


def drop(client: RegistryClient, upload: Upload) -> None:
    """Have the registry forget an upload. Who may not delete ends it with a digest that cannot be right."""
    scopes = (auth.push(upload.repository),)
    with suppress(InstallerError):
        if client.transport.request("DELETE", upload.address, scopes=scopes).status in (202, 204, 404):
            return
    with suppress(InstallerError):
        client.put_upload(upload, NO_DIGEST)


def _ending(upload: Upload) -> str:
    joint = "&" if "?" in upload.address else "?"
    return f"{upload.address}{joint}digest={quote(NO_DIGEST, safe='')}"
