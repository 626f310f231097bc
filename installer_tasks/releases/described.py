"""A release that is not in the table: what its download says of it, on top of the nearest release that is. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import jsonschema

from installer_tasks.releases import words
from installer_tasks.releases.model import Release, Source
from installer_tasks.releases.values import dotted

VERSION = re.compile(r"[0-9]+(\.[0-9]+){1,3}([-+][0-9A-Za-z.+-]+)?")
#: A schema of values holds some hundred; aliases in YAML can make millions of a few.
MOST_NODES, DEEPEST, LONGEST = 20_000, 24, 1024 * 1024
#: References could lead out of the schema, and out of this machine.
ELSEWHERE = frozenset({"$ref", "$id", "$schema", "$recursiveRef", "$dynamicRef"})


@dataclass(frozen=True)
class Differences:
    """Values of a release beside those of the nearest one that is known, by dotted name."""

    near: str  #: its version
    new: tuple[str, ...]
    removed: tuple[str, ...]


def write(version: str, packages: Iterable[str], schema: Any) -> str:
    """What is kept of the download; empty when its schema cannot be used."""
    own = usable(schema)
    if own is None:
        return ""
    found = json.dumps({"version": version, "packages": sorted(packages), "schema": own})
    return found if len(found) <= LONGEST else ""


def usable(schema: Any) -> dict[str, Any] | None:
    """The schema as plain data that values can be judged by; None where there is none."""
    try:
        own = _plain(schema, count(), 0)
        jsonschema.Draft7Validator.check_schema(own)
    except (jsonschema.SchemaError, ValueError, TypeError, re.error):
        return None
    return own if isinstance(own, dict) and isinstance(own.get("properties"), dict) else None


def _plain(data: Any, nodes: Iterator[int], depth: int) -> Any:
    """The same without references; ValueError for what is too large."""
    if next(nodes) > MOST_NODES or depth > DEEPEST:
        raise ValueError
    if isinstance(data, dict):
        kept = ((key, value) for key, value in data.items() if not (key in ELSEWHERE and isinstance(value, str)))
        return {str(key): _plain(value, nodes, depth + 1) for key, value in kept}
    if isinstance(data, list):
        return [_plain(value, nodes, depth + 1) for value in data]
    return data if data is None or isinstance(data, str | int | float | bool) else str(data)


def is_of(description: str, version: str) -> bool:
    return bool(description) and json.loads(description)["version"] == version


def release(near: Release, description: str) -> Release:
    """Stages, names and ranges of the nearest release; values and packages as the download has them."""
    told = json.loads(description)
    schema, packages = told["schema"], frozenset(told["packages"])
    return replace(
        near,
        version=told["version"],
        near=near.version,
        values_schema=schema,
        sources=_sources(near, schema),
        packages=tuple(replace(each, version="") for each in near.packages if each.ref_name in packages),
        downloads=(),
        traps=(),
        thin=tuple(words.THIN),
    )


def _sources(near: Release, schema: Mapping[str, Any]) -> dict[str, Source]:
    """Answers go to the keys that are still there."""
    names = {name for name, _schema in dotted(schema)}
    return {name: source for name, source in near.sources.items() if name in names}


def differences(found: Release, near: Release) -> Differences:
    own, other = (dict.fromkeys(name for name, _schema in dotted(each.values_schema)) for each in (found, near))
    return Differences(
        near.version,
        tuple(name for name in own if name not in other),
        tuple(name for name in other if name not in own),
    )
