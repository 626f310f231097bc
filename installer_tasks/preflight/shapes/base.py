"""The name of a fact, with the type of its value: collectors return that type, checks get it.

    PING = Fact[Ping]("registry", "ping")

A fact is plain JSON data. What may be a list or, before it was stored, a tuple is a `Sequence`.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

T = TypeVar("T")

#: A `Text` as JSON.
Sentence = dict[str, Any]
#: An `InstallerError` as JSON.
Error = dict[str, Any]


class Fact(str, Generic[T]):
    """The name under which the value is kept, as a string, and the system it was observed on."""

    system: str

    def __new__(cls, system: str, name: str) -> Fact[T]:
        fact = super().__new__(cls, name)
        fact.system = system
        return fact
