"""The part of BER that LDAP uses (RFC 4511 §5.1): definite lengths, tags of one byte."""

from __future__ import annotations

INTEGER, OCTETS, ENUMERATED, BOOLEAN = 0x02, 0x04, 0x0A, 0x01
SEQUENCE, SET = 0x30, 0x31
#: A length is written in at most this many bytes; more would be gigabytes.
LENGTH_BYTES = 4


class Malformed(ValueError):
    """These bytes are not BER, or not what was expected there."""


def tlv(tag: int, content: bytes) -> bytes:
    return bytes((tag,)) + _length(len(content)) + content


def _length(count: int) -> bytes:
    if count < 0x80:
        return bytes((count,))
    written = count.to_bytes((count.bit_length() + 7) // 8, "big")
    return bytes((0x80 | len(written),)) + written


def integer(value: int, tag: int = INTEGER) -> bytes:
    return tlv(tag, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def octets(value: str | bytes, tag: int = OCTETS) -> bytes:
    return tlv(tag, value.encode() if isinstance(value, str) else value)


def boolean(value: bool, tag: int = BOOLEAN) -> bytes:
    return tlv(tag, b"\xff" if value else b"\0")


def sequence(*parts: bytes, tag: int = SEQUENCE) -> bytes:
    return tlv(tag, b"".join(parts))


def extent(data: bytes) -> tuple[int, int] | None:
    """Lengths of the head and of the content of what begins here; None while the head is not whole."""
    if len(data) < 2:
        return None
    first = data[1]
    if first < 0x80:
        return 2, first
    count = first & 0x7F
    if not 0 < count <= LENGTH_BYTES:
        raise Malformed("length")
    if len(data) < 2 + count:
        return None
    return 2 + count, int.from_bytes(data[2 : 2 + count], "big")


class Reader:
    """Takes one value after the other."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    @property
    def more(self) -> bool:
        return bool(self._data)

    @property
    def tag(self) -> int:
        """Of what comes next; -1 at the end."""
        return self._data[0] if self._data else -1

    def take(self, *tags: int) -> bytes:
        """The content of what comes next, which must have one of these tags when any are given."""
        found = extent(self._data)
        if found is None or (tags and self.tag not in tags):
            raise Malformed(f"tag {self.tag}")
        head, length = found
        if len(self._data) < head + length:
            raise Malformed("cut short")
        content, self._data = self._data[head : head + length], self._data[head + length :]
        return content

    def inside(self, *tags: int) -> Reader:
        return Reader(self.take(*tags))

    def integer(self, tag: int = INTEGER) -> int:
        content = self.take(tag)
        if not 0 < len(content) <= 8:
            raise Malformed("integer")
        return int.from_bytes(content, "big", signed=True)

    def text(self, tag: int = OCTETS) -> str:
        """For people: what is no UTF-8 (a picture, a GUID) is shown as far as it is."""
        return self.take(tag).decode("utf-8", "replace")
