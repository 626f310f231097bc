"""Sentences for people, kept as template and parameters so that each reader gets their own language.

A `Text` is stored with a finding or an event and rendered where it is read. Templates are English, with named
placeholders, and marked so that makemessages finds them:

    from installer_tasks.text import mark as _, mark_plural as ngettext

    text(_("%(host)s refused the connection"), host=host)
    text(ngettext("%(count)d node is not ready", "%(count)d nodes are not ready"), count=len(nodes))

A parameter may be a `Text` itself: a sentence inside a sentence keeps the reader's language.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, Union

Param: TypeAlias = Union[str, int, float, "Text"]
#: Gives a template in the reader's language: singular, plural ("" for none) and the number that decides.
Translate = Callable[[str, str, int], str]

_PLACEHOLDER = re.compile(r"%\((\w+)\)")


class Plural(str):
    """A template in the singular, with its plural beside it."""

    plural: str

    def __new__(cls, singular: str, plural: str) -> Plural:
        found = super().__new__(cls, singular)
        found.plural = plural
        return found

    def __getnewargs__(self) -> tuple[str, str]:  # type: ignore[override]
        """A copy of it, in this process or another, has its plural too."""
        return str(self), self.plural


class _Filled(dict[str, Any]):
    """A parameter that an older version did not store shows as a dash."""

    def __missing__(self, key: str) -> str:
        return "–"


def _is_text(value: Any) -> bool:
    return isinstance(value, Mapping) and "template" in value


def _shown(value: Any, translate: Translate) -> Any:
    return value.render(translate) if isinstance(value, Text) else value


def mark(template: str) -> str:
    """Mark a template for translation without translating it; import it as `_`."""
    return template


def mark_plural(singular: str, plural: str) -> Plural:
    """Mark both forms; import it as `ngettext`. The first placeholder that is a whole number decides between them."""
    return Plural(singular, plural)


def english(singular: str, plural: str, number: int) -> str:
    return plural if plural and number != 1 else singular


@dataclass(frozen=True)
class Text:
    """A sentence: an English template with `%(name)s` placeholders, and what to put into them."""

    template: str
    params: Mapping[str, Param] = field(default_factory=dict)
    plural: str = ""  #: the template for any number but one

    def __str__(self) -> str:
        """The sentence in English, for logs and exceptions; pages render it in the viewer's language."""
        return self.render(english)

    def render(self, translate: Translate) -> str:
        """The sentence, and those inside it, in the language of `translate`."""
        template = translate(self.template, self.plural, self._number())
        if "%(" not in template:
            return template
        return template % _Filled({name: _shown(value, translate) for name, value in self.params.items()})

    def _number(self) -> int:
        """What decides between singular and plural: the first whole number, in the order of the sentence."""
        values = (self.params.get(name) for name in _PLACEHOLDER.findall(self.plural))
        return next((value for value in values if isinstance(value, int)), 0)

    def as_json(self) -> dict[str, Any]:
        params = {name: value.as_json() if isinstance(value, Text) else value for name, value in self.params.items()}
        return {"template": self.template, "params": params} | ({"plural": self.plural} if self.plural else {})

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Text:
        given: Mapping[str, Any] = data.get("params", {})
        params = {name: cls.from_json(value) if _is_text(value) else value for name, value in given.items()}
        return cls(data["template"], params, data.get("plural", ""))


def text(template: str, **params: Param) -> Text:
    return Text(template, params, plural_of(template))


def plural_of(template: str) -> str:
    """What `mark_plural` put beside a template; "" when it has no plural."""
    return template.plural if isinstance(template, Plural) else ""
