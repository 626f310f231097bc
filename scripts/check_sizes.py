#!/usr/bin/env python3
"""Holds the line: a module has at most 400 lines, a function at most 50."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("wizard", "installer_tasks", "scripts", "tests")
MODULE, FUNCTION = 400, 50


def modules() -> Iterator[Path]:
    for folder in FOLDERS:
        yield from (path for path in sorted((ROOT / folder).rglob("*.py")) if "migrations" not in path.parts)


def too_long(path: Path) -> Iterator[str]:
    source = path.read_text(encoding="utf-8")
    name = path.relative_to(ROOT)
    lines = source.count("\n")
    if lines > MODULE:
        yield f"{name}: {lines} lines, at most {MODULE}"
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION:
                yield f"{name}:{node.lineno}: {node.name} has {length} lines, at most {FUNCTION}"


def main() -> int:
    found = [line for path in modules() for line in too_long(path)]
    print("\n".join(found) or "sizes: all within their limits")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
