#!/usr/bin/env python3
"""Reads every check and error code from the code into `wizard/reference/entries.json`, sentences as marked.

The pages show it in the reader's language (wizard/reference). With `--check`, says whether the file is current.
"""

from __future__ import annotations

import ast
import inspect
import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
ENTRIES = ROOT / "wizard" / "reference" / "entries.json"
MARKS = {"_", "mark", "ngettext", "mark_plural"}
#: Functions and values that are given a code by its place among others.
BY_PLACE = {"refuse", "_refusal", "_Meaning"}
CODE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)+")
#: Codes that are put together when they are needed, by what they are put together from: each with its sentences.
_ADDRESS = "Check the address; a proxy or a sign-in page may have responded instead."
_ISSUER = "Check the issuer's host, port and realm; open its discovery document in a browser."
FORMED: dict[str, dict[str, tuple[str, str]]] = {
    "http-{kind}": {
        "http-bom": ("The response from %(url)s begins with a byte order mark, which is not JSON.", _ADDRESS),
        "http-html": ("%(url)s returned a web page instead of JSON.", _ADDRESS),
        "http-not-json": ("The response from %(url)s is not JSON.", _ADDRESS),
        "http-not-object": ("The response from %(url)s is JSON, but not an object.", _ADDRESS),
    },
    "identity-{kind.code}": {
        "identity-missing": ("%(url)s does not exist (%(status)d).", _ISSUER),
        "identity-refused": ("This machine has no permission to read %(url)s (%(status)d).", _ISSUER),
        "identity-busy": ("The identity provider is not healthy: %(url)s returned %(status)d.", _ISSUER),
        "identity-invalid": ("%(url)s returned %(status)d.", _ISSUER),
    },
    "pem-{code}": {
        "pem-cut-short": (
            "A block begins and does not end, or ends and did not begin: a line with BEGIN or END is missing.",
            "Copy the complete text again.",
        ),
        "pem-marker": (
            "A line with BEGIN or END is damaged: it needs five hyphens on each side, and nothing else.",
            "Correct the line, for example -----BEGIN CERTIFICATE-----, or copy the file again.",
        ),
        "pem-stray": (
            "A part of this text looks like a certificate, but has no BEGIN and END lines.",
            "Put it between -----BEGIN CERTIFICATE----- and -----END CERTIFICATE-----, or remove it.",
        ),
    },
}
Sentence = list[str]  #: template, and its plural where it has one
Function = ast.FunctionDef | ast.Lambda


@dataclass
class Module:
    """A parsed module: its functions, and what its names stand for."""

    path: Path
    tree: ast.Module

    @cached_property
    def functions(self) -> dict[str, ast.FunctionDef]:
        return {node.name: node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef)}

    @cached_property
    def names(self) -> dict[str, ast.expr]:
        return assigned(self.tree.body)

    @cached_property
    def imports(self) -> dict[str, str]:
        """Name here to dotted name there."""
        return {
            alias.asname or alias.name: f"{node.module}.{alias.name}"
            for node in self.tree.body
            if isinstance(node, ast.ImportFrom) and node.module
            for alias in node.names
        }


@dataclass
class Case:
    """One way in which a check or an error comes out."""

    messages: list[Sentence] = field(default_factory=list)
    causes: list[Sentence] = field(default_factory=list)
    remedies: list[Sentence] = field(default_factory=list)
    command: str = ""


def assigned(body: list[ast.stmt]) -> dict[str, ast.expr]:
    found: dict[str, ast.expr] = {}
    for node in body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found[node.targets[0].id] = node.value
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            found[node.target.id] = node.value
    return found


class Code:
    """All modules of the product."""

    def __init__(self) -> None:
        paths = sorted([*(ROOT / "installer_tasks").rglob("*.py"), *(ROOT / "wizard").rglob("*.py")])
        kept = [path for path in paths if not {"rehearsal", "migrations"} & set(path.parts)]
        self.modules = {self._dotted(path): Module(path, ast.parse(path.read_text("utf-8"))) for path in kept}

    @staticmethod
    def _dotted(path: Path) -> str:
        parts = path.relative_to(ROOT).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    def value(self, module: Module, name: str, local: dict[str, ast.expr]) -> tuple[Module, ast.expr | None]:
        """What a name stands for: in the function, the module, or the module that it comes from."""
        if name in local or name in module.names:
            return module, local.get(name) or module.names[name]
        there, _, last = module.imports.get(name, "").rpartition(".")
        other = self.modules.get(there)
        return (other, other.names.get(last)) if other else (module, None)

    def function(self, module: Module, name: str) -> tuple[Module, ast.FunctionDef] | None:
        if name in module.functions:
            return module, module.functions[name]
        there, _, last = module.imports.get(name, "").rpartition(".")
        other = self.modules.get(there)
        return (other, other.functions[last]) if other and last in other.functions else None

    def sentences(
        self, module: Module, node: ast.AST | None, local: dict[str, ast.expr], depth: int = 3
    ) -> list[Sentence]:
        """Marked sentences in an expression, also behind names."""
        found: list[Sentence] = []
        for each in ast.walk(node) if node else ():
            if isinstance(each, ast.Call) and isinstance(each.func, ast.Name) and each.func.id in MARKS:
                found.append([str(arg.value) for arg in each.args if isinstance(arg, ast.Constant)])
            elif isinstance(each, ast.Name) and depth:
                rest = {name: value for name, value in local.items() if name != each.id}
                there, value = self.value(module, each.id, local)
                found += self.sentences(there, value, rest, depth - 1) if value is not node else []
        return unique(found)


def unique(found: list[Sentence]) -> list[Sentence]:
    return [each for number, each in enumerate(found) if each and each not in found[:number]]


def locals_of(function: ast.AST) -> dict[str, ast.expr]:
    return assigned([node for node in ast.walk(function) if isinstance(node, ast.stmt)])


def keyword(call: ast.Call, name: str) -> ast.expr | None:
    return next((each.value for each in call.keywords if each.arg == name), None)


def name_of(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def command_of(node: ast.expr | None) -> str:
    """A command with ‹names› in place of what is filled in."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if not isinstance(node, ast.JoinedStr):
        return ""
    parts = (
        str(part.value) if isinstance(part, ast.Constant) else f"‹{_inside(part)}›"
        for part in node.values
        if isinstance(part, ast.Constant | ast.FormattedValue)
    )
    return "".join(parts)


def _inside(part: ast.FormattedValue | ast.Constant) -> str:
    words = re.findall(r"[a-z_]+", ast.unparse(part.value)) if isinstance(part, ast.FormattedValue) else []
    return words[-1] if words else "…"


def judged_in(code: Code, judge: Callable[..., Any]) -> tuple[Module, Function]:
    """Where the judgement of a check stands."""
    found = inspect.unwrap(getattr(judge, "func", judge))
    module = code.modules[found.__module__]
    line = found.__code__.co_firstlineno
    nodes = (node for node in ast.walk(module.tree) if isinstance(node, ast.FunctionDef | ast.Lambda))
    return module, next(node for node in nodes if node.lineno == line or node.lineno == line + 1)


def reached(code: Code, module: Module, function: Function) -> Iterator[tuple[Module, Function]]:
    """The function and those that it calls, among the checks."""
    seen, waiting = set[int](), [(module, function)]
    while waiting:
        here, node = waiting.pop(0)
        if id(node) in seen:
            continue
        seen.add(id(node))
        yield here, node
        named = (each.id for each in ast.walk(node) if isinstance(each, ast.Name))
        for name in named:
            other = code.function(here, name)
            if other and ("checks" in other[0].path.parts) and other[0].path.name != "base.py":
                waiting.append(other)


def cases_of_check(code: Code, judge: Callable[..., Any]) -> tuple[list[Sentence], list[Case]]:
    """What it says when it passes, and each way in which it does not."""
    passes: list[Sentence] = []
    cases: list[Case] = []
    for module, function in reached(code, *judged_in(code, judge)):
        local = locals_of(function)
        for call in (node for node in ast.walk(function) if isinstance(node, ast.Call)):
            if name_of(call.func) == "passed":
                passes += code.sentences(module, call.args[0] if call.args else None, local)
            elif keyword(call, "cause") or keyword(call, "remedy") or keyword(call, "command"):
                cases.append(_case(code, module, call, local))
    return unique(passes), [case for case in cases if case.messages or case.causes or case.remedies]


def _case(code: Code, module: Module, call: ast.Call, local: dict[str, ast.expr]) -> Case:
    message = keyword(call, "message") or (call.args[1] if len(call.args) > 1 else None)
    return Case(
        code.sentences(module, message, local),
        code.sentences(module, keyword(call, "cause"), local),
        code.sentences(module, keyword(call, "remedy"), local),
        command_of(keyword(call, "command")),
    )


def checks(code: Code) -> list[dict[str, Any]]:
    from installer_tasks.preflight.checks import CHECKS

    found = []
    for check in CHECKS:
        passes, cases = cases_of_check(code, check.judge)
        found.append({"name": check.name, "passes": passes, "cases": [case.__dict__ for case in cases]})
    return found


def errors(code: Code) -> list[dict[str, Any]]:
    from installer_tasks.errors import InstallerError

    classes = {name: value for module in code.modules.values() for name, value in _classes(code, module).items()}
    found: dict[str, list[Case]] = {}
    for module in code.modules.values():
        for own, case in _raised(code, module, classes):
            found.setdefault(own, []).append(case)
    for formed in FORMED.values():
        found |= {own: [Case(causes=[[cause]], remedies=[[fix]])] for own, (cause, fix) in formed.items()}
    otherwise = {own: remedy for own, remedy in classes.values() if remedy}
    for own in {own for own, _remedy in classes.values()} - set(found):
        found[own] = [Case()]
    for own, cases in found.items():
        for case in cases:
            case.remedies = case.remedies or otherwise.get(own) or [[str(InstallerError.default_remedy.template)]]
    return [{"code": own, "cases": _merged(cases)} for own, cases in sorted(found.items())]


def _merged(cases: list[Case]) -> list[dict[str, Any]]:
    kept = [case.__dict__ for case in cases if case.causes or case.remedies]
    return [case for number, case in enumerate(kept) if case not in kept[:number]]


def _classes(code: Code, module: Module) -> dict[str, tuple[str, list[Sentence]]]:
    """Errors with a code of their own, and their remedy."""
    found = {}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ClassDef):
            own = assigned(node.body)
            value = own.get("code")
            if isinstance(value, ast.Constant) and isinstance(value.value, str) and value.value:
                found[node.name] = (value.value, code.sentences(module, own.get("default_remedy"), {}))
    return found


Classes = dict[str, tuple[str, list[Sentence]]]


def _raised(code: Code, module: Module, classes: Classes) -> Iterator[tuple[str, Case]]:
    """Every place that makes an error: its code, with cause and remedy."""
    for function in (
        node
        for node in module.tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign)
    ):
        local = locals_of(function)
        for node in ast.walk(function):
            if isinstance(node, ast.Call):
                yield from _of_call(code, module, node, local, classes)
            elif isinstance(node, ast.Dict):
                yield from _of_dict(code, module, node)
            elif isinstance(node, ast.Tuple):
                yield from _of_tuple(code, module, node, local, classes)


def _of_call(
    code: Code, module: Module, call: ast.Call, local: dict[str, ast.expr], classes: Classes
) -> Iterator[tuple[str, Case]]:
    given = keyword(call, "code")
    called = classes.get(name_of(call.func))
    own = given.value if isinstance(given, ast.Constant) else called[0] if called and given is None else ""
    if name_of(call.func) in BY_PLACE:
        own = next((value for value in map(_a_code, call.args) if value), own)
    if not isinstance(own, str) or not own:
        return
    causes = code.sentences(module, _cause(call), local)
    remedy = keyword(call, "remedy") or (_remedy_by_place(call) if name_of(call.func) in BY_PLACE else None)
    if remedy is None and name_of(call.func) == "refuse":
        remedy = ast.Name("ASK_AGAIN")
    remedies = code.sentences(module, remedy, local) or (called[1] if called else [])
    yield own, Case(causes=causes, remedies=remedies)


def _of_dict(code: Code, module: Module, node: ast.Dict) -> Iterator[tuple[str, Case]]:
    """An error as it is stored, written down without its class."""
    entries = {
        key.value: value for key, value in zip(node.keys, node.values, strict=True) if isinstance(key, ast.Constant)
    }
    own = entries.get("code")
    if isinstance(own, ast.Constant) and isinstance(own.value, str) and {"cause", "remedy"} <= entries.keys():
        causes, remedies = (code.sentences(module, entries[part], {}) for part in ("cause", "remedy"))
        yield own.value, Case(causes=causes, remedies=remedies)


def _a_code(node: ast.expr) -> str:
    found = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
    return found if CODE.fullmatch(found) else ""


def _cause(call: ast.Call) -> ast.expr | None:
    return next((arg for arg in call.args if not _a_code(arg)), None)


def _remedy_by_place(call: ast.Call) -> ast.expr | None:
    others = [arg for arg in call.args if not _a_code(arg)]
    return others[1] if len(others) > 1 else None


def _of_tuple(
    code: Code, module: Module, node: ast.Tuple, local: dict[str, ast.expr], classes: Classes
) -> Iterator[tuple[str, Case]]:
    """A code, or an error's class, beside its sentence: tables of what an answer means."""
    if "systems" not in module.path.parts:
        return
    own = next((classes[name_of(each)][0] for each in node.elts if name_of(each) in classes), "")
    own = own or next((value for value in map(_a_code, node.elts) if value), "")
    said = [code.sentences(module, each, local) for each in node.elts if not _a_code(each)]
    said = [each for each in said if each]
    if own and said and (own.split("-")[0] not in ("not",)):
        yield own, Case(causes=said[0], remedies=said[1] if len(said) > 1 else [])


def formed_codes(code: Code) -> set[str]:
    """The codes that are put together, as they stand in the code."""
    return {
        "".join(map(_formed, given.values))
        for module in code.modules.values()
        for call in ast.walk(module.tree)
        if isinstance(call, ast.Call)
        for given in (keyword(call, "code"), *(call.args if name_of(call.func) in BY_PLACE else ()))
        if isinstance(given, ast.JoinedStr)
    }


def _formed(part: ast.expr) -> str:
    if isinstance(part, ast.FormattedValue):
        return f"{{{ast.unparse(part.value)}}}"
    return str(part.value) if isinstance(part, ast.Constant) else ""


def entries() -> dict[str, Any]:
    code = Code()
    return {"checks": checks(code), "errors": errors(code)}


def as_text() -> str:
    return json.dumps(entries(), ensure_ascii=False, indent=1) + "\n"


def main(arguments: list[str]) -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wizard.settings")
    sys.path.insert(0, str(ROOT))
    text = as_text()
    if arguments == ["--check"]:
        current = ENTRIES.exists() and ENTRIES.read_text(encoding="utf-8") == text
        print("reference: current" if current else "reference: run scripts/make_reference.py")
        return 0 if current else 1
    ENTRIES.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
