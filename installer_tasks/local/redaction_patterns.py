"""What looks like a secret, whoever's it is: sign-in links, tokens, keys, passwords in addresses, headers.

Every pattern reads a text once: repetitions are possessive or bounded, so that hostile text costs no more than its
length.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

MASK = "[redacted]"
#: How every code of a sign-in link begins, so that it is found wherever it turns up.
LINK_PREFIX = "tmclink_"


@dataclass(frozen=True)
class Pattern:
    """`expression` may have a group `kept`: what stands before the secret, and stays."""

    name: str
    expression: re.Pattern[str]

    def clean(self, text: str, counts: Counter[str]) -> str:
        text, count = self.expression.subn(_masked, text)
        if count:
            counts[self.name] += count
        return text


def _masked(match: re.Match[str]) -> str:
    return match.groupdict().get("kept", "") + MASK


def _pattern(name: str, expression: str, flags: int = 0) -> Pattern:
    return Pattern(name, re.compile(expression, flags))


#: Between a name and its value: `: `, `=`, `": "`, `', b'`, and as JSON in JSON writes them.
_IS = r"""\\{0,4}(?:["']?\s{0,3}[:=]|["'],)\s{0,3}+(?:b(?=["']))?+\\{0,4}+["']?+"""
_OPEN = r"(?!\[redacted\])"
_ENDS = r"""[^\s"'\\,;&<>}\])]"""
_PASSWORDS = "password|passwd|client_secret|access_token|refresh_token|id_token|api_?key|secret_?key"

PATTERNS = (
    _pattern(
        "private key",
        r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----|\Z)",
        re.DOTALL,
    ),
    _pattern("sign-in link", rf"{LINK_PREFIX}[A-Za-z0-9_-]++"),
    # The form of the address before codes had a prefix.
    _pattern("sign-in link", r"(?P<kept>/sign-in/)[A-Za-z0-9_-]{20,}+"),
    _pattern("cookie", rf"(?P<kept>\b(?:set-)?cookie{_IS}){_OPEN}[^\"'\r\n\\]++", re.IGNORECASE),
    _pattern("cookie", rf"(?P<kept>\b(?:sessionid|csrftoken|csrfmiddlewaretoken){_IS}){_OPEN}{_ENDS}++"),
    _pattern("authorization", rf"(?P<kept>\bauthorization{_IS}){_OPEN}[^\"'\r\n\\]++", re.IGNORECASE),
    _pattern(
        "authorization",
        r"(?P<kept>\b(?:bearer|basic|negotiate) {1,3})(?!realm=)[A-Za-z0-9+/=._~-]{16,}+",
        re.IGNORECASE,
    ),
    _pattern("token", r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{6,}+\.[A-Za-z0-9_-]{6,}+(?:\.[A-Za-z0-9_-]*+)?"),
    _pattern("token", r"\b(?:gh[pousr]_|glpat-|xox[abeprs]-|github_pat_|AKIA)[A-Za-z0-9_-]{12,}+"),
    _pattern("token", rf"(?P<kept>\btoken{_IS}){_OPEN}[A-Za-z0-9._~+/=-]{{16,}}+", re.IGNORECASE),
    _pattern("token", r"(?P<kept>[?&](?:code|state|token|id_token|access_token)=)(?!\[redacted\])[^&\s\"'#]++"),
    _pattern("password", rf"(?P<kept>\b(?:{_PASSWORDS}){_IS}){_OPEN}(?![{{\[*•]){_ENDS}++", re.IGNORECASE),
    _pattern(
        "password in an address",
        r"(?P<kept>\b[a-z][a-z0-9+.-]{1,20}://)[^/\s:@\"'<>]{0,200}:(?!\[redacted\]@)[^/\s@\"'<>]{1,500}@",
        re.IGNORECASE,
    ),
)


def clean(text: str, counts: Counter[str] | None = None) -> str:
    """Without anything that looks like a secret; `counts` is told of what, and how often."""
    told: Counter[str] = Counter() if counts is None else counts
    for pattern in PATTERNS:
        text = pattern.clean(text, told)
    return text
