"""The rights of a user, proven by doing: push a tiny real image, pull it back, and remove it where that is allowed."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from functools import partial

from installer_tasks.bundle.manifests import digest_of
from installer_tasks.bundle.model import OCI_MANIFEST
from installer_tasks.errors import InstallerError
from installer_tasks.registry.client import RegistryClient
from installer_tasks.registry.errors import WrongDigest
from installer_tasks.text import mark as _
from installer_tasks.text import text

TRIAL_NAME = "tmc-sm-installer-trial"
_CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
_LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"


@dataclass(frozen=True)
class TrialResult:
    """What the trial has left behind and how its removal went."""

    repository: str
    digest: str
    removed: bool
    kept_because: str = ""  #: the registry's words, when it does not let the image be removed


def push_trial(client: RegistryClient, project: str) -> TrialResult:
    """Push, pull and delete a tiny image below `project`. Raises what went wrong with the push or the pull.

    Its content is random, so that nothing of an earlier trial can stand in for it.
    """
    repository = f"{project}/{TRIAL_NAME}"
    tag = f"trial-{secrets.token_hex(4)}"
    layer = _one_file(tag)
    config = _config(layer)
    for data in (layer, config):
        client.put_upload(client.open_upload(repository), digest_of(data), data, len(data))
    manifest = _manifest(config, layer)
    client.put_manifest(repository, tag, manifest, OCI_MANIFEST)
    try:
        _pull_back(client, repository, tag, manifest, layer)
    finally:
        removed, words = _remove(client, repository, digest_of(manifest), (layer, config))
    return TrialResult(repository, digest_of(manifest), removed, words)


def _pull_back(client: RegistryClient, repository: str, tag: str, manifest: bytes, layer: bytes) -> None:
    found = client.get_manifest(repository, tag)
    if found is None or found.raw != manifest:
        cause = text(_("The registry does not give back the trial image that it has just taken."))
        raise WrongDigest(cause, value=f"{repository}:{tag}")
    client.get_blob(repository, digest_of(layer))


def _remove(client: RegistryClient, repository: str, digest: str, blobs: tuple[bytes, ...]) -> tuple[bool, str]:
    """Delete what the trial has put there; many registries and robots do not allow it, and that is no failure."""
    words = ""
    actions = [partial(client.delete_manifest, repository, digest)]
    actions += [partial(client.delete_blob, repository, digest_of(data)) for data in blobs]
    for action in actions:
        try:
            action()
        except InstallerError as error:
            words = words or str(error.cause)
    return not words, words


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
