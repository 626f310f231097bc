"""Sentences for people, kept as template and parameters so that each reader gets their own language.

A `Text` is stored with a finding or an event and rendered where it is read. Templates are English, marked with
`_()` from this module so that makemessages finds them, with named placeholders: `_("%(host)s refused the connection")`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Param = str | int | float


def mark(template: str) -> str:
    """Mark a template for translation without translating it; import it as `_`."""
    return template


@dataclass(frozen=True)
class Text:
    """A sentence: an English template with `%(name)s` placeholders, and what to put into them."""

    template: str
    params: Mapping[str, Param] = field(default_factory=dict)

    def __str__(self) -> str:
        """The sentence in English, for logs and exceptions; pages render `template` in the viewer's language."""
        return self.template % self.params if self.params else self.template

    def as_json(self) -> dict[str, Any]:
        return {"template": self.template, "params": dict(self.params)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Text:
        return cls(data["template"], data.get("params", {}))


def text(template: str, **params: Param) -> Text:
    return Text(template, params)
