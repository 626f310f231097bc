"""Every check and every error code, as `scripts/make_reference.py` read them out of the code. Served offline."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

ENTRIES = Path(__file__).parent / "entries.json"
CHECK, CODE = "check", "code"


@lru_cache(maxsize=1)
def entries() -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = json.loads(ENTRIES.read_text(encoding="utf-8"))
    return found


@lru_cache(maxsize=1)
def anchors() -> frozenset[str]:
    """The `id` of each entry on the page."""
    found = entries()
    return frozenset(
        [
            *(anchor(CHECK, each["name"]) for each in found["checks"]),
            *(anchor(CODE, each["code"]) for each in found["errors"]),
        ]
    )


def anchor(kind: str, name: str) -> str:
    return f"{kind}-{name}"
