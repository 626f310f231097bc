"""Why something failed: a table of causes, and the way from what the cluster says to a line of it.

`collecting.collect` asks the cluster and returns facts as plain data; `diagnose` judges them without asking anybody.
A new cause is one `Cause` in `causes/<subject>.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from installer_tasks.diagnosis.base import (
    EVENT,
    LOG,
    OUTPUT,
    STAGE,
    WAITING,
    Cause,
    Diagnosis,
    Match,
    Sign,
    shortened,
)
from installer_tasks.diagnosis.causes import CAUSES
from installer_tasks.diagnosis.chain import chain
from installer_tasks.diagnosis.signs import Facts, signs

MOST_CAUSES = 3
MOST_PLACES = 3
_IMAGE = re.compile(r'image "([\w.\-:/@]{1,300})"')

__all__ = ["Cause", "Diagnosis", "Facts", "diagnose"]


def diagnose(facts: Facts, causes: tuple[Cause, ...] = CAUSES, most: int = MOST_CAUSES) -> Diagnosis:
    """The likeliest causes first; none is called unknown, with the places that are likeliest to know more."""
    said = signs(facts)
    matches = sorted(_grouped(_matches(said, str(facts.get("namespace", "")), causes)), key=lambda match: match.order)
    first = matches[0] if matches else None
    found = Diagnosis(tuple(matches[:most]), chain(facts, first), facts=facts)
    return found if found.known else replace(found, places=_places(said))


def _matches(said: Iterable[Sign], namespace: str, causes: tuple[Cause, ...]) -> Iterable[Match]:
    """Of one sign the first line of the table that fits: what is special stands before what is general."""
    for sign in said:
        for cause in causes:
            found = cause.match(sign)
            if found is not None:
                yield Match(cause, sign, _words(sign, namespace, found.groupdict()))
                break


def _words(sign: Sign, namespace: str, found: Mapping[str, str | None]) -> dict[str, str]:
    """What the sentences of a cause may name."""
    words = {"name": sign.name, "about": sign.about.replace("/", " ", 1), "namespace": namespace}
    image = _IMAGE.search(sign.text) if sign.kind in (WAITING, EVENT) else None
    if image is not None:
        words["image"] = image.group(1)
    return words | {key: shortened(value) for key, value in found.items() if value}


def _grouped(matches: Iterable[Match]) -> Iterable[Match]:
    """Forty pods that say the same are one cause; the nearest of them stands for it."""
    groups: dict[str, list[Match]] = {}
    for match in matches:
        groups.setdefault(match.cause.name, []).append(match)
    for group in groups.values():
        best = min(group, key=lambda match: match.order)
        yield Match(best.cause, best.sign, best.words, len({match.sign.about for match in group}))


def _places(said: Iterable[Sign]) -> tuple[Sign, ...]:
    """Where a person looks first: the deepest words about each object, early packages before late ones."""
    worth = [sign for sign in said if sign.kind not in (STAGE, OUTPUT)] or list(said)
    by_object: dict[str, Sign] = {}
    for sign in worth:
        kept = by_object.get(sign.about)
        if kept is None or (sign.kind == LOG and kept.kind != LOG):
            by_object[sign.about] = sign
    ordered = sorted(by_object.values(), key=lambda sign: (sign.kind != LOG, sign.wave))
    return tuple(ordered[:MOST_PLACES])
