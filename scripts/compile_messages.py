#!/usr/bin/env python3
"""Compiles the message catalogues, .po to .mo, without gettext: a jump host rarely has it.

`compile_messages.py [FOLDER]`; a catalogue that has not changed is left alone. Fuzzy and obsolete entries are left
out, as msgfmt does.
"""

from __future__ import annotations

import ast
import re
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

LOCALE = Path(__file__).resolve().parent.parent / "wizard" / "locale"
MAGIC = 0x950412DE
KEYWORD = re.compile(r'(msgctxt|msgid_plural|msgid|msgstr)(?:\[(\d+)\])?\s+(".*")\s*$')
Entry = dict[str, str]


def entries(source: str) -> Iterator[Entry]:
    """Each entry's parts by keyword; `msgstr[1]` becomes "msgstr1". A fuzzy entry is left out, the header never."""
    entry: Entry = {}
    part, fuzzy = "", False
    for line in map(str.strip, [*source.splitlines(), ""]):
        match = KEYWORD.match(line)
        if _begins_next(line, match, entry):
            if not fuzzy or not entry["msgid"]:
                yield entry
            entry, fuzzy = {}, False
        if match:
            part = match[1] + (match[2] or "")
            entry[part] = ast.literal_eval(match[3])
        elif line.startswith('"'):
            entry[part] += ast.literal_eval(line)
        else:
            fuzzy = fuzzy or (line.startswith("#,") and "fuzzy" in line)


def _begins_next(line: str, match: re.Match[str] | None, entry: Entry) -> bool:
    if not any(part.startswith("msgstr") for part in entry):
        return False
    return match[1] in ("msgctxt", "msgid") if match else not line.startswith('"')


def message(entry: Entry) -> tuple[bytes, bytes] | None:
    """Key and translation as a .mo file holds them, or None when nothing is translated."""
    key = entry["msgid"]
    if "msgctxt" in entry:
        key = entry["msgctxt"] + "\4" + key
    value = entry.get("msgstr", "")
    if "msgid_plural" in entry:
        key += "\0" + entry["msgid_plural"]
        value = "\0".join(entry[f"msgstr{number}"] for number in range(10) if f"msgstr{number}" in entry)
    return (key.encode(), value.encode()) if value.strip("\0") else None


def compiled(source: str) -> bytes:
    """Header, table of keys in byte order, table of translations, then the zero-ended strings."""
    messages = sorted(found for entry in entries(source) if (found := message(entry)))
    count = len(messages)
    keys_at, values_at, strings_at = 28, 28 + 8 * count, 28 + 16 * count
    tables: list[bytes] = []
    strings = b""
    for column in (0, 1):
        for pair in messages:
            tables.append(struct.pack("<II", len(pair[column]), strings_at + len(strings)))
            strings += pair[column] + b"\0"
    return struct.pack("<7I", MAGIC, 0, count, keys_at, values_at, 0, strings_at) + b"".join(tables) + strings


def main(folder: Path) -> None:
    for source in sorted(folder.glob("*/LC_MESSAGES/*.po")):
        target = source.with_suffix(".mo")
        if not target.exists() or target.stat().st_mtime < source.stat().st_mtime:
            target.write_bytes(compiled(source.read_text(encoding="utf-8")))
            print(f"Compiled {source.relative_to(folder)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else LOCALE)
