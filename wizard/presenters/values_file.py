"""What a values file would change, for the page and for the terminal: now, then, and what is left out and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext

from installer_tasks import answer_keys
from installer_tasks.plan import MASK
from installer_tasks.releases import settings
from installer_tasks.releases.compared import TAKEN, Compared, Outcome
from wizard.texts import render
from wizard.values_file import Comparison

LONGEST = 2000  #: characters of a value


@dataclass(frozen=True)
class Row:
    """`where` is what sets it; `why` says why it is not taken."""

    name: str
    now: str
    then: str
    where: str
    url: str = ""
    why: str = ""


@dataclass(frozen=True)
class Shown:
    taken: tuple[Row, ...]
    left: tuple[Row, ...]
    same: tuple[str, ...]
    sealed: str
    token: str


def shown(comparison: Comparison) -> Shown:
    entries = comparison.entries
    return Shown(
        taken=tuple(_row(comparison, each) for each in comparison.taken),
        left=tuple(_row(comparison, each) for each in entries if each.outcome not in (*TAKEN, Outcome.SAME)),
        same=tuple(each.name for each in entries if each.outcome is Outcome.SAME),
        sealed=comparison.sealed if comparison.taken else "",
        token=comparison.token,
    )


def _row(comparison: Comparison, entry: Compared) -> Row:
    key = answer_keys.BY_NAME.get(entry.answer)
    secret = entry.secret or (key is not None and key.secret)
    page = comparison.state.installation.pk
    return Row(
        name=entry.name,
        now="–" if entry.now is None else _value(entry.now, secret=secret),
        then=_value(entry.value, secret=secret),
        where=gettext(key.label) if key else gettext("All settings"),
        url=f"{reverse('step', args=[page, key.step])}#{key.field}" if key else "",
        why=" ".join(_why(comparison, entry, secret=secret)),
    )


def _value(value: Any, *, secret: bool) -> str:
    return MASK if secret else settings.shown(value)[:LONGEST]


def _why(comparison: Comparison, entry: Compared, *, secret: bool) -> Iterator[str]:
    if entry.outcome is Outcome.UNKNOWN:
        yield gettext("The release has no such value.")
    elif entry.outcome is Outcome.UNUSED:
        yield gettext("It is not used with this sign-in method.")
    elif entry.answer in comparison.refused:
        error = comparison.refused[entry.answer]
        if secret:
            yield gettext("The step does not accept it.")
        else:
            yield render(error.cause)
            yield render(error.remedy)
    elif entry.outcome is Outcome.WRONG:
        yield gettext("The schema of the release requires: %(rule)s") % {"rule": entry.rule}
