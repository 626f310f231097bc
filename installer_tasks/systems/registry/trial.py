"""The rights of a user, proven by doing: push a tiny real image, pull it back, and remove it where that is allowed."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from installer_tasks.errors import InstallerError
from installer_tasks.systems.bundle.manifests import digest_of
from installer_tasks.systems.bundle.model import OCI_MANIFEST
from installer_tasks.systems.registry.client import RegistryClient
from installer_tasks.systems.registry.errors import WrongDigest
from installer_tasks.text import mark as _
from installer_tasks.text import text

TRIAL_NAME = "tmc-sm-installer-trial"
#: Where nothing may be deleted trials pile up; a look must not ask for each of them every time.
SWEPT_AT_ONCE = 20
_CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
_LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"


@dataclass(frozen=True)
class TrialResult:
    """What the trial has left behind and how its removal went."""

    repository: str
    digest: str
    removed: bool
    kept_because: str = ""  #: the registry's words, when it does not let the image be removed


class TrialImage:
    """A tiny image below `project`. Its content is its tag, so that nothing of an earlier trial can stand in for it."""

    def __init__(self, client: RegistryClient, project: str, tag: str = "") -> None:
        self._client = client
        self.repository = f"{project}/{TRIAL_NAME}"
        self.tag = tag or f"trial-{secrets.token_hex(4)}"
        self._layer = _one_file(self.tag)
        self._config = _config(self._layer)
        self.manifest = _manifest(self._config, self._layer)
        self.digest = digest_of(self.manifest)
        self.layer_digest = digest_of(self._layer)

    def push(self) -> None:
        for data in (self._layer, self._config):
            self._client.put_upload(self._client.open_upload(self.repository), digest_of(data), data, len(data))
        self._client.put_manifest(self.repository, self.tag, self.manifest, OCI_MANIFEST)

    def pull_back(self) -> None:
        found = self._client.get_manifest(self.repository, self.tag)
        if found is None or found.raw != self.manifest:
            cause = text(_("The registry does not return the test image that it accepted."))
            raise WrongDigest(cause, value=f"{self.repository}:{self.tag}")
        self._client.get_blob(self.repository, self.layer_digest)

    def remove(self) -> str:
        """Delete it; the registry's words where that is not allowed."""
        return _remove(self._client, self.repository, self.digest, (self.layer_digest, digest_of(self._config)))


def push_trial(client: RegistryClient, project: str, tag: str = "") -> TrialResult:
    """Push, pull and delete a tiny image below `project`. Raises what went wrong with the push or the pull."""
    image = TrialImage(client, project, tag)
    image.push()
    try:
        image.pull_back()
    finally:
        words = image.remove()
    return TrialResult(image.repository, image.digest, not words, words)


def sweep_trials(client: RegistryClient, project: str, is_left_over: Callable[[str], bool]) -> int:
    """Remove the images of interrupted trials, by their tags; returns how many."""
    repository = f"{project}/{TRIAL_NAME}"
    left = [tag for tag in client.tags(repository) if is_left_over(tag)]
    return sum(_remove_tag(client, repository, tag) for tag in left[:SWEPT_AT_ONCE])


def _remove_tag(client: RegistryClient, repository: str, tag: str) -> bool:
    found = client.get_manifest(repository, tag)
    if found is None:
        return False
    return not _remove(client, repository, found.digest, _blobs(found.raw))


def _blobs(manifest: bytes) -> tuple[str, ...]:
    try:
        document = json.loads(manifest)
        return tuple(str(part["digest"]) for part in (*document["layers"], document["config"]))
    except (ValueError, KeyError, TypeError):  # no trial of ours, whatever its tag says
        return ()


def _remove(client: RegistryClient, repository: str, digest: str, blobs: tuple[str, ...]) -> str:
    """Delete what a trial has put there; many registries and robots do not allow it, and that is no failure."""
    words = ""
    actions = [partial(client.delete_manifest, repository, digest)]
    actions += [partial(client.delete_blob, repository, blob) for blob in blobs]
    for action in actions:
        try:
            action()
        except InstallerError as error:
            words = words or str(error.cause)
    return words


def _one_file(content: str) -> bytes:
    """A tar with one small file, without a compression that a registry could dislike."""
    name, data = b"trial.txt", content.encode()
    fields = [name.ljust(100, b"\0"), b"0000644\0", b"0000000\0", b"0000000\0", b"%011o\0" % len(data)]
    fields += [b"00000000000\0", b" " * 8, b"0", bytes(100), b"ustar\00000", bytes(247)]
    header = b"".join(fields)
    checksum = b"%06o\0 " % sum(header)
    return header[:148] + checksum + header[156:512] + data.ljust(512, b"\0") + bytes(1024)


def _config(layer: bytes) -> bytes:
    rootfs = {"type": "layers", "diff_ids": [digest_of(layer)]}
    return json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": rootfs}).encode()


def _manifest(config: bytes, layer: bytes) -> bytes:
    def described(data: bytes, media_type: str) -> dict[str, str | int]:
        return {"mediaType": media_type, "digest": digest_of(data), "size": len(data)}

    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": described(config, _CONFIG_TYPE),
        "layers": [described(layer, _LAYER_TYPE)],
    }
    return json.dumps(document).encode()
