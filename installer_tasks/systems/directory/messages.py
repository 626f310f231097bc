"""The messages of LDAP (RFC 4511) that this installer sends and understands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from installer_tasks.systems.directory import ber
from installer_tasks.systems.directory.filters import Filter

BIND, BOUND, UNBIND, SEARCH, ENTRY, DONE, REFERENCE = 0x60, 0x61, 0x42, 0x63, 0x64, 0x65, 0x73
EXTENDED, EXTENDED_DONE = 0x77, 0x78
PASSWORD = 0x80  #: the tag of a simple bind's password
BASE, SUBTREE = 0, 2
NEVER = 0  #: aliases are not followed


@dataclass(frozen=True)
class Search:
    """What is asked: at most `limit` entries in at most `seconds`."""

    base: str
    scope: int
    wanted: Filter
    attributes: tuple[str, ...]
    limit: int
    seconds: int


@dataclass(frozen=True)
class Outcome:
    """How the directory ended it: a code of RFC 4511 §4.1.9, how far the name was known, and its words."""

    code: int
    matched: str = ""
    words: str = ""


@dataclass(frozen=True)
class Entry:
    """Somebody or something; names of attributes in lower case."""

    dn: str
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def values(self, name: str) -> tuple[str, ...]:
        return (self.dn,) if name.lower() == "dn" else self.attributes.get(name.lower(), ())


@dataclass(frozen=True)
class Message:
    number: int
    tag: int
    content: bytes = field(repr=False)  #: of a bind it holds the password


def message(number: int, operation: bytes) -> bytes:
    return ber.sequence(ber.integer(number), operation)


def read(data: bytes) -> Message:
    """One whole message; controls after it are not asked for and not read."""
    inside = ber.Reader(data).inside(ber.SEQUENCE)
    number, tag = inside.integer(), inside.tag
    return Message(number, tag, inside.take())


def bind(dn: str, password: str) -> bytes:
    return ber.sequence(ber.integer(3), ber.octets(dn), ber.octets(password, PASSWORD), tag=BIND)


def unbind() -> bytes:
    return ber.tlv(UNBIND, b"")


def search(asked: Search) -> bytes:
    return ber.sequence(
        ber.octets(asked.base),
        ber.integer(asked.scope, ber.ENUMERATED),
        ber.integer(NEVER, ber.ENUMERATED),
        ber.integer(asked.limit),
        ber.integer(asked.seconds),
        ber.boolean(False),
        asked.wanted.encoded(),
        ber.sequence(*map(ber.octets, asked.attributes)),
        tag=SEARCH,
    )


def read_outcome(content: bytes) -> Outcome:
    reader = ber.Reader(content)
    return Outcome(reader.integer(ber.ENUMERATED), reader.text(), reader.text())


def read_entry(content: bytes) -> Entry:
    reader = ber.Reader(content)
    dn, listed = reader.text(), reader.inside(ber.SEQUENCE)
    found: dict[str, tuple[str, ...]] = {}
    while listed.more:
        attribute = listed.inside(ber.SEQUENCE)
        name, values = attribute.text().lower(), attribute.inside(ber.SET)
        found[name] = tuple(_texts(values))
    return Entry(dn, found)


def _texts(values: ber.Reader) -> Iterable[str]:
    while values.more:
        yield values.text()
