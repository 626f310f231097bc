"""Every fact has a declared shape: in preflight/shapes/, named by its collector, read by a check or a page."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NotRequired, TypedDict, get_args, get_type_hints, is_typeddict

import pytest

from tests.shapes import FACTS, MODULES, differences, require_shapes, shape_of
from tests.unit import test_checks_identity, test_checks_judgements, test_checks_registry

PREFLIGHT = Path(__file__).parents[2] / "installer_tasks/preflight"
SHAPES = "installer_tasks.preflight.shapes"
#: What takes a Fact first.
NAMING = {"observe", "observe_with", "Probe", "facts", "some", "listed", "wants"}


class Part(TypedDict):
    name: str
    size: NotRequired[int]


class Whole(TypedDict):
    kind: Literal["whole"]
    parts: list[Part]
    by_name: dict[str, Part | None]
    hits: Sequence[str]


WHOLE: Whole = {"kind": "whole", "parts": [{"name": "a", "size": 1}], "by_name": {"a": None}, "hits": ("x",)}


def test_a_fact_as_declared_differs_nowhere() -> None:
    assert list(differences(WHOLE, Whole, "it")) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kind": "part"}, "it.kind"),
        ({"parts": [{"size": 1}]}, "it.parts[0].name is missing"),
        ({"parts": [{"name": "a", "weight": 1}]}, "it.parts[0].weight is not declared"),
        ({"parts": [{"name": "a", "size": True}]}, "it.parts[0].size"),
        ({"by_name": {"a": {"name": None}}}, "it.by_name.a"),
        ({"hits": "x"}, "it.hits"),
    ],
)
def test_what_is_not_as_declared_is_named(change: Mapping[str, Any], said: str) -> None:
    assert said in " ".join(differences({**WHOLE, **change}, Whole, "it"))


def test_a_fact_that_is_not_declared_is_named() -> None:
    with pytest.raises(AssertionError, match=r"registry\.smell has no shape in .*shapes/registry\.py"):
        require_shapes("registry", {"smell": {"ok": True, "value": {}}})


def test_every_declared_fact_has_a_shape_in_the_module_of_its_system() -> None:
    for fact in FACTS:
        assert shape_of(fact) is not None, f"{fact.system}.{fact}: write Fact[…](…)"
        assert not list(_loose(shape_of(fact))), f"{fact.system}.{fact} has fields of any type"
        assert getattr(MODULES[fact.system], fact.upper(), None) is fact, f"{fact.system}.{fact}"
    doubled = [fact for fact, times in Counter((fact.system, str(fact)) for fact in FACTS).items() if times > 1]
    assert doubled == []


def test_every_fact_that_is_observed_is_declared_and_the_other_way_round() -> None:
    observed = {fact for path in (PREFLIGHT / "facts").glob("*.py") for fact in _named(path)}
    assert observed == {(fact.system, fact.upper()) for fact in FACTS}


def test_every_declared_fact_is_read_by_a_check_or_a_page() -> None:
    paths = [
        *(PREFLIGHT / "checks").glob("*.py"),
        *PREFLIGHT.glob("*.py"),
        *(PREFLIGHT.parents[1] / "wizard").rglob("*.py"),
    ]
    read = {fact for path in paths for fact in _named(path)}
    assert {(fact.system, fact.upper()) for fact in FACTS} - read == set()


def test_no_fact_is_named_by_a_plain_string() -> None:
    for path in PREFLIGHT.rglob("*.py"):
        calls = (node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call))
        for call in calls:
            name = getattr(call.func, "attr", None) or getattr(call.func, "id", None)
            by_string = name in NAMING and call.args and isinstance(call.args[0], ast.Constant)
            assert not by_string, f"{path.name}:{call.lineno}: declare a Fact in preflight/shapes/, and name it by that"


def _named(path: Path) -> Iterator[tuple[str, str]]:
    """System and name of each Fact that the module mentions, as `shapes.NAME` or imported by itself."""
    modules: dict[str, str] = {}
    tree = ast.parse(path.read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == SHAPES:
            modules |= {each.asname or each.name: each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(f"{SHAPES}."):
            yield from ((node.module.rpartition(".")[2], each.name) for each in node.names if each.name.isupper())
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
            yield from [(modules[node.value.id], node.attr)] if node.attr.isupper() else []


BY_HAND: Mapping[str, Mapping[str, Any]] = {
    **test_checks_judgements.HEALTHY,
    "registry": test_checks_registry.HEALTHY,
    "identity": {"discovery": test_checks_identity.DISCOVERY, "hosts": [test_checks_identity.host()]},
}


def test_facts_that_tests_write_by_hand_are_as_declared() -> None:
    for system, facts in BY_HAND.items():
        require_shapes(system, {name: {"ok": True, "value": value} for name, value in facts.items()})


#: JSON of `Text` and `InstallerError`: whoever reads it turns it into one again.
SENTENCES = {dict[str, Any]}


def _loose(shape: Any) -> Iterator[Any]:
    """Where a shape says nothing."""
    if shape is Any or shape in (dict, list):
        yield shape
    elif shape not in SENTENCES:
        inner = get_type_hints(shape).values() if is_typeddict(shape) else get_args(shape)
        for each in inner:
            yield from _loose(each)
