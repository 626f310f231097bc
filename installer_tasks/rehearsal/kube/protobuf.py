"""The few messages that kubectl sends in protobuf whatever the server says: bindings of roles, requests for tokens.

The wire format is `k8s\\0` and an envelope of apiVersion, kind and the message itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from installer_tasks.rehearsal.kube.errors import bad_request

TYPE = "application/vnd.kubernetes.protobuf"
MAGIC = b"k8s\0"


@dataclass(frozen=True)
class Field:
    """How a field is called, and what it holds: a message's fields, or else text or a number."""

    name: str
    message: Mapping[int, Field] | None = None
    many: bool = False
    pairs: bool = False


_PAIR = {1: Field("key"), 2: Field("value")}
_METADATA = {
    1: Field("name"),
    2: Field("generateName"),
    3: Field("namespace"),
    11: Field("labels", _PAIR, pairs=True),
    12: Field("annotations", _PAIR, pairs=True),
}
_SUBJECT = {1: Field("kind"), 2: Field("apiGroup"), 3: Field("name"), 4: Field("namespace")}
_ROLE = {1: Field("apiGroup"), 2: Field("kind"), 3: Field("name")}
_BINDING = {
    1: Field("metadata", _METADATA),
    2: Field("subjects", _SUBJECT, many=True),
    3: Field("roleRef", _ROLE),
}
_TOKEN_SPEC = {1: Field("audiences", many=True), 4: Field("expirationSeconds")}
_ENVELOPE = {1: Field("type", {1: Field("apiVersion"), 2: Field("kind")}), 2: Field("raw")}
MESSAGES: dict[str, Mapping[int, Field]] = {
    "ClusterRoleBinding": _BINDING,
    "RoleBinding": _BINDING,
    "TokenRequest": {1: Field("metadata", _METADATA), 2: Field("spec", _TOKEN_SPEC)},
}


def read(body: bytes) -> dict[str, Any] | None:
    """The object, or None when it is of a kind that is not known here; ApiError 400 when it is cut short."""
    if not body.startswith(MAGIC):
        raise bad_request("the object provided is unrecognized")
    try:
        envelope = dict(_wire(body[len(MAGIC) :]))
        kind = _message(bytes(envelope[1]), _ENVELOPE[1].message or {})
        fields = MESSAGES.get(kind.get("kind", ""))
        return None if fields is None else {**kind, **_message(bytes(envelope[2]), fields)}
    except (IndexError, KeyError, TypeError, UnicodeDecodeError) as error:
        raise bad_request("the object provided is unrecognized: it is cut short") from error


def _message(data: bytes, fields: Mapping[int, Field]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for number, raw in _wire(data):
        field = fields.get(number)
        if field is None:
            continue
        value = _value(raw, field)
        if field.pairs:
            found.setdefault(field.name, {})[value["key"]] = value.get("value", "")
        elif field.many:
            found.setdefault(field.name, []).append(value)
        elif value != "":  # what is empty is sent all the same
            found[field.name] = value
    return found


def _value(raw: int | bytes, field: Field) -> Any:
    if isinstance(raw, int):
        return raw
    return raw.decode() if field.message is None else _message(raw, field.message)


def _wire(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Field numbers and their values; only numbers and lengths of bytes are in these messages."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        value, at = _varint(data, at)
        if tag & 7 == 2:
            if at + value > len(data):
                raise IndexError(at)
            yield tag >> 3, data[at : at + value]
            at += value
        else:
            yield tag >> 3, value


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
