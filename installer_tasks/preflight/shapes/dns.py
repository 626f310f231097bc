"""Facts of the zone: what its names lead to, asked of several servers, and what the cluster's own DNS does."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

from installer_tasks.preflight.shapes.base import Error, Fact


class Zone(TypedDict):
    name: str


class Server(TypedDict):
    server: str  #: that was asked; "" for this machine's own
    zone_resolves: bool


class Record(TypedDict):
    """What one name leads to; `ttl` where it leads anywhere, `error` where it does not."""

    addresses: list[str]
    cname: str
    ttl: NotRequired[int]
    error: NotRequired[Error]


class Wildcard(TypedDict):
    """What a name leads to that nobody made; `unanswered` is the code where this could not be told."""

    addresses: list[str]
    cname: str
    unanswered: str


class Holder(TypedDict):
    """The zone, in the sense of DNS, that holds the names; "" when nobody says."""

    zone: str
    exists: bool
    server: str
    unanswered: str


class Mail(TypedDict):
    servers: list[str]
    unanswered: str


class View(TypedDict):
    """Addresses by name as one server tells them; None for what it cannot tell, an error when it tells nothing."""

    server: str
    whose: str
    records: dict[str, list[str] | None]
    aliases: dict[str, str]
    error: NotRequired[Error]


class Block(TypedDict):
    """What becomes of the names in one block of CoreDNS's configuration."""

    zone: str
    names: list[str]
    to: list[str]
    hosts: dict[str, list[str]]
    itself: str  #: the plugin that answers for them
    views: list[View]


class NoForwarding(TypedDict):
    """No cluster was named."""

    skipped: Literal[True]


class Forwarding(TypedDict):
    skipped: Literal[False]
    found: bool
    blocks: list[Block]


ZONE = Fact[Zone]("dns", "zone")
SERVER = Fact[Server]("dns", "server")
RECORDS = Fact[dict[str, Record]]("dns", "records")
IPV6 = Fact[dict[str, list[str]]]("dns", "ipv6")
WILDCARD = Fact[Wildcard]("dns", "wildcard")
HOLDER = Fact[Holder]("dns", "holder")
MAIL = Fact[Mail]("dns", "mail")
PODS = Fact[NoForwarding | Forwarding]("dns", "pods")
OTHERS = Fact[list[View]]("dns", "others")
