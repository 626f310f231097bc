"""Stored sentences in the viewer's language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext, ngettext

from installer_tasks.text import Text


def render(sentence: Text | Mapping[str, Any] | None) -> str:
    """A Text, or its stored form, in the language that is active; "" for None."""
    if not sentence:
        return ""
    found = sentence if isinstance(sentence, Text) else Text.from_json(sentence)
    return found.render(_translate)


def _translate(singular: str, plural: str, number: int) -> str:
    return ngettext(singular, plural, number) if plural else gettext(singular)
