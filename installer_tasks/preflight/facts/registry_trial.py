"""What a push will meet: a tiny image is pushed, looked at from all sides, and removed."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import cast

from installer_tasks.errors import InstallerError
from installer_tasks.preflight.facts import trial_owner
from installer_tasks.preflight.facts.authority import supplied
from installer_tasks.preflight.facts.base import Observations, Probe
from installer_tasks.preflight.facts.trial_images import new_tag, trial_image
from installer_tasks.preflight.facts.trial_pull import pull_on_nodes
from installer_tasks.preflight.shapes import registry as shapes
from installer_tasks.systems.bundle import ReleaseBundle
from installer_tasks.systems.bundle.folder import read_release_bundle
from installer_tasks.systems.registry import Reference, RegistryClient
from installer_tasks.systems.registry.errors import WrongDigest
from installer_tasks.systems.registry.probes import body_limit, cannot_mount, cannot_nest, cannot_retag
from installer_tasks.systems.registry.trial import TrialImage
from installer_tasks.text import mark as _
from installer_tasks.text import text

#: Above the limits that proxies come with; the layers of a release are larger.
LARGE = 16 << 20
#: What the trial image is for.
FACTS = (
    shapes.TRIAL,
    shapes.PULLED,
    shapes.PULL,
    shapes.MOUNT,
    shapes.NESTED,
    shapes.BODIES,
    shapes.RETAG,
    shapes.REMOVAL,
)


def collect(client: RegistryClient, target: Reference, answers: Mapping[str, str], observations: Observations) -> None:
    ca = supplied(answers, "registry.ca")
    with ExitStack() as removed_afterwards:

        def push() -> TrialImage:
            pushed = removed_afterwards.enter_context(trial_image(client, target.path))
            _require_kept(client, pushed)
            return pushed

        image = observations.observe_with(shapes.TRIAL, push, _trial)
        if image is None:
            return
        observations.observe_together(
            Probe(shapes.PULLED, lambda: _pulled(target.host, ca, image)),
            Probe(shapes.PULL, lambda: pull_on_nodes(answers, target, image)),
            Probe(shapes.MOUNT, lambda: {"refused": cannot_mount(client, target.path, image)}),
            Probe(shapes.NESTED, lambda: {"refused": cannot_nest(client, target.path)}),
            Probe(shapes.BODIES, lambda: _bodies(client, image, answers)),
        )
        # Alone: docker-registry answers 500 to who reads a manifest while it is put once more.
        observations.observe(shapes.RETAG, lambda: _retag(client, image))
        observations.observe(shapes.REMOVAL, lambda: {"kept": image.remove()})


def _trial(image: TrialImage) -> shapes.Trial:
    return {"repository": image.repository, "digest": image.digest}


def _require_kept(client: RegistryClient, image: TrialImage) -> None:
    """Asked as the push engine asks at its end."""
    found = client.head_manifest(image.repository, image.tag)
    if found != image.digest or not client.head_blob(image.repository, image.layer_digest):
        raise WrongDigest(
            text(_("The registry accepted the test image, but no longer had it a moment later.")),
            value=f"{image.repository}:{image.tag}",
            remedy=text(_("Check the registry's storage: replicas without shared storage, or an active cleanup job.")),
        )


def _pulled(host: str, ca: str | None, image: TrialImage) -> shapes.Pulled:
    """Asked without a user, as nodes do, and by digest: the tag is moved meanwhile."""
    client = RegistryClient(host, ca_pem=ca)
    try:
        found = client.get_manifest(image.repository, image.digest)
        if found is None or found.raw != image.manifest:
            cause = text(_("The registry does not return the test image that it accepted."))
            raise WrongDigest(cause, value=image.repository)
        client.get_blob(image.repository, image.layer_digest)
    finally:
        client.close()
    return {"repository": image.repository}


def _retag(client: RegistryClient, image: TrialImage) -> shapes.Retag:
    tag = new_tag()
    with trial_owner.running(tag):
        return {"refused": cannot_retag(client, image, tag), "tag": tag}


def _bodies(client: RegistryClient, image: TrialImage, answers: Mapping[str, str]) -> shapes.Bodies:
    bundle = _bundle(answers)
    sizes = [blob.size for archive in bundle.archives for blob in archive.blobs.values()] if bundle else []
    return cast("shapes.Bodies", vars(body_limit(client, image.repository, max(LARGE, *sizes, 0))))


def needed_bytes(answers: Mapping[str, str]) -> int | None:
    bundle = _bundle(answers)
    return bundle.total_bytes if bundle else None


def _bundle(answers: Mapping[str, str]) -> ReleaseBundle | None:
    try:
        return read_release_bundle(Path(answers["bundle.path"]))
    except InstallerError:  # the bundle's own checks say what is wrong with it
        return None
