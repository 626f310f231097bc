"""Finding the blocks of a PEM text however it was copied: on one line, run together, with `\\n` spelled out.

Nothing that looks like a block is ever passed over: what is not read is a `Broken` of its kind.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import html
import re
from dataclasses import dataclass
from urllib.parse import unquote

_MARKER = re.compile(r"-{5}(BEGIN|END) ([A-Z0-9. ]{1,64})-{5}")
_OF_GO = re.compile(r"^-{5}BEGIN ([^-\r\n]{1,64})-{5}[ \t]*\n((?:[^-\n]*\n)*)-{5}END \1-{5}[ \t]*$", re.MULTILINE)
_DASH = r"[-\u2010-\u2015\u2212]"
_KIND = r"[A-Z0-9. ]{0,40}?(?:CERTIFICATES?|KEY|PKCS ?#?7|CMS|CRL|REQUEST|PARAMETERS)"
_LOOKS_LIKE_MARKER = re.compile(
    rf"{_DASH}{{1,5}}[ \t]{{0,3}}(?:BEGIN|END) {_KIND}|(?:BEGIN|END) {_KIND}[ \t]{{0,3}}{_DASH}{{2}}"
)
_LOOKS_LIKE_KEY = re.compile(r"(?:BEGIN|END) [A-Z0-9. ]{0,40}?PRIVATE KEY")
#: A line of a certificate outside of any block: 45 bytes and more, beginning as a DER sequence does.
_STRAY = re.compile(r"^[ \t]{0,8}MI[A-Za-z0-9+/]{58,}={0,2}[ \t]{0,8}$", re.MULTILINE)
_SPELLED_OUT = re.compile(r"\\[nrt]")
_HEADER = re.compile(r"^[ \t]*[A-Za-z][A-Za-z0-9-]*:.*$", re.MULTILINE)
#: What chat programs and office suites put between letters: no-break and zero-width spaces, byte order marks.
_INVISIBLE = dict.fromkeys((0x00AD, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF))
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")


class Broken(ValueError):
    """A block that is not whole; `code` says how: `cut-short`, `marker` or `stray`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Block:
    label: str
    body: str

    def der(self) -> bytes:
        """What the block carries; ValueError when it is not base64. Headers, as in old encrypted keys, are left out."""
        found = compact(_HEADER.sub("", self.body))
        if not _BASE64.fullmatch(found):
            raise ValueError("not base64")
        return base64.b64decode(found, validate=True)

    def pem(self) -> str:
        """The same block as OpenSSL writes it: headers, an empty line, and lines of 64 characters."""
        headers = [line.strip() for line in _HEADER.findall(self.body)]
        encoded = base64.b64encode(self.der()).decode()
        lines = [encoded[at : at + 64] for at in range(0, len(encoded), 64)]
        head = [*headers, ""] if headers else []
        return "\n".join((f"-----BEGIN {self.label}-----", *head, *lines, f"-----END {self.label}-----", ""))


def blocks(source: str) -> list[Block]:
    """The blocks in their order; text around them is left out. Broken when one of them is not whole."""
    found, rest, label, at = list[Block](), list[str](), "", 0
    for marker in _MARKER.finditer(source):
        kind, name, between = marker[1], " ".join(marker[2].split()), source[at : marker.start()]
        if not label:
            rest.append(between)
        if (kind == "BEGIN") is bool(label) or (label and name != label):
            raise Broken("cut-short")
        if label:
            found.append(Block(label, _SPELLED_OUT.sub("\n", between)))
        label, at = "" if label else name, marker.end()
    if label:
        raise Broken("marker" if _LOOKS_LIKE_MARKER.search(source, at) else "cut-short")
    outside = _SPELLED_OUT.sub("\n", "\n".join((*rest, source[at:])))
    if _LOOKS_LIKE_MARKER.search(outside):
        raise Broken("marker")
    if found and has_stray(outside):
        raise Broken("stray")
    return found


def blocks_as_go(source: str) -> list[Block]:
    """The blocks that Go finds, which wants each line to be one: for texts that others wrote and Go reads."""
    found = []
    for match in _OF_GO.finditer(source.replace("\r\n", "\n")):
        block = Block(match[1], match[2])
        with contextlib.suppress(ValueError):
            block.der()
            found.append(block)
    return found


def has_stray(source: str) -> bool:
    """Whether there is a line of a certificate outside of any block."""
    return _STRAY.search(source) is not None


def mentions_key(source: str) -> bool:
    """Whether a private key begins or ends in this text, whole or not."""
    return _LOOKS_LIKE_KEY.search(source) is not None


def compact(source: str) -> str:
    """Base64 without what was put between: blanks, line ends, also spelled out, and escapes of HTML and addresses."""
    return "".join(_SPELLED_OUT.sub("", unquote(html.unescape(source))).translate(_INVISIBLE).split())


def bare(source: str) -> bytes | None:
    """What a text that is base64 and nothing else stands for."""
    found = compact(source)
    if not _BASE64.fullmatch(found):
        return None
    try:
        return base64.b64decode(found, validate=True)
    except binascii.Error:
        return None
