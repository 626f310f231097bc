"""Takes secrets out of text: those that are known, in every encoding in which servers echo them (`encodings`)."""

from __future__ import annotations

import base64
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import yaml

from installer_tasks.local.encodings import encodings
from installer_tasks.local.redaction_patterns import MASK

__all__ = ["MASK", "Redactor", "encodings", "parts"]

#: Shorter ones occur inside ordinary words; they are taken out only where they stand alone.
SHORTEST = 5
#: One or two letters stand alone in every sentence; they are taken out only where they are written as a value.
SHORTEST_ALONE = 3
#: The beginning of a secret is one, too: somebody has cut the text there.
CUT_ANYWHERE, CUT_AT_AN_END = 16, 6
#: What is written around a text that was cut.
AROUND = "….\"' \n"
#: Line ends inside wrapped base64, also as JSON escapes them, and the indentation that follows.
BREAK = re.compile(r"(?:\r|\n|\\r|\\n)+[ \t]*")

#: In quotes, behind `=` or `:` without a blank, or the last of a line or a member behind `: `.
AS_A_VALUE = (
    r"""(?:(?<=["'`=:])|(?<=&quot;)|(?<=&#3[49];))(?:{0})(?=$|["'`&@<,;)}}\]\s])"""
    r"""|(?<=[=:]\s)(?:{0})(?=$|[\n,;}}])"""
)

Span = tuple[int, int]


class Redactor:
    """Replaces known secrets, in every encoding in which they travel, by a mask; wrapped and cut ones too."""

    def __init__(self, values: Iterable[str]) -> None:
        needles = {needle for value in values for part in parts(value) for needle in encodings(part)}
        # By their ends: one walk through a text finds them all, however many there are.
        self._by_head: dict[str, list[str]] = {}
        self._by_tail: dict[str, list[str]] = {}
        for needle in sorted(needle for needle in needles if len(needle) >= SHORTEST):
            self._by_head.setdefault(needle[:SHORTEST], []).append(needle)
            self._by_tail.setdefault(needle[-CUT_AT_AN_END:], []).append(needle)
        self._longest = max(map(len, needles), default=0)
        alone = [needle for needle in needles if SHORTEST_ALONE <= len(needle) < SHORTEST]
        values = [needle for needle in needles if len(needle) < SHORTEST_ALONE]
        self._short = [
            *([re.compile(rf"(?<!\w)(?:{_any(alone)})(?!\w)")] if alone else []),
            *([re.compile(AS_A_VALUE.format(_any(values)))] if values else []),
        ]

    def clean(self, line: str, counts: Counter[str] | None = None) -> str:
        """`counts` is told how many were taken out."""
        spans = _merged([*self._spans(line), *self._wrapped(line)])
        if not spans:
            return line
        if counts is not None:
            counts["known secret"] += len(spans)
        kept, at = [], 0
        for start, end in spans:
            kept += [line[at:start], MASK]
            at = end
        return "".join([*kept, line[at:]])

    def _spans(self, text: str) -> Iterator[Span]:
        begin, end = len(text) - len(text.lstrip(AROUND)), len(text.rstrip(AROUND))
        heads = self._by_head
        for at in [at for at in range(len(text) - SHORTEST + 1) if text[at : at + SHORTEST] in heads]:
            longest = max(_common(text, at, needle, end) for needle in heads[text[at : at + SHORTEST]])
            if longest:
                yield at, at + longest
        yield from self._begun(text, begin, end)
        for short in self._short:
            yield from (match.span() for match in short.finditer(text))

    def _begun(self, text: str, begin: int, end: int) -> Iterator[Span]:
        """The text begins inside a secret."""
        for at in range(min(end, begin + self._longest) - CUT_AT_AN_END, begin - 1, -1):
            found = self._by_tail.get(text[at : at + CUT_AT_AN_END], ())
            if any(needle.endswith(text[begin : at + CUT_AT_AN_END]) for needle in found):
                yield begin, at + CUT_AT_AN_END
                return

    def _wrapped(self, text: str) -> Iterator[Span]:
        """What is a secret once the line ends are gone."""
        pieces = _pieces(text)
        if len(pieces) == 1:
            return
        joined = "".join(text[start:end] for start, end in pieces)
        places = [place for start, end in pieces for place in range(start, end)]
        for start, end in self._spans(joined):
            yield places[start], places[end - 1] + 1

    def clean_data(self, data: Any) -> Any:
        """The same for every string inside lists and dicts."""
        if isinstance(data, str):
            return self.clean(data)
        if isinstance(data, dict):
            return {key: self.clean_data(value) for key, value in data.items()}
        if isinstance(data, list | tuple):
            return [self.clean_data(value) for value in data]
        return data


def _any(words: Iterable[str]) -> str:
    return "|".join(map(re.escape, sorted(words, key=lambda word: (-len(word), word))))


def _common(text: str, at: int, needle: str, end: int) -> int:
    """How much of the needle stands there, when that is all of it, or too much to stay."""
    if text.startswith(needle, at):
        return len(needle)
    least, most = 0, len(needle)
    while most - least > 1:
        length = (least + most) // 2
        least, most = (length, most) if text.startswith(needle[:length], at) else (least, length)
    cut = least >= CUT_ANYWHERE or (least >= CUT_AT_AN_END and at + least >= end)
    return least if cut else 0


def _pieces(text: str) -> list[Span]:
    """The text without its line ends."""
    ends = [match.span() for match in BREAK.finditer(text)]
    return list(zip([0, *(end for _, end in ends)], [*(start for start, _ in ends), len(text)], strict=True))


def _merged(spans: Iterable[Span]) -> list[Span]:
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def parts(value: str) -> Iterator[str]:
    """The strings inside a secret answer that are secret by themselves: a kubeconfig's token, a PEM's lines."""
    stripped = value.strip()
    if "\n" not in stripped:
        yield stripped
    if "PRIVATE KEY" in value:
        yield from _key_lines(value)
    if "users" in value:
        yield from _kubeconfig_secrets(value)


def _kubeconfig_secrets(value: str) -> Iterator[str]:
    try:
        document = yaml.safe_load(value)
    except (yaml.YAMLError, RecursionError):
        return
    users = document.get("users") if isinstance(document, dict) else None
    for entry in users if isinstance(users, list) else []:
        user = entry.get("user") if isinstance(entry, dict) else None
        for key in ("token", "password", "client-key-data"):
            if isinstance(user, dict) and isinstance(user.get(key), str):
                yield user[key]
                if key == "client-key-data":
                    yield from _decoded_lines(user[key])


def _decoded_lines(encoded: str) -> Iterator[str]:
    try:
        decoded = base64.b64decode(encoded, validate=True).decode()
    except ValueError:
        return
    yield from _key_lines(decoded)


def _key_lines(pem: str) -> Iterator[str]:
    yield from (line for line in re.split(r"\s+|\\n", pem) if len(line) >= 16 and "-----" not in line)
