"""What looks like a secret is taken out, whoever's it is; ordinary text stays; hostile text costs no more than its length."""

from __future__ import annotations

import json
import time
from collections import Counter

import pytest

from installer_tasks.local import redaction_patterns
from installer_tasks.local.redaction_patterns import LINK_PREFIX, clean

CODE = LINK_PREFIX + "Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6"
SECRET = "c2VjcmV0LXNlY3JldC1zZWNyZXQ"
JWT = f"eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.{SECRET}"
KEY = f"-----BEGIN RSA PRIVATE KEY-----\n{SECRET}\n{SECRET}\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (f"GET /sign-in/link/#{CODE}", "sign-in link"),
        (f"code={CODE}&next=/", "sign-in link"),
        (f"Not Found: /sign-in/{SECRET}/", "sign-in link"),
        (f"Authorization: Bearer {SECRET}", "authorization"),
        (f"{{'Authorization': 'Basic {SECRET}'}}", "authorization"),
        (json.dumps(json.dumps({"Authorization": f"Bearer {SECRET}"})), "authorization"),
        (f"(b'authorization', b'Digest username=x response={SECRET}')", "authorization"),
        (f"sent Bearer {SECRET} to it", "authorization"),
        (f"Cookie: theme=dark; sessionid={SECRET}", "cookie"),
        (f"Set-Cookie: sessionid={SECRET}; Path=/", "cookie"),
        (f"with sessionid={SECRET} in it", "cookie"),
        (f"it said {JWT} and went", "token"),
        (f"    token: {SECRET}\n", "token"),
        (f"GET /callback/?state={SECRET}&code={SECRET} HTTP/1.1", "token"),
        (f"using glpat-{SECRET}", "token"),
        (f"password: {SECRET}", "password"),
        (json.dumps({"client_secret": SECRET}), "password"),
        (f"postgresql://user:{SECRET}@db:5432/name", "password in an address"),
        (KEY, "private key"),
        (json.dumps({"key": KEY}), "private key"),
        (KEY.partition("-----END")[0], "private key"),
    ],
)
def test_what_looks_like_a_secret_is_taken_out_and_counted(text: str, kind: str) -> None:
    counts: Counter[str] = Counter()
    cleaned = clean(f"before {text} after", counts)
    assert SECRET not in cleaned
    assert CODE not in cleaned
    assert cleaned.startswith("before ")
    assert counts[kind]
    assert clean(cleaned) == cleaned


@pytest.mark.parametrize(
    "text",
    [
        "GET /sign-in/ 200, /sign-in/link/ 410, /sign-in-rehearsal/callback/ 302",
        'WWW-Authenticate: Bearer realm="https://registry.example/token",service="registry"',
        "without authorization, the server answered 401 after 3 attempts",
        "the token: missing; the Secret: tmc/registry-credentials",
        '"registry.password": {\n "value": "sealed"',
        "password: ••••••••",
        "https://registry.example:5000/v2/ and http://127.0.0.1:8000",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        "sha256:" + "ab" * 32,
    ],
)
def test_ordinary_text_stays(text: str) -> None:
    assert clean(text) == text


HOSTILE = ("eyJ", "eyJ-", "eyJaaaaaa.", "authorization ", "authorization:", "cookie\\", "a://", "a:", "://:", "a@", "=",
    "-----BEGIN PRIVATE KEY-----", "-----BEGIN ", "/sign-in/", LINK_PREFIX, "bearer ", "token", "token='", "?code=",
    "password", "password=\\\\\"", " ", "a", "AKIA", "a" * 20 + "://" + "b" * 200 + ":")  # fmt: skip


@pytest.mark.parametrize("part", HOSTILE)
def test_hostile_text_takes_time_in_proportion_to_its_length(part: str) -> None:
    """Eight times the text; a quadratic pattern would take 64 times as long. Growth, not seconds."""
    short, long = (part * (size // len(part)) for size in (32_768, 262_144))
    clean(short)
    assert best(long) < 24 * best(short) + 0.01


def best(text: str) -> float:
    """Of processor time, the least of three: what other programs do on this machine does not count."""

    def once() -> float:
        began = time.process_time()
        clean(text)
        return time.process_time() - began

    return min(once() for _ in range(3))


def test_every_kind_has_words_on_the_page() -> None:
    from wizard.documents import support

    assert {pattern.name for pattern in redaction_patterns.PATTERNS} < set(support.kinds())
