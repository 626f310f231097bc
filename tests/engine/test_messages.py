"""Every code that is used has its sentence, every sentence is used, and each is filled from what is stored."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import installer_tasks
from installer_tasks.runs import events
from installer_tasks.text import text

ROOT = Path(installer_tasks.__file__).parent


def codes_in(tree: ast.AST) -> Iterator[tuple[str, set[str]]]:
    """Codes given to `event(...)`, `_tell(...)` and `_end(...)`, with the names of the parameters."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
            if name in ("event", "_tell", "_end"):
                params = {keyword.arg for keyword in node.keywords if keyword.arg}
                for argument in node.args[:3]:
                    yield from ((code, params) for code in literals(argument))


def literals(node: ast.AST) -> Iterator[str]:
    for part in ast.walk(node):
        if (
            isinstance(part, ast.Constant)
            and isinstance(part.value, str)
            and re.fullmatch(r"[a-z]+\.[a-z-]+", part.value)
        ):
            yield part.value


def used() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for path in ROOT.rglob("*.py"):
        if "rehearsal" in path.parts or "migrations" in path.parts or path.name == "events.py":
            continue
        for code, params in codes_in(ast.parse(path.read_text())):
            found.setdefault(code, set()).update(params)
    return found


def in_engine() -> set[str]:
    """Codes that the engine hands on as values."""
    source = (ROOT / "runs" / "engine.py").read_text()
    return set(re.findall(r'"((?:run|stage)\.[a-z-]+)"', source))


def test_every_code_that_is_used_has_a_sentence_and_the_other_way_round() -> None:
    assert set(used()) | in_engine() == set(events.EVENTS)


def test_every_placeholder_is_given() -> None:
    for code, params in used().items():
        wanted = set(re.findall(r"%\((\w+)\)s", events.EVENTS[code]))
        given = params | ({"title", "cause"} if code.startswith("stage.") else set())
        assert wanted <= given, code


def test_only_named_placeholders() -> None:
    for template in events.EVENTS.values():
        assert "%" not in re.sub(r"%\(\w+\)s", "", template)


def test_a_sentence_is_filled_and_translated_with_the_texts_inside_it() -> None:
    params = {"title": text("Push the images").as_json(), "cause": text("%(host)s is away", host="reg").as_json()}
    german = {
        "%(title)s: failed. %(cause)s": "%(title)s: gescheitert. %(cause)s",
        "Push the images": "Abbilder senden",
        "%(host)s is away": "%(host)s ist weg",
    }
    told = events.sentence("stage.failed", params).render(lambda singular, _plural, _number: german[singular])
    assert told == "Abbilder senden: gescheitert. reg ist weg"


def test_an_unknown_code_and_a_missing_parameter_do_not_break_the_page() -> None:
    assert str(events.sentence("of.later", {})) == "of.later"
    assert str(events.sentence("run.started", {"attempt": 2})) == "Attempt 2 started: release –."
