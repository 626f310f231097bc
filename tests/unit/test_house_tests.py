"""Rules for the tests themselves: none bounds how fast this machine is, each target of make brings what its tests call."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.debian_packages import OUTPUT_PATTERNS

ROOT = Path(__file__).resolve().parent.parent.parent
#: What measures speed is not looked at: `tests/bench` and the pace of `make calibrate`.
SOURCES = {
    path.relative_to(ROOT).as_posix(): path.read_text()
    for path in sorted((ROOT / "tests").rglob("*.py"))
    if "bench" not in path.parts
}
#: Below this a number is a deadline that is tested, not one that is waited for.
SHORT = 2.0
CLOCKS = {"time.monotonic", "time.time", "time.perf_counter"}
SAMPLES = {
    "assert time.monotonic() - begun < 5": True,
    "assert time.monotonic() - begun < BOUND": True,
    "process.wait(10)": True,
    "thread.join(60)": True,
    "subprocess.run(argv, timeout=60)": True,
    "page.click(timeout=20_000)": True,
    "assert time.monotonic() - begun >= 1": False,
    "assert end < 2 * start": False,
    "while time.monotonic() - begun < 3: push()": False,
    "process.wait(PATIENCE)": False,
    "', '.join(names)": False,
    "fetch(url, timeout=0.5)": False,
}


def bounds(tree: ast.AST) -> Iterator[str]:
    """What a slow and busy machine breaks."""
    for node in ast.walk(tree):
        if (isinstance(node, ast.Assert) and _upper_bound(node.test)) or _gives_up(node):
            yield f"line {node.lineno}: {ast.unparse(node)}"  # type: ignore[attr-defined]


def _upper_bound(node: ast.AST) -> bool:
    if not isinstance(node, ast.Compare) or not isinstance(node.ops[0], ast.Lt | ast.LtE):
        return False
    if not isinstance(node.left, ast.BinOp) or not isinstance(node.left.op, ast.Sub):
        return False
    fixed = isinstance(node.comparators[0], ast.Constant) or ast.unparse(node.comparators[0]).isupper()
    return fixed and bool(CLOCKS & {ast.unparse(call.func) for call in ast.walk(node) if isinstance(call, ast.Call)})


def _gives_up(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    waits = [word.value for word in node.keywords if word.arg in ("timeout", "_request_timeout")]
    if isinstance(node.func, ast.Attribute) and node.func.attr in ("wait", "join", "result"):
        waits += node.args[:1]
    return any(
        isinstance(one, ast.Constant) and isinstance(one.value, int | float) and one.value >= SHORT for one in waits
    )


def test_the_rule_about_bounds_sees_what_it_should() -> None:
    assert {source: bool(list(bounds(ast.parse(source)))) for source in SAMPLES} == SAMPLES


def test_no_test_bounds_how_fast_this_machine_is() -> None:
    """Waits take PATIENCE (tests/waiting.py); a hang is for the alarm; speed is a ratio, in tests/bench."""
    found = {name: list(bounds(ast.parse(source))) for name, source in SOURCES.items()}
    assert {name: lines for name, lines in found.items() if lines} == {}


def test_every_program_that_a_test_asks_for_is_brought() -> None:
    asked = {name for source in SOURCES.values() for name in re.findall(r'mark\.program\("([\w.-]+)"\)', source)}
    brought = {Path(sign).name for sign in OUTPUT_PATTERNS.values()}
    # The first comes with xgettext. Debian 12's Go, 1.19, cannot build the oracle: who has a newer one has these tests.
    assert asked - brought == {"msgfmt", "go"}


@pytest.mark.parametrize(("target", "folders"), [("bench-push", ["bench"]), ("calibrate", ["calibration"])])
def test_a_target_brings_what_its_programs_call(target: str, folders: list[str]) -> None:
    """`make test`, `shots` and `faults` bring everything."""
    recipe = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert recipe
    line = re.search(r"debian_packages\.py(.*)", recipe[1])
    called = " ".join(_strings(folders))
    needed = {
        package
        for package, sign in OUTPUT_PATTERNS.items()
        if re.search(rf"(?<![\w/-]){re.escape(sign)}(?![\w/-])", called)
    }
    assert needed == set(line[1].split() if line else ())


def _strings(folders: list[str]) -> Iterator[str]:
    """Every text without spaces around it that a folder's modules, and the fixtures they start, could call."""
    files = [path for folder in folders for path in (ROOT / "tests" / folder).glob("*.py")]
    if "bench" in folders:
        files.append(ROOT / "tests/contract/docker_registry.py")
    for path in files:
        tree = ast.parse(path.read_text())
        documented = {node.body[0].value for node in ast.walk(tree) if _documented(node)}  # type: ignore[attr-defined]
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in documented:
                yield node.value


def _documented(node: ast.AST) -> bool:
    return isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None
