"""Facts of the cluster: the way to it, its nodes and storage, what runs in it, what an earlier installation left."""

from __future__ import annotations

from typing import TypedDict

from installer_tasks.preflight.shapes.base import Fact
from installer_tasks.preflight.shapes.trial import Tried
from installer_tasks.systems.cluster.values import KappController, Leftovers, Node, Quota, StorageClass, Webhook


class Expiry(TypedDict):
    """`given`: for how many seconds they were issued; None when they do not tell."""

    at: str
    seconds: int
    given: int | None


class Access(TypedDict):
    """What the kubeconfig says; `expires` is None when its credentials do not tell."""

    contexts: list[str]
    context: str
    server: str
    user: str  #: the kind of credentials
    expires: Expiry | None


class Version(TypedDict):
    git_version: str


class Clock(TypedDict):
    """`ahead`: seconds that the API server's clock is ahead of ours; None when it does not tell the time."""

    server: str
    here: str
    ahead: float | None


class Right(TypedDict):
    group: str
    resource: str
    verb: str
    name: str  #: of the only object that it is needed for


class Rights(TypedDict):
    asked: int
    missing: list[Right]
    user: str


class Volume(StorageClass, Tried):
    """What became of a trial claim of the default StorageClass; `words` is what the cluster said when none came."""

    size: str
    bound: bool
    seconds: int | None
    words: str


class Kinds(TypedDict):
    """Of what the release needs: what is not served, and what is announced but does not answer."""

    asked: int
    missing: list[str]
    silent: list[str]


class Trust(TypedDict):
    """Whether kapp-controller trusts the registry's authority, and what it would have to be told."""

    namespace: str
    config: str
    authority: bool
    trusted: bool
    wanted: str


class Held(TypedDict):
    """What waits for somebody who no longer comes."""

    kind: str
    name: str
    finalizers: list[str]


class State(TypedDict):
    going: bool
    since: str
    enforces: str
    held: list[Held]


class Home(State):
    """The release's namespace."""

    name: str
    there: bool
    policies: bool


class Limits(TypedDict):
    namespace: str
    quotas: list[Quota]
    ranges: list[str]


#: The release's IngressClass and Contour's kind, who made them, and whether that was this release.
Ingress = TypedDict("Ingress", {"class": str, "controller": str, "definition": str, "app": str, "ours": bool})


KUBECONFIG = Fact[Access]("cluster", "kubeconfig")
VERSION = Fact[Version]("cluster", "version")
CLOCK = Fact[Clock]("cluster", "clock")
RIGHTS = Fact[Rights]("cluster", "rights")
NODES = Fact[list[Node]]("cluster", "nodes")
REQUESTED = Fact[dict[str, dict[str, float]]]("cluster", "requested")  #: cpu and memory by node
STORAGE_CLASSES = Fact[list[StorageClass]]("cluster", "storage_classes")
VOLUME = Fact[Volume]("cluster", "volume")
KAPP_CONTROLLER = Fact[KappController]("cluster", "kapp_controller")
KINDS = Fact[Kinds]("cluster", "kinds")
TRUST = Fact[Trust]("cluster", "trust")
HOME = Fact[Home]("cluster", "home")
LIMITS = Fact[Limits]("cluster", "limits")
LEFTOVERS = Fact[Leftovers]("cluster", "leftovers")
OTHER_CONTOURS = Fact[list[str]]("cluster", "other_contours")
INGRESS = Fact[Ingress]("cluster", "ingress")
WEBHOOKS = Fact[list[Webhook]]("cluster", "webhooks")
