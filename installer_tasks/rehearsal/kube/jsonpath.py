"""As much of JSONPath as printer columns use: `.a.b`, `.a[0]`, `.a[?(@.type=="Ready")].b`, `.a['b.c']`, `.a\\.b`."""

from __future__ import annotations

import re
from typing import Any

_STEP = re.compile(
    r"""\.(?P<name>(?:\\.|[^.\[\\])+)"""
    r"""|\[(?P<index>-?\d+|\*)\]"""
    r"""|\[\?\(@\.(?P<field>[\w.]+)\s*==\s*["'](?P<value>[^"']*)["']\s*\)\]"""
    r"""|\[["'](?P<quoted>[^"']*)["']\]"""
)


def first(obj: Any, path: str) -> Any:
    """The first value at the path, or None."""
    found = [obj]
    for step in _STEP.finditer(path):
        found = [value for node in found for value in _take(node, step)]
    return found[0] if found else None


def _take(node: Any, step: re.Match[str]) -> list[Any]:
    if step["field"]:
        items = node if isinstance(node, list) else []
        return [item for item in items if str(first(item, f".{step['field']}")) == step["value"]]
    if step["index"]:
        if not isinstance(node, list):
            return []
        return node if step["index"] == "*" else node[int(step["index"]) :][:1]
    name = step["quoted"] or re.sub(r"\\(.)", r"\1", step["name"] or "")
    return [node[name]] if isinstance(node, dict) and name in node else []
