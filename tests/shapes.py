"""Whether a fact is what its declared shape says: `differences(value, shape)` names every place where it is not."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, Literal, NotRequired, Required, Union, get_args, get_origin, get_type_hints, is_typeddict

from installer_tasks.preflight import shapes
from installer_tasks.preflight.shapes.base import Fact

MODULES = {each.name: import_module(f"{shapes.__name__}.{each.name}") for each in iter_modules(shapes.__path__)}
FACTS = [fact for module in MODULES.values() for fact in vars(module).values() if isinstance(fact, Fact)]
BY_NAME = {(fact.system, str(fact)): fact for fact in FACTS}


def shape_of(fact: Fact[Any]) -> Any:
    """The type that it was declared with, or None."""
    declared = getattr(fact, "__orig_class__", None)
    return get_args(declared)[0] if declared else None


def require_shapes(system: str, facts: Mapping[str, Mapping[str, Any]]) -> None:
    """Every fact that was observed is declared, and looks as declared; as live values or after JSON."""
    for name, observed in facts.items():
        assert (system, name) in BY_NAME, (
            f"{system}.{name} has no shape in installer_tasks/preflight/shapes/{system}.py"
        )
        if observed["ok"]:
            wrong = list(differences(observed["value"], shape_of(BY_NAME[system, name]), name))
            assert not wrong, f"{system}.{name} is not as declared: {wrong}"


def differences(value: Any, shape: Any, where: str) -> Iterator[str]:
    origin, args = get_origin(shape), get_args(shape)
    if shape is Any:
        return
    if is_typeddict(shape):
        yield from _of_typed_dict(value, shape, where)
    elif origin in (Union, types.UnionType):
        tried = [list(differences(value, each, where)) for each in args]
        if all(tried):
            yield from min(tried, key=len)
    elif origin is Literal:
        if value not in args:
            yield f"{where}: {value!r} is none of {args}"
    elif origin in (list, Sequence):
        yield from _of_items(value, args[0], where, list if origin is list else (list, tuple))
    elif origin in (dict, Mapping):
        yield from _of_mapping(value, args, where)
    elif not _is(value, shape):
        yield f"{where}: {value!r} is no {shape}"


def _is(value: Any, shape: Any) -> bool:
    if shape is None or shape is type(None):
        return value is None
    if shape is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, shape) and (shape is bool or not isinstance(value, bool))


def _of_typed_dict(value: Any, shape: Any, where: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{where}: {value!r} is no {shape.__name__}"
        return
    hints = get_type_hints(shape, include_extras=True)
    origins = {key: get_origin(hint) for key, hint in hints.items()}
    optional = {
        key for key, origin in origins.items() if origin is NotRequired or not (shape.__total__ or origin is Required)
    }
    yield from (f"{where}.{key} is missing" for key in hints.keys() - optional - value.keys())
    yield from (f"{where}.{key} is not declared" for key in value.keys() - hints.keys())
    for key in hints.keys() & value.keys():
        declared = get_args(hints[key])[0] if origins[key] in (NotRequired, Required) else hints[key]
        yield from differences(value[key], declared, f"{where}.{key}")


def _of_items(value: Any, item: Any, where: str, kinds: Any) -> Iterator[str]:
    if not isinstance(value, kinds):
        yield f"{where}: {value!r} is no list"
        return
    for number, each in enumerate(value):
        yield from differences(each, item, f"{where}[{number}]")


def _of_mapping(value: Any, kinds: tuple[Any, Any], where: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{where}: {value!r} is no mapping"
        return
    for key, each in value.items():
        yield from differences(key, kinds[0], f"{where} key")
        yield from differences(each, kinds[1], f"{where}.{key}")
