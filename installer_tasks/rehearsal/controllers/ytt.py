"""Values against a package's schema, refused in the words of ytt, line and all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

Schema = Mapping[str, Any]

_TAGS = {
    "tag:yaml.org,2002:str": "string",
    "tag:yaml.org,2002:int": "integer",
    "tag:yaml.org,2002:float": "float",
    "tag:yaml.org,2002:bool": "boolean",
    "tag:yaml.org,2002:null": "null",
}


@dataclass(frozen=True)
class Problem:
    """One value that does not fit, at its line."""

    title: str
    line: int
    found: str
    expected: str


def validate(content: str, schema: Schema) -> str:
    """What ytt would print, empty when the values are good."""
    try:
        root = yaml.compose(content, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"yaml: line {mark.line + 1}: " if mark else "yaml: "
        return f"ytt: Error: Unmarshaling YAML template 'values.yaml': {where}{getattr(error, 'problem', 'not valid')}"
    if not isinstance(root, yaml.MappingNode):
        return "ytt: Error: Overlaying data values: Expected values.yaml to hold a map"
    problems = list(_problems(root, schema))
    if problems:
        return _overlay_error(content, problems)
    missing = list(_missing(yaml.safe_load(content), schema, ""))
    return _validation_error(missing) if missing else ""


def _problems(node: yaml.Node, schema: Schema) -> Iterator[Problem]:
    kind = schema.get("type")
    if isinstance(node, yaml.MappingNode) and kind == "object":
        yield from _in_map(node, schema)
    elif isinstance(node, yaml.SequenceNode) and kind == "array":
        for item in node.value:
            yield from _problems(item, schema.get("items", {}))
    elif kind and _kind(node) != kind:
        yield Problem(
            "One or more data values were invalid",
            node.start_mark.line,
            _kind(node),
            f"{_kind_name(str(kind))} (by schema.yaml)",
        )


def _in_map(node: yaml.MappingNode, schema: Schema) -> Iterator[Problem]:
    properties: Mapping[str, Schema] = schema.get("properties", {})
    other = schema.get("additionalProperties", False)
    for key, value in node.value:
        if key.value in properties:
            yield from _problems(value, properties[key.value])
        elif isinstance(other, Mapping):
            yield from _problems(value, other)
        elif not other:
            yield _undeclared(key, properties)


def _undeclared(key: yaml.Node, properties: Mapping[str, Schema]) -> Problem:
    names = [f'"{name}"' for name in properties]
    known = ", ".join(names[:-1]) + " or " + names[-1] if len(names) > 1 else "".join(names)
    expected = f"a map item with the key named {known} (from schema.yaml)"
    return Problem("Given data value is not declared in schema", key.start_mark.line, str(key.value), expected)


def _kind(node: yaml.Node) -> str:
    if isinstance(node, yaml.MappingNode):
        return "object"
    if isinstance(node, yaml.SequenceNode):
        return "array"
    return _TAGS.get(node.tag, "string")


def _kind_name(kind: str) -> str:
    return {"object": "map"}.get(kind, kind)


def _overlay_error(content: str, problems: list[Problem]) -> str:
    title = "One or more data values were invalid"
    lines = content.splitlines()
    parts = [
        "ytt: Error: Overlaying data values (in following order: values.yaml):",
        f"  {title}",
        f"  {'=' * len(title)}",
    ]
    for problem in problems:
        number = str(problem.line + 1)
        gutter = " " * (len(number) + 4)
        parts += ["", f"  {problem.title}" if problem.title != title else "", "  values.yaml:", f"{gutter}|"]
        parts += [f"    {number} | {lines[problem.line]}", f"{gutter}|", ""]
        parts += [f"    = found: {_kind_name(problem.found)}", f"    = expected: {problem.expected}"]
    return "\n".join(parts)


def _missing(values: Mapping[str, Any], schema: Schema, where: str) -> Iterator[str]:
    """Paths of required values that are not there, or empty."""
    for key in schema.get("required", []):
        if values.get(key) in (None, "", {}):
            yield f"{where}{key}"
    for key, inner in schema.get("properties", {}).items():
        if isinstance(values.get(key), Mapping):
            yield from _missing(values[key], inner, f"{where}{key}.")


def _validation_error(paths: list[str]) -> str:
    parts = ["ytt: Error: Validating final data values:"]
    for path in paths:
        parts += [
            f"  {path}",
            "    from: schema.yaml",
            "    - must be: length >= 1 (by: schema.yaml)",
            "      found: length = 0",
        ]
    return "\n".join(parts)
