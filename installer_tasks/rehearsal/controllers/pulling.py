"""Nodes pull an image as containerd does: they really ask the registry, each with its own trust, names and logins."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from hashlib import sha256

import urllib3

from installer_tasks.rehearsal.controllers.events import tell
from installer_tasks.rehearsal.controllers.fetching import ACCEPT, Reference, ask_for_token, go_words, token_headers
from installer_tasks.rehearsal.controllers.objects import Object
from installer_tasks.rehearsal.controllers.world import Background, World

#: Kubelets wait ten seconds and more; nobody learns anything from that here.
BETWEEN_PULLS = 1.0
DNS = "10.0.0.2:53"


@dataclass(frozen=True)
class Node:
    """How one node sees the registry."""

    authorities: str  #: PEMs that its containerd trusts
    finds_names: bool = True
    reaches: bool = True  #: else a firewall swallows what it sends
    login: str = field(default="", repr=False)  #: `user:password` that its containerd sends to the registry


class Pulls:
    """The state of the images of pods that somebody made by hand."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._background = Background(world.wake)

    def state(self, pod: Object) -> dict[str, str] | None:
        """What its container waits for, in the kubelet's words; None once all its images are there."""
        uid = pod["metadata"]["uid"]
        answer = self._background.ask(lambda: self._problem(pod), uid)
        if not answer:
            return {"reason": "ContainerCreating"}
        image, problem = answer[0]
        if not problem:
            self._background.forget(uid)
            return None
        if self._world.clock.since("pull", uid) < BETWEEN_PULLS:
            tell(self._world.desk, pod, "Failed", f'Failed to pull image "{image}": {problem}')
            return {"reason": "ErrImagePull", "message": problem}
        self._world.clock.restart("pull", uid)
        self._background.forget(uid)
        return {"reason": "ImagePullBackOff", "message": f'Back-off pulling image "{image}"'}

    def _problem(self, pod: Object) -> tuple[str, str]:
        node = pod["spec"]["nodeName"]
        for container in pod["spec"]["containers"]:
            image = str(container.get("image", ""))
            if container.get("imagePullPolicy") == "Never":
                return image, f'Container image "{image}" is not present with pull policy of Never'
            if problem := self._world.hooks.pull_on(image, node):
                return image, problem
        return "", ""


def pull_image(image: str, node: Node) -> str:
    """Manifest and blobs of the image; why they cannot be had, as the kubelet reports it, or nothing."""
    reference = Reference.parse(image)
    url = f"https://{reference.host}/v2/{reference.path}"
    head = f'Head "{url}/manifests/{reference.version}"'
    if not node.finds_names:
        name = reference.host.partition(":")[0]
        return _unresolved(image, f"failed to do request: {head}: dial tcp: lookup {name} on {DNS}: no such host")
    if not node.reaches:
        return _unresolved(image, f"failed to do request: {head}: dial tcp {reference.host}: i/o timeout")
    context = ssl.create_default_context()
    if node.authorities:
        context.load_verify_locations(cadata=node.authorities)
    with urllib3.PoolManager(ssl_context=context, retries=urllib3.Retry(total=0), timeout=10.0) as pool:
        try:
            return _pulled(pool, reference, url, node.login)
        except urllib3.exceptions.HTTPError as error:
            words = go_words(error, reference.host)
            trust = "tls: failed to verify certificate: " if words.startswith("x509") else ""
            return _unresolved(image, f"failed to do request: {head}: {trust}{words}")


def _pulled(pool: urllib3.PoolManager, reference: Reference, url: str, login: str) -> str:
    ping = pool.request("GET", f"https://{reference.host}/v2/")
    refusal = ask_for_token(pool, reference, ping, login) if login else None
    if refusal is not None and refusal.status != 200:
        words = (
            f"failed to authorize: failed to fetch oauth token: unexpected status: {refusal.status} {refusal.reason}"
        )
        return _unresolved(str(reference), words)
    headers = token_headers(pool, reference, ping)
    answer = pool.request("GET", f"{url}/manifests/{reference.version}", headers={"Accept": ACCEPT, **headers})
    if answer.status == 404:
        return _unresolved(str(reference), f"{reference}: not found", code="NotFound")
    if answer.status in (401, 403):
        words = "pull access denied, repository does not exist or may require authorization: authorization failed: "
        return _unresolved(str(reference), f"{words}{answer.status} {answer.reason}")
    if answer.status != 200:
        words = f"unexpected status from HEAD request to {url}/manifests/{reference.version}: {answer.status}"
        return _unresolved(str(reference), f"{words} {answer.reason}")
    document = answer.json()
    for blob in (document["config"], *document["layers"]):
        content = pool.request("GET", f"{url}/blobs/{blob['digest']}", headers=headers)
        if content.status != 200 or f"sha256:{sha256(content.data).hexdigest()}" != blob["digest"]:
            words = f"failed to copy: unexpected commit digest, expected {blob['digest']}: failed precondition"
            return f'rpc error: code = Unknown desc = failed to pull and unpack image "{reference}": {words}'
    return ""


def _unresolved(image: str, words: str, *, code: str = "Unknown") -> str:
    return (
        f'rpc error: code = {code} desc = failed to pull and unpack image "{image}": '
        f'failed to resolve reference "{image}": {words}'
    )
