"""What to have ready before the first step, and from whom: every question of every step, on one page to print."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext

from installer_tasks import answer_keys
from installer_tasks.answer_keys import Key
from wizard import steps
from wizard.presenters import steps as step_views
from wizard.steps.base import Step
from wizard.steps.fields import ChoiceField, SecretField


@dataclass(frozen=True)
class Wanted:
    """One answer to bring along."""

    label: str
    help: Any
    note: str  #: whether it can be left out, or what it is unless somebody says otherwise
    only_with: str  #: how people sign in, where only one way asks for this


@dataclass(frozen=True)
class Section:
    """What one step asks, of whom, with the text to send to them."""

    slug: str
    title: Any
    owner: Any
    ask: tuple[Any, ...]
    wanted: tuple[Wanted, ...]
    handout_title: Any
    handouts: tuple[str, ...]


def sections() -> tuple[Section, ...]:
    return tuple(_section(step) for step in steps.STEPS)


def _section(step: Step) -> Section:
    return Section(
        slug=step.slug,
        title=step.title,
        owner=step.owner,
        ask=step.ask,
        wanted=tuple(_wanted(step)),
        handout_title=step.handout_title,
        handouts=tuple(step_views.handouts(step, answer_keys.with_defaults({})).values()),
    )


def _wanted(step: Step) -> Iterator[Wanted]:
    for name, declared in step.fields:
        key = answer_keys.BY_NAME[f"{step.slug}.{name}"]
        made_here = isinstance(declared, SecretField) and declared.generated
        if not made_here and not (isinstance(declared, ChoiceField) and key.default):
            yield Wanted(gettext(key.label), declared.help_text, _note(key), key.kind)


def _note(key: Key) -> str:
    if key.default:
        return gettext("default: %(value)s") % {"value": key.default}
    return "" if key.required else gettext("optional")
