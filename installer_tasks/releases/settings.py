"""Values that no step asks for, set key by key: read from a text by the schema, kept as one tree. Pure.

A key may itself contain dots (`tls.key`): places are paths, and dotted names are only for people.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import jsonschema
import yaml

from installer_tasks.errors import InputError
from installer_tasks.releases.model import Release, Source
from installer_tasks.releases.values import Schema, properties
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

Path = tuple[str, ...]
Tree = Mapping[str, Any]
_SECRET = re.compile(r"passw|secret|token|credential|api_?url|webhook|private|\.key$|^key$|key$", re.IGNORECASE)
_LONGEST = 1024 * 1024


@dataclass(frozen=True)
class Setting:
    """One key that has a value of its own."""

    path: Path
    schema: Schema
    source: Source  #: what sets it, where anything does
    required: bool

    @property
    def name(self) -> str:
        return ".".join(self.path)

    @property
    def kind(self) -> str:
        return str(self.schema.get("type", ""))

    @property
    def secret(self) -> bool:
        return is_secret(self.path) or self.schema.get("format") == "password"


def all_of(release: Release) -> Iterator[Setting]:
    """Every key of the schema that is not only a group of others."""
    yield from _settings(release.values_schema, release.sources, (), required=True)


def _settings(schema: Schema, sources: Mapping[str, Source], above: Path, *, required: bool) -> Iterator[Setting]:
    wanted = schema.get("required") or ()
    for key, each in properties(schema).items():
        path, needed = (*above, key), required and key in wanted
        if properties(each):
            yield from _settings(each, sources, path, required=needed)
        else:
            yield Setting(path, each, sources.get(".".join(path), Source()), needed)


def missing(schema: Schema, values: Tree, above: Path = ()) -> Iterator[Path]:
    """Required keys without a value, also those of groups that are there."""
    wanted = schema.get("required") or ()
    for key, each in properties(schema).items():
        path, value = (*above, key), values.get(key)
        if properties(each) and (key in wanted or isinstance(value, Mapping)):
            yield from missing(each, value if isinstance(value, Mapping) else {}, path)
        elif key in wanted and key not in values:
            yield path


def read(setting: Setting, given: str) -> Any:
    """The value in a text that a person wrote; InputError when the schema does not accept it."""
    value = _value(setting, given)
    validator = jsonschema.Draft7Validator(dict(setting.schema))
    error = next(iter(validator.iter_errors(value)), None)
    if error is None:
        return value
    rule = f"{error.validator} {json.dumps(error.validator_value)}"[:300]
    raise _refused(setting, given, text(_("The schema of the release requires: %(rule)s"), rule=rule))


def _value(setting: Setting, given: str) -> Any:
    plain = given.replace("\r\n", "\n")
    if setting.kind == "string":
        return plain
    if len(plain) > _LONGEST:
        raise _refused(setting, "", Text(_("It is too large.")))
    try:
        return _json(yaml.load(plain, _Data))  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise _refused(setting, given, Text(_("This is not valid YAML."))) from error


def document(content: str) -> dict[str, Any]:
    """A whole values file; InputError for what is none."""
    try:
        found = _json(yaml.load(content, _Data))  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise _no_document() from error
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise _no_document()
    return found


def _no_document() -> InputError:
    return InputError(
        Text(_("This is not a values file.")),
        remedy=Text(_("Use a YAML file with one `key: value` per line, without anchors.")),
        code="values-unreadable",
    )


def _json(data: Any) -> Any:
    """The same as JSON has it, which is what is kept; aliases are not followed into something huge."""
    content = json.dumps(data, allow_nan=False)
    if len(content) > _LONGEST:
        raise ValueError
    return json.loads(content)


class _Data(yaml.SafeLoader):
    """Dates stay texts, as in JSON."""

    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in found if not tag.endswith(":timestamp")]
        for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError
        return super().compose_node(parent, index)


def _refused(setting: Setting, given: str, cause: Text) -> InputError:
    return InputError(
        cause,
        value=setting.name if setting.secret else given[:200],
        field=setting.name,
        remedy=text(_("Enter a value of type %(kind)s for %(name)s."), kind=setting.kind or "any", name=setting.name),
        code="setting-invalid",
    )


def shown(value: Any) -> str:
    """A value as a person writes it."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict | list) and value:
        return str(yaml.safe_dump(value, sort_keys=False, allow_unicode=True))
    return json.dumps(value)


def loaded(kept: str) -> dict[str, Any]:
    found = json.loads(kept) if kept else {}
    return found if isinstance(found, dict) else {}


def dumped(tree: Tree) -> str:
    """Empty when nothing is set."""
    return json.dumps(tree, ensure_ascii=False) if tree else ""


def at(tree: Any, path: Path, default: Any = None) -> Any:
    for key in path:
        if not isinstance(tree, Mapping) or key not in tree:
            return default
        tree = tree[key]
    return tree


def put(tree: Tree, path: Path, value: Any) -> dict[str, Any]:
    """A new tree with this value."""
    key, *rest = path
    below = tree.get(key)
    inner = put(below if isinstance(below, Mapping) else {}, tuple(rest), value) if rest else value
    return {**tree, key: inner}


def without(tree: Tree, path: Path) -> dict[str, Any]:
    """A new tree that leaves this value, and groups that become empty, to their defaults."""
    key, *rest = path
    kept = {name: value for name, value in tree.items() if name != key}
    below = tree.get(key)
    if rest and isinstance(below, Mapping) and (inner := without(below, tuple(rest))):
        return {**tree, key: inner}
    return kept


def merged(values: Tree, own: Tree, schema: Schema) -> dict[str, Any]:
    """Groups key by key; any other value is replaced. In the order of the values, then of the settings."""
    found = dict(values)
    for key, value in own.items():
        below = properties(schema).get(key, {})
        group = isinstance(value, Mapping) and isinstance(found.get(key), Mapping) and bool(properties(below))
        found[key] = merged(found[key], value, below) if group else value
    return found


def is_secret(path: Path) -> bool:
    """By its name: a schema does not say which of its texts are secret."""
    return any(_SECRET.search(key) for key in path)


def secrets(tree: Any, above: Path = ()) -> Iterator[str]:
    """Texts that must not be shown."""
    if isinstance(tree, Mapping):
        for key, value in tree.items():
            yield from secrets(value, (*above, str(key)))
    elif isinstance(tree, list):
        for value in tree:
            yield from secrets(value, above)
    elif isinstance(tree, str) and tree and is_secret(above):
        yield tree
