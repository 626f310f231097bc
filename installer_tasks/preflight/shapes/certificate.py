"""A certificate in a fact: as systems/certificates describes it."""

from __future__ import annotations

from typing import TypedDict


class Described(TypedDict):
    """As `certificates.describe` has it."""

    subject: str
    issuer: str
    not_before: str
    not_after: str
    sans: list[str]
    is_ca: bool
    path_length: int | None
    key: str
    sha256: str


class Anatomy(Described):
    """As `anatomy.anatomy` has it."""

    may_sign: bool
    for_servers: bool
    self_signed: bool
    signature: str
    bits: int
    days_left: int
    started: bool
    hours: int
