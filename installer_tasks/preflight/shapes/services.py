"""Facts of the services: what the passwords are like (never the passwords), and what the load balancer assigns."""

from __future__ import annotations

from typing import Literal, TypedDict

from installer_tasks.preflight.shapes.base import Fact
from installer_tasks.preflight.shapes.trial import Tried


class Password(TypedDict):
    length: int
    printable: bool


class Kind(TypedDict):
    """What a password holds; nothing from which it could be guessed."""

    length: int
    different: int
    signs: list[str]
    leading_dash: bool
    ascii: bool


class Secrets(TypedDict):
    passwords: dict[str, Kind]
    equal: bool
    named: list[str]  #: the same as the user name


class AddressUse(TypedDict):
    asked: str
    problem: str
    taken_by: list[str]


class NoLoadBalancer(TypedDict):
    """Another type of Service was chosen."""

    skipped: Literal[True]
    kind: str


class LoadBalancer(Tried):
    skipped: Literal[False]
    address: str
    seconds: int


PASSWORDS = Fact[dict[str, Password]]("services", "passwords")
SECRETS = Fact[Secrets]("services", "secrets")
ADDRESS_USE = Fact[AddressUse]("services", "address_use")
LOAD_BALANCER = Fact[NoLoadBalancer | LoadBalancer]("services", "load_balancer")
