"""Stored sentences in the viewer's language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext

from installer_tasks.text import Text


def render(sentence: Text | Mapping[str, Any] | None) -> str:
    """A Text, or its stored form, in the language that is active; "" for None."""
    if not sentence:
        return ""
    found = sentence if isinstance(sentence, Text) else Text.from_json(sentence)
    template = gettext(found.template)
    return template % found.params if found.params else template
