"""WWW-Authenticate as RFC 9110 writes it (11.6.1), and as registries do: one pass, in time that grows with the header.

Names in any case, values as tokens or quoted strings, several challenges in one header or in several headers. Beyond
the RFC a value without quotes may hold what an address holds: some registries write `realm=https://host/token`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

LONGEST = 16 << 10  #: of one header; longer ones are cut, no registry needs them
_BLANKS = " \t"
_NOT_IN_A_NAME = frozenset('()<>@,;:\\"/[]?={} \t')


@dataclass(frozen=True)
class Challenge:
    """A scheme in lower case and its parameters, their names in lower case."""

    scheme: str
    parameters: Mapping[str, str] = field(default_factory=dict)

    @property
    def realm(self) -> str:
        return self.parameters.get("realm", "")


def parse_challenges(headers: Iterable[str]) -> tuple[Challenge, ...]:
    """All challenges, in the order in which they stand."""
    return tuple(challenge for header in headers for challenge in _of(header[:LONGEST]))


def _of(header: str) -> Iterator[Challenge]:
    scheme, parameters = "", dict[str, str]()
    for name, value in _words(header):
        if value is None:
            if scheme:
                yield Challenge(scheme, parameters)
            scheme, parameters = name.lower(), {}
        else:
            parameters.setdefault(name.lower(), value)
    if scheme:
        yield Challenge(scheme, parameters)


def _words(header: str) -> Iterator[tuple[str, str | None]]:
    """Names that stand alone, which are schemes, and names with values; a scheme's token68 is passed over."""
    place, after_scheme = 0, False
    while True:
        before = _skip(header, place, _BLANKS)
        place = _skip(header, before, f"{_BLANKS},")
        if place >= len(header):
            return
        comma_before = place > before
        end = _end_of_name(header, place)
        name, following = header[place:end], _skip(header, end, _BLANKS)
        if name and header[following : following + 1] == "=" and not _is_padding(header, following):
            value, place = _value(header, _skip(header, following + 1, _BLANKS))
            yield name, value
            after_scheme = False
        elif name and (end == len(header) or header[end] in f"{_BLANKS},") and (comma_before or not after_scheme):
            yield name, None
            place, after_scheme = end, True
        else:
            place, after_scheme = _end_of_word(header, place), False


def _skip(header: str, place: int, signs: str) -> int:
    while place < len(header) and header[place] in signs:
        place += 1
    return place


def _end_of_name(header: str, place: int) -> int:
    while place < len(header) and header[place] not in _NOT_IN_A_NAME:
        place += 1
    return place


def _end_of_word(header: str, place: int) -> int:
    """At least one sign on, so that every round gets further."""
    place += 1
    while place < len(header) and header[place] not in f"{_BLANKS},":
        place += 1
    return place


def _is_padding(header: str, place: int) -> bool:
    """`abc==` or `abc=` at an end is base64 of a scheme such as Negotiate, not a parameter without a value."""
    rest = _skip(header, place, "=")
    return rest == len(header) or header[rest] == "," or rest - place > 1


def _value(header: str, place: int) -> tuple[str, int]:
    if header[place : place + 1] != '"':
        end = place
        while end < len(header) and header[end] not in f"{_BLANKS},":
            end += 1
        return header[place:end], end
    signs: list[str] = []
    place += 1
    while place < len(header) and header[place] != '"':
        place += header[place] == "\\" and place + 1 < len(header)
        signs.append(header[place])
        place += 1
    return "".join(signs), min(place + 1, len(header))
