"""Facts of the registry: how it responds, its project and room, and what a trial push met."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

from installer_tasks.preflight.shapes.base import Fact
from installer_tasks.preflight.shapes.certificate import Described


class Ping(TypedDict):
    host: str
    status: int


class Certificate(TypedDict):
    """What is presented; `days` are those until the first of it ends."""

    host: str
    chain: list[Described]
    ends_first: str
    days: int


class Login(TypedDict):
    user: str
    seconds: float


class Project(TypedDict):
    harbor: bool
    version: NotRequired[str]  #: of Harbor
    name: str
    exists: bool
    public: bool
    read_only: bool
    policies: list[str] | None  #: None where they cannot be read
    cache_of: str


class Creation(TypedDict):
    """Who asks, and whom Harbor lets create projects."""

    user: str
    is_person: bool
    is_admin: bool
    allowed: str


class Room(TypedDict):
    """Bytes; None for what cannot be told."""

    free: int | None
    disk: int | None
    needed: int | None


class Trial(TypedDict):
    repository: str
    digest: str


class Pulled(TypedDict):
    repository: str


class NodePull(TypedDict):
    node: str
    outcome: str
    kind: str
    words: str


class NoPull(TypedDict):
    """No cluster was named."""

    skipped: Literal[True]


class Pull(TypedDict):
    """One outcome a worker."""

    skipped: Literal[False]
    host: str
    image: str
    seconds: int
    nodes: list[NodePull]


class Refusal(TypedDict):
    """What the registry said; "" where it did not refuse."""

    refused: str


class Retag(Refusal):
    tag: str


class Bodies(TypedDict):
    """As `probes.BodyLimit` has it."""

    asked: int
    passes: int
    told: bool
    server: str
    parts_refused: str


class Removal(TypedDict):
    kept: str


PING = Fact[Ping]("registry", "ping")
CERTIFICATE = Fact[Certificate]("registry", "certificate")
LOGIN = Fact[Login]("registry", "login")
PROJECT = Fact[Project]("registry", "project")
CREATION = Fact[Creation]("registry", "creation")
ROOM = Fact[Room]("registry", "room")
TRIAL = Fact[Trial]("registry", "trial")
PULLED = Fact[Pulled]("registry", "pulled")
PULL = Fact[NoPull | Pull]("registry", "pull")
MOUNT = Fact[Refusal]("registry", "mount")
NESTED = Fact[Refusal]("registry", "nested")
BODIES = Fact[Bodies]("registry", "bodies")
RETAG = Fact[Retag]("registry", "retag")
REMOVAL = Fact[Removal]("registry", "removal")
