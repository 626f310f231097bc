"""The text of a file, whatever program wrote it: one reader for uploads, answers files, settings and commands."""

from __future__ import annotations

import codecs

from installer_tasks.errors import InputError
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

#: UTF-32 first: its mark begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SAMPLE = 4096
_TEXT_CONTROLS = frozenset(b"\t\n\f\r")


def decoded(content: bytes, *, name: str = "", field: str = "") -> str:
    """The text, without byte order mark; InputError says what the file is instead, and repeats nothing of it."""
    encoding = encoding_of(content)
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        binary = is_binary(content) or encoding.startswith("utf-16") or encoding == "utf-32"
        raise (_not_text(name, field) if binary else _not_utf8(content, error.start, name, field)) from None


def ascii_with_comments(content: bytes) -> str:
    """For formats that are ASCII but for their comments, such as PEM: never fails."""
    encoding = encoding_of(content)
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        return content.decode("latin-1")


def encoding_of(content: bytes) -> str:
    """By byte order mark; UTF-16 without one by its zero bytes; else UTF-8."""
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return encoding
    even, odd = content[:_SAMPLE:2], content[1:_SAMPLE:2]
    if len(content) >= 4 and not len(content) % 2:
        if not even.count(0) and odd.count(0) * 2 > len(odd):
            return "utf-16-le"
        if not odd.count(0) and even.count(0) * 2 > len(even):
            return "utf-16-be"
    return "utf-8"


def is_binary(content: bytes) -> bool:
    """Whether it holds control characters that no text file has."""
    return any(byte < 0x20 and byte not in _TEXT_CONTROLS for byte in content[:_SAMPLE])


def _not_text(name: str, field: str) -> InputError:
    return InputError(
        Text(_("This file is not text.")),
        value=name,
        remedy=Text(_("Upload the text file itself, not an archive, an image or a key store.")),
        field=field,
        code="not-text",
    )


def _not_utf8(content: bytes, place: int, name: str, field: str) -> InputError:
    return InputError(
        text(
            _("This file is not UTF-8: line %(line)d uses an older encoding, such as Windows-1252 (Latin-1) or GBK."),
            line=content.count(b"\n", 0, place) + 1,
        ),
        value=name,
        remedy=Text(
            _("Save it as UTF-8, or convert it: iconv -f WINDOWS-1252 -t UTF-8 <file> (Chinese files: -f GB18030).")
        ),
        field=field,
        code="not-utf-8",
    )
