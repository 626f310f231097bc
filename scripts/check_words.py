#!/usr/bin/env python3
"""Whether a sentence that people read has a word that `docs/style.md` rules out: the catalogue and the documents."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import polib

ROOT = Path(__file__).resolve().parent.parent
CATALOGUE = ROOT / "wizard" / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"
#: The page that lists the words has to name them; the other is generated from sentences of the catalogue.
LEFT_OUT = frozenset({ROOT / "docs" / "style.md", ROOT / "docs" / "calibration.md"})

#: Pattern, and what to write instead.
RULED_OUT = {
    r"mend(s|ed|ing)?": "fix",
    r"anew": "again, from the start",
    r"turns? (it|them|him|you)? ?away|turned away": "rejects",
    r"(is|are) to be (answered|preferred|given|entered|made|chosen)": "an imperative",
    r"(was|were|is) good until": "expired on, expires on",
    r"tells? of (no|a|the|it)": "reports",
    r"that is known of|than is known of": "known",
    r"stands? then|stood then": "the plain state",
    r"for whoever": "name the reader",
    r"1 (workers|nodes|checks|packages|images|files|objects|kinds)": "a plural form (ngettext)",
    r"please|simply": "nothing",
    r"nobody's|of theirs": "a plain possessive",
}
PATTERN = re.compile(r"\b(?:" + "|".join(f"(?P<w{i}>{p})" for i, p in enumerate(RULED_OUT)) + r")\b", re.IGNORECASE)


def sentences() -> Iterator[tuple[str, str]]:
    """Where, and the text."""
    for entry in polib.pofile(str(CATALOGUE)):
        place = entry.occurrences[0][0] if entry.occurrences else CATALOGUE.name
        for template in filter(None, (entry.msgid, entry.msgid_plural)):
            yield place, template
    for page in sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]):
        if page not in LEFT_OUT:
            for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
                yield f"{page.relative_to(ROOT)}:{number}", line


def faults() -> Iterator[str]:
    instead = tuple(RULED_OUT.values())
    for place, sentence in sentences():
        for found in PATTERN.finditer(sentence):
            kind = next(int(name[1:]) for name, value in found.groupdict().items() if value and name[0] == "w")
            yield f"{place}: {found.group()!r} in {sentence.strip()[:90]!r}: write {instead[kind]}"


def main() -> int:
    found = list(faults())
    print("\n".join(found) or "words: none that the style guide rules out")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
