"""An existing values file against a release, key by key: what belongs to a step, what is set beside it, what is wrong.

Pure: it says what would be taken, and takes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import jsonschema

from installer_tasks.releases.model import Release, Source
from installer_tasks.releases.settings import Path, Setting, Tree, at, is_secret
from installer_tasks.releases.values import Schema, properties

_MISSING = object()
_EMPTY: tuple[Any, ...] = ("", {}, [])


class Outcome(StrEnum):
    ANSWER = "answer"  #: a step asks for it, and it becomes the value there
    SETTING = "setting"  #: set on the page All settings
    SAME = "same"  #: as it is already, by default or otherwise
    UNUSED = "unused"  #: what a step asks for only with another sign-in method, or not of this release
    UNKNOWN = "unknown"  #: no value of the release
    WRONG = "wrong"  #: of another type, or against a rule of the schema


TAKEN = (Outcome.ANSWER, Outcome.SETTING)


@dataclass(frozen=True)
class Compared:
    """One key of the file that is not only a group of others."""

    path: Path
    outcome: Outcome
    value: Any
    now: Any = None  #: None where nothing sets it
    answer: str = ""  #: key of the step's answer
    rule: str = ""  #: of the schema, that it breaks
    secret: bool = False

    @property
    def name(self) -> str:
        return ".".join(self.path)


Applies = Callable[[str], bool]


def compared(release: Release, document: Tree, now: Tree, applies: Applies) -> Iterator[Compared]:
    """In the order of the file. `now` are the values in force; `applies` says whether an answer is asked for."""
    return _Comparing(release.sources, now, applies).group(release.values_schema, document, ())


@dataclass(frozen=True)
class _Comparing:
    sources: Mapping[str, Source]
    now: Tree
    applies: Applies

    def group(self, schema: Schema, document: Tree, above: Path) -> Iterator[Compared]:
        known = properties(schema)
        for key, value in document.items():
            path, each = (*above, str(key)), known.get(str(key))
            if each is None:
                yield Compared(path, Outcome.UNKNOWN, value, secret=is_secret(path) or _holds_secret(value))
            elif properties(each) and isinstance(value, Mapping):
                yield from self.group(each, value, path)
            else:
                source = self.sources.get(".".join(path), Source())
                yield self.key(Setting(path, each, source, required=False), value)

    def key(self, setting: Setting, value: Any) -> Compared:
        """A group that is no mapping is wrong by its own schema."""
        here, answer = at(self.now, setting.path, _MISSING), setting.source.answer
        secret = setting.secret or _holds_secret(value)
        about = Compared(setting.path, Outcome.SETTING, value, None if here is _MISSING else here, answer, "", secret)
        if _same(setting.schema, value, here):
            return replace(about, outcome=Outcome.SAME)
        error = next(iter(jsonschema.Draft7Validator(dict(setting.schema)).iter_errors(value)), None)
        if error is not None:
            rule = f"{error.validator} {json.dumps(error.validator_value)}"[:300]
            return replace(about, outcome=Outcome.WRONG, rule=rule)
        if answer:
            return replace(about, outcome=Outcome.ANSWER if self.applies(answer) else Outcome.UNUSED)
        return about


def _same(schema: Schema, value: Any, here: Any) -> bool:
    """True is 1 in Python, and no number in YAML."""
    if here is _MISSING:
        return value in _EMPTY or ("default" in schema and _equal(schema["default"], value))
    return _equal(here, value)


def _equal(one: Any, other: Any) -> bool:
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _holds_secret(value: Any, above: Path = ()) -> bool:
    """Somewhere in it, by its name."""
    if isinstance(value, Mapping):
        return any(is_secret((*above, str(key))) or _holds_secret(each) for key, each in value.items())
    return isinstance(value, list) and any(map(_holds_secret, value))


def as_answer(value: Any) -> str:
    """The text that a person enters for this value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return " ".join(map(str, value))
    return str(value)
