"""Kubernetes' quantities as numbers: cores and bytes."""

from __future__ import annotations

import re

_UNITS = {
    "": 1,
    "m": 1e-3,
    "k": 10**3,
    "M": 10**6,
    "G": 10**9,
    "T": 10**12,
    "P": 10**15,
    "E": 10**18,
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
    "Ti": 2**40,
    "Pi": 2**50,
    "Ei": 2**60,
}


LONGEST = 100  #: characters; the API server refuses longer ones
_QUANTITY = re.compile(r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)([A-Za-z]*)")


def parse(quantity: str) -> float:
    """`4`, `3920m`, `8Gi`, `1e3`. Raises ValueError on anything else."""
    found = _QUANTITY.fullmatch(quantity.strip()) if len(quantity) <= LONGEST else None
    if found is None or found.group(2) not in _UNITS:
        raise ValueError(f"not a quantity: {quantity[:LONGEST]!r}")
    return float(found.group(1)) * _UNITS[found.group(2)]


def parse_size(quantity: str) -> int:
    """Bytes."""
    return int(parse(quantity))
