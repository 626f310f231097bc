"""YAML of answers: every scalar is a text and stays as it is written, and a key stands once.

YAML's own types would make 886640 of the user name 03303560, false of No, and 1.4 of the release 1.40.
"""

from __future__ import annotations

from typing import Any

import yaml

from installer_tasks.errors import InputError
from installer_tasks.text import mark as _
from installer_tasks.text import text

_NOTHING = ("", "~", "null")
_YES_OR_NO = {"yes": "true", "on": "true", "true": "true", "no": "false", "off": "false", "false": "false"}


class _Texts(yaml.SafeLoader):
    """Knows no number, date or truth; a plain null is None."""

    yaml_implicit_resolvers: dict[str, Any] = {}

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _value in node.value:
            name = str(key.value)
            if name in seen:
                raise _twice(name, key.start_mark.line + 1)
            seen.add(name)
        return super().construct_mapping(node, deep)


def _scalar(loader: _Texts, node: yaml.ScalarNode) -> str | None:
    value = str(loader.construct_scalar(node))
    return None if node.style is None and value.lower() in _NOTHING else value


_Texts.add_constructor("tag:yaml.org,2002:str", _scalar)


def parse(content: str) -> Any:
    """The document; InputError for a key that stands twice, YAMLError for what is no YAML."""
    return yaml.load(content, _Texts)  # noqa: S506 - a SafeLoader


def yes_or_no(value: str) -> str:
    """`true` or `false` of YAML's words for them; any other text as it is."""
    return _YES_OR_NO.get(value.lower(), value)


def _twice(key: str, line: int) -> InputError:
    return InputError(
        text(_("%(key)s occurs twice in the file, the second time on line %(line)d."), key=key[:200], line=line),
        value=key[:200],
        remedy=text(_("Remove one of the two lines.")),
        field=key[:200],
        code="answers-key-twice",
    )
