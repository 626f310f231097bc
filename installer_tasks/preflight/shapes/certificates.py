"""Facts of the certificates: cert-manager and its issuer, a trial certificate, and the supplied authorities."""

from __future__ import annotations

from typing import Literal, TypedDict

from installer_tasks.preflight.shapes.base import Fact, Sentence
from installer_tasks.preflight.shapes.certificate import Anatomy, Described
from installer_tasks.preflight.shapes.trial import Tried


class Part(TypedDict):
    """A Deployment of cert-manager."""

    name: str
    namespace: str
    wanted: int
    available: int


class CertManager(TypedDict):
    installed: bool
    version: str
    parts: dict[str, Part]


class Issuer(TypedDict):
    name: str
    kind: str
    ready: bool
    message: str


class Signing(TypedDict):
    """How the chosen issuer signs; of ACME the server, and the kinds of challenge."""

    kind: str
    server: str
    solvers: list[str]


class Trial(Tried):
    name: str
    seconds: int


class Issued(TypedDict):
    """What the issuer made of the request, as servers will present it."""

    name: str
    asked_hours: int
    renew_hours: int
    presented: list[Anatomy]
    disorder: list[Sentence]


class Chain(TypedDict):
    """Whether what was issued leads to the supplied authority; `from_root`: also for clients with the root alone."""

    issuer: str
    trusted: bool
    reason: Sentence | None
    roots: int
    from_root: bool
    missing: str
    chain: list[Described]


class Supplied(Anatomy):
    signer_supplied: bool
    cramped_by: list[str]


class Authority(TypedDict):
    certificates: list[Supplied]


class Accepted(TypedDict):
    """A certificate among the `trustedCAs` of the run, and why Go rejects it: every version, or only newer ones."""

    subject: str
    rejected: Sentence | None
    rejected_by_newer: Sentence | None


class Trust(TypedDict):
    """What vouches for a system among the `trustedCAs` of the run."""

    system: str
    host: str
    by: Literal["authority", "itself", "nobody", "unseen"]
    subject: str
    pem: str
    detail: str


CERT_MANAGER = Fact[CertManager]("certificates", "cert_manager")
ISSUERS = Fact[list[Issuer]]("certificates", "issuers")
SIGNING = Fact[Signing]("certificates", "signing")
TRIAL = Fact[Trial]("certificates", "trial")
ISSUED = Fact[Issued]("certificates", "issued")
CHAIN = Fact[Chain]("certificates", "chain")
AUTHORITY = Fact[Authority]("certificates", "authority")
ACCEPTED = Fact[list[Accepted]]("certificates", "accepted")
TRUST = Fact[list[Trust]]("certificates", "trust")
