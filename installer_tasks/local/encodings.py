"""Every form in which a known text is echoed: what servers, proxies, libraries and our own forms make of it."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

#: A shorter piece of base64 occurs by chance.
SHORTEST_BASE64 = 6
#: What Go's `encoding/json` escapes besides what JSON must.
GO_JSON = {character: f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}


def encodings(value: str) -> set[str]:
    texts = {value, *_for_addresses(value), *_in_json(value), *_in_html(value), repr(value)[1:-1]}
    raw = value.encode("utf-8", "surrogatepass")
    once = set(_base64_forms(raw))
    coded = {raw.hex(), raw.hex().upper()} | once
    for text in {*_for_addresses(value), *_in_json(value)}:
        coded |= set(_base64_forms(text.encode("utf-8", "surrogatepass")))
    for form in once:
        coded |= set(_base64_forms(form.encode()))
    if len(raw) < SHORTEST_BASE64:  # with its padding it is found, where it stands alone
        coded.add(base64.b64encode(raw).decode())
    in_addresses = {quote(form, safe="") for form in once}
    return {form for form in texts | coded | in_addresses if form}


def _for_addresses(value: str) -> set[str]:
    """As Python, Go and JavaScript quote paths, queries and forms; hex digits in either case."""
    raw = value.encode("utf-8", "surrogatepass")
    quoted = {quote(raw, safe=""), quote(raw), quote_plus(raw), quote(raw, safe="!'()*"), quote(raw, safe="$&+=:@")}
    return quoted | {re.sub("%[0-9A-F]{2}", lambda match: match[0].lower(), one) for one in quoted}


def _in_json(value: str) -> set[str]:
    """With and without ASCII alone, as Go writes it, with hex digits in capitals, and as JSON inside JSON."""
    short, plain = json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]
    written = {short, plain, *("".join(GO_JSON.get(one, one) for one in text) for text in (short, plain))}
    written |= {re.sub(r"\\u[0-9a-f]{4}", lambda match: "\\u" + match[0][2:].upper(), one) for one in written}
    written |= {one.replace("/", "\\/") for one in written}
    return written | {json.dumps(one, ensure_ascii=False)[1:-1] for one in written}


def _in_html(value: str) -> set[str]:
    """Quotes by name or number, as Python, Go and others write them, or left as they are."""
    escaped = html.escape(value)
    numbers = escaped.replace("&#x27;", "&#39;")
    return {escaped, numbers, numbers.replace("&quot;", "&#34;"), html.escape(value, quote=False)}


def _base64_forms(raw: bytes) -> Iterator[str]:
    """Base64 of the bytes wherever they stand in a longer text (user:password is encoded as one)."""
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + raw).decode().rstrip("=")
        # The first characters mix in what stands before, the last what comes after.
        start = (0, 2, 3)[offset]
        end = len(encoded) - (1 if (offset + len(raw)) % 3 else 0)
        form = encoded[start:end]
        if len(form) >= SHORTEST_BASE64:
            yield form
            yield form.replace("+", "-").replace("/", "_")
