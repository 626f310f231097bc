"""Search filters: read as people write them (RFC 4515), sent as LDAP wants them. A name that is put in stays a name."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from installer_tasks.errors import InputError
from installer_tasks.systems.directory import ber
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

AND, OR, NOT, EQUAL, SUBSTRINGS, AT_LEAST, AT_MOST, PRESENT, APPROX, RULE = range(0xA0, 0xAA)
#: PRESENT is primitive: its tag lacks the bit for constructed.
PRESENT = 0x87
PLACE = "{}"
DEEPEST = 20
LONGEST = 2000
_SIGNS = {">=": AT_LEAST, "<=": AT_MOST, "~=": APPROX}
_ATTRIBUTE = re.compile(r"[A-Za-z][A-Za-z0-9.;-]*|[0-9][0-9.]*")
_EXAMPLE = Text(_("For example (&(objectClass=person)(sAMAccountName={})) or (uid={})."))


@dataclass(frozen=True)
class Filter:
    """`kind` is its tag. AND, OR and NOT have `parts`; the others an `attribute` and its `value`.

    Of SUBSTRINGS `pieces` are what stands between the stars, "" where one begins or ends; RULE has a `rule`.
    """

    kind: int
    parts: tuple[Filter, ...] = ()
    attribute: str = ""
    value: bytes = b""
    pieces: tuple[bytes, ...] = ()
    rule: str = ""

    def encoded(self) -> bytes:
        return _ENCODERS.get(self.kind, _compared)(self)


def escape(value: str) -> str:
    """A name as it may stand in a filter without being read as one."""
    return re.sub(r"[\\*()\x00]", lambda found: f"\\{ord(found[0]):02x}", value)


def fill(template: str, value: str) -> str:
    """The template with this name in its place."""
    return template.replace(PLACE, escape(value))


def fill_any(template: str) -> str:
    """The template with any name in its place: whom it could find at all."""
    return template.replace(PLACE, "*")


def parse_template(source: str, *, field: str = "") -> str:
    """A filter with a place for the name, in brackets. InputError says where it is wrong."""
    template = source.strip()
    wrapped = template if template.startswith("(") else f"({template})"
    cause = _misplaced(template)
    if cause is None:
        try:
            parse(fill(wrapped, "name"))
        except InputError as error:
            cause = error.cause
    if cause is not None:
        raise InputError(cause, value=source[:300], remedy=_EXAMPLE, field=field, code="filter-malformed")
    return wrapped


def _misplaced(template: str) -> Text | None:
    if len(template) > LONGEST:
        return text(_("It is longer than %(limit)d characters."), limit=LONGEST)
    if "{0}" in template:
        return Text(_("It contains {0}; the placeholder for the name is {}."))
    if PLACE not in template:
        return Text(_("It does not contain {}, the placeholder for the name."))
    if re.search(r"(?<![\w-])dn\s*=\s*\{\}", template, re.IGNORECASE):
        return Text(_("It compares dn with the name; Pinniped does not support dn={}."))
    return None


def parse(source: str) -> Filter:
    """The whole of it, or an InputError that says where it is wrong."""
    parser = _Parser(source)
    found = parser.one(0)
    if parser.at < len(source):
        raise parser.wrong(_("The filter is complete after character %(at)d; remove the rest."))
    return found


class _Parser:
    def __init__(self, source: str) -> None:
        self.source, self.at = source, 0

    def wrong(self, template: str) -> InputError:
        """`template` is marked, with a place for `at`."""
        cause = text(template, at=self.at)
        return InputError(cause, value=self.source[:300], remedy=_EXAMPLE, code="filter-malformed")

    def _next(self) -> str:
        return self.source[self.at : self.at + 1]

    def _expect(self, sign: str, template: str) -> None:
        if self._next() != sign:
            raise self.wrong(template)
        self.at += 1

    def one(self, depth: int) -> Filter:
        if depth > DEEPEST:
            raise self.wrong(_("The parentheses at character %(at)d are nested too deeply."))
        self._expect("(", _("An opening parenthesis is missing after character %(at)d."))
        kind = {"&": AND, "|": OR, "!": NOT}.get(self._next())
        found = self._combined(kind, depth) if kind else self._compared()
        self._expect(")", _("A closing parenthesis is missing after character %(at)d."))
        return found

    def _combined(self, kind: int, depth: int) -> Filter:
        self.at += 1
        parts: list[Filter] = []
        while self._next() == "(" and not (kind == NOT and parts):
            parts.append(self.one(depth + 1))
        if not parts:
            raise self.wrong(_("An opening parenthesis is missing after character %(at)d."))
        return Filter(kind, tuple(parts))

    def _compared(self) -> Filter:
        end = next((at for at in range(self.at, len(self.source)) if self.source[at] in "()"), len(self.source))
        words = self.source[self.at : end]
        name, equals, value = words.partition("=")
        if not equals:
            raise self.wrong(_("An = between attribute and value is missing after character %(at)d."))
        found = self._by_rule(name, value) if ":" in name else self._plain(name, value)
        self.at = end
        return found

    def _plain(self, name: str, value: str) -> Filter:
        kind = _SIGNS.get(name[-1:] + "=", EQUAL)
        attribute = self._attribute(name[:-1] if kind != EQUAL else name)
        if kind != EQUAL or "*" not in value:
            return Filter(kind, attribute=attribute, value=self._value(value))
        if value == "*":
            return Filter(PRESENT, attribute=attribute)
        pieces = tuple(self._value(piece) for piece in value.split("*"))
        return Filter(SUBSTRINGS, attribute=attribute, pieces=pieces)

    def _by_rule(self, name: str, value: str) -> Filter:
        """`attribute:1.2.3:=value`; `:dn` is not offered, since no directory is asked with it here."""
        attribute, _colon, rule = name.removesuffix(":").partition(":")
        return Filter(RULE, attribute=self._attribute(attribute), rule=self._attribute(rule), value=self._value(value))

    def _attribute(self, name: str) -> str:
        if not _ATTRIBUTE.fullmatch(name.strip()):
            raise self.wrong(_("An attribute name is missing after character %(at)d."))
        return name.strip()

    def _value(self, value: str) -> bytes:
        if re.search(r"\\(?![0-9A-Fa-f]{2})", value):
            raise self.wrong(_("A backslash after character %(at)d is not followed by two hexadecimal digits."))
        raw = value.encode()
        return re.sub(rb"\\([0-9A-Fa-f]{2})", lambda found: bytes((int(found[1], 16),)), raw)


def _combined(found: Filter) -> bytes:
    return ber.sequence(*(part.encoded() for part in found.parts), tag=found.kind)


def _compared(found: Filter) -> bytes:
    return ber.sequence(ber.octets(found.attribute), ber.octets(found.value), tag=found.kind)


def _present(found: Filter) -> bytes:
    return ber.octets(found.attribute, PRESENT)


def _substrings(found: Filter) -> bytes:
    last = len(found.pieces) - 1
    tags = {0: 0x80, last: 0x82}
    pieces = (ber.octets(piece, tags.get(at, 0x81)) for at, piece in enumerate(found.pieces) if piece)
    return ber.sequence(ber.octets(found.attribute), ber.sequence(*pieces), tag=SUBSTRINGS)


def _by_rule(found: Filter) -> bytes:
    rule, attribute = ber.octets(found.rule, 0x81), ber.octets(found.attribute, 0x82)
    return ber.sequence(rule, attribute, ber.octets(found.value, 0x83), tag=RULE)


_ENCODERS: dict[int, Callable[[Filter], bytes]] = {
    AND: _combined,
    OR: _combined,
    NOT: _combined,
    PRESENT: _present,
    SUBSTRINGS: _substrings,
    RULE: _by_rule,
}
