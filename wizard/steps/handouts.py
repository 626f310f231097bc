"""Texts to send to another team: one line a thing, its name and what it must be, in the reader's language."""

from __future__ import annotations

from collections.abc import Iterable
from unicodedata import east_asian_width


def aligned(lines: Iterable[tuple[str, str]]) -> str:
    """What they must be stands in one column, also after Chinese names, which are twice as wide."""
    found = [(f"{name}:", value) for name, value in lines]
    width = max(_width(name) for name, _value in found) + 3
    return "\n".join(f"{name}{' ' * (width - _width(name))}{value}" for name, value in found)


def _width(text: str) -> int:
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)
