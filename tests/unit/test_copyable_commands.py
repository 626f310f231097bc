"""A command that a person copies runs what it shows: names of others are quoted, whatever they hold."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PROGRAMS = (
    "chmod chown crictl curl df dig docker echo gunzip helm kubectl ldapsearch ldapwhoami mkdir mv nc nslookup openssl "
    "sha256sum ss ssh tar"
)
COMMAND = re.compile(rf"(^|[\n;&|] ?|sudo |\0)({'|'.join(PROGRAMS.split())}) ")
#: Not a name of others: made here, or quoted where it is made.
OURS = {
    "''.join(namespace.split())", "' '.join(map(quote, parents or installs))", "authorities", "data", "default", "first",
    "header", "kind", "name", "owner_name(os.geteuid())", "os.getuid()", "packed", "patch", "path", "port", "program",
    "program['user']", "textwrap.indent(authorities, '    ')", "what",
}  # fmt: skip
#: Where such a plain word is a name after all, it is quoted.
QUOTED = re.compile(r"(shlex\.)?quote\(")


def spliced(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            written = "".join(part.value if isinstance(part, ast.Constant) else "\0" for part in node.values)
            if COMMAND.search(written):
                yield from (ast.unparse(part.value) for part in node.values if isinstance(part, ast.FormattedValue))


def careless() -> list[str]:
    found = []
    for path in sorted((ROOT / "installer_tasks" / "preflight").rglob("*.py")):
        words = spliced(ast.parse(path.read_text(encoding="utf-8")))
        found += [f"{path.name}: {{{word}}}" for word in words if not QUOTED.match(word) and word not in OURS]
    return found


def test_every_name_in_a_command_is_quoted() -> None:
    assert careless() == []


@pytest.mark.parametrize(
    ("written", "bare"), [('f"kubectl get {a}"', ["a"]), ('f"{a}"', []), ('f"x\\ndig {a} {b}"', ["a", "b"])]
)
def test_a_bare_name_is_seen(written: str, bare: list[str]) -> None:
    assert list(spliced(ast.parse(written))) == bare
