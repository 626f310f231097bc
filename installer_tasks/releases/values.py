"""Writes the values of a release: by its schema, from where each value comes. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from installer_tasks.releases.model import Source

Schema = Mapping[str, Any]
#: What an answer or a derived value is; "" or None for none.
Ask = Callable[[Source], Any]


def written(schema: Schema, sources: Mapping[str, Source], ask: Ask, above: str = "") -> dict[str, Any]:
    """Every value that comes from somewhere, in the order of the schema; what is empty is left out."""
    found: dict[str, Any] = {}
    for key, each in properties(schema).items():
        name = f"{above}{key}"
        if name in sources:
            value = sources[name].constant if sources[name].constant is not None else ask(sources[name])
            value = _typed(value, each)
        else:
            value = written(each, sources, ask, f"{name}.")
        if value is not None and value not in ("", {}, []):
            found[key] = value
    return found


def properties(schema: Schema) -> Mapping[str, Schema]:
    found = schema.get("properties")
    return found if isinstance(found, Mapping) else {}


def dotted(schema: Schema, above: str = "") -> Iterator[tuple[str, Schema]]:
    """Every key of the schema by its dotted name, objects before what is in them."""
    for key, each in properties(schema).items():
        yield f"{above}{key}", each
        yield from dotted(each, f"{above}{key}.")


def required(schema: Schema, above: str = "") -> Iterator[str]:
    """Dotted names of the values that every values file must have."""
    for key in schema.get("required") or ():
        each = properties(schema).get(key)
        if each is None:
            continue
        if properties(each):
            yield from required(each, f"{above}{key}.")
        else:
            yield f"{above}{key}"


def _typed(value: Any, schema: Schema) -> Any:
    """Answers are texts; a value has the type that the schema says."""
    if not isinstance(value, str) or value == "":
        return value
    kind = schema.get("type")
    if kind == "integer" and value.lstrip("-").isdigit():
        return int(value)
    if kind == "boolean" and value in ("true", "false"):
        return value == "true"
    if kind == "array":
        return value.replace(",", " ").split()
    return value
