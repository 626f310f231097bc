"""Names of people: one way to write each, and none that looks like another's.

Two names are compared by their skeletons (Unicode TR 39): letters that look alike are made one. The table has what
looks like Latin in Greek and Cyrillic; a name mixes no alphabets, and uses none that the table does not know.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

#: By the first word of a letter's Unicode name. Chinese, Japanese and Korean are written together, and with Latin.
EAST_ASIAN = frozenset({"CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO"})
ALPHABETS = frozenset({"LATIN", "GREEK", "CYRILLIC", "ARABIC", "HEBREW", "DEVANAGARI", "THAI"}) | EAST_ASIAN
#: Letters that belong to no alphabet of their own: signs of length and repetition.
COMMON = frozenset({"KATAKANA-HIRAGANA", "IDEOGRAPHIC"})

#: After casefold. What stands left is written as what stands right; also within one alphabet (l, 1, i; o, 0).
_ALIKE = (
    ("аɑα", "a"), ("вʙ", "b"), ("сϲᴄ", "c"), ("ԁ", "d"), ("е", "e"), ("ɡ", "g"), ("һнʜ", "h"), ("ӏіιıɩlǀ1", "i"),
    ("јϳȷ", "j"), ("кκĸ", "k"), ("м", "m"), ("пη", "n"), ("оοσ0ᴏ", "o"), ("рρ", "p"), ("ԛ", "q"), ("г", "r"),
    ("ѕ", "s"), ("тτ", "t"), ("υᴜ", "u"), ("νѵᴠ", "v"), ("ԝωᴡ", "w"), ("хχ", "x"), ("уүγ", "y"), ("ᴢ", "z"),
)  # fmt: skip
ALIKE = {ord(letter): same for letters, same in _ALIKE for letter in letters}
PAIRS = (("rn", "m"), ("vv", "w"))


def normal(name: str) -> str:
    """NFKC, as it is stored and compared."""
    return unicodedata.normalize("NFKC", name).strip()


def skeleton(name: str) -> str:
    """The same for two names that can be taken for each other."""
    folded = normal(name).casefold()
    for pair, same in PAIRS:
        folded = folded.replace(pair, same)
    return folded.translate(ALIKE)


def looks_like(name: str, others: Iterable[str]) -> str | None:
    """The first of the others that this name can be taken for."""
    ours = skeleton(name)
    return next((other for other in others if skeleton(other) == ours), None)


def alphabets_agree(name: str) -> bool:
    """Whether all letters are of one known alphabet."""
    used = {alphabet for letter in normal(name) if letter.isalpha() and (alphabet := _alphabet(letter)) not in COMMON}
    return used <= ALPHABETS and (len(used) <= 1 or used <= EAST_ASIAN | {"LATIN"})


def _alphabet(letter: str) -> str:
    return unicodedata.name(letter, "?").partition(" ")[0]
