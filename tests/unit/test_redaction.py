"""One redactor for what servers really echo: secrets × encodings × what stands around them × where the text is cut."""

from __future__ import annotations

import base64
import html
import json
import time
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from installer_tasks.errors import InstallerError
from installer_tasks.local import log_redaction
from installer_tasks.local.redaction import AROUND, CUT_AT_AN_END, MASK, Redactor
from installer_tasks.systems.http import Response, without_secrets
from installer_tasks.systems.identity.answers import oauth_error, plain_code, title
from installer_tasks.systems.identity.exchange import refusal
from installer_tasks.systems.registry.answers import Answer
from installer_tasks.text import Text


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def go(text: str) -> str:
    written = json.dumps(text, ensure_ascii=False)
    return written.replace("<", r"\u003c").replace(">", r"\u003e").replace("&", r"\u0026")


def lower_hex(quoted: str) -> str:
    parts = quoted.split("%")
    return "%".join([parts[0], *(part[:2].lower() + part[2:] for part in parts[1:])])


ENCODINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "HTML": html.escape,
    "HTML as Go writes it": lambda text: html.escape(text).replace("&#x27;", "&#39;").replace("&quot;", "&#34;"),
    "URL": lambda text: quote(text, safe=""),
    "URL with its slashes": quote,
    "URL with lower-case hex": lambda text: lower_hex(quote(text, safe="")),
    "form": quote_plus,
    "form with lower-case hex": lambda text: lower_hex(quote_plus(text)),
    "hex": lambda text: text.encode().hex(),
    "hex in capitals": lambda text: text.encode().hex().upper(),
    "base64": b64,
    "base64 after other bytes": lambda text: b64(f"us:{text}x"),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "base64 twice": lambda text: b64(b64(text)),
    "base64 twice after other bytes": lambda text: b64("a" + b64(f"user:{text}!")),
    "base64 wrapped": lambda text: base64.encodebytes(b"x" * 40 + text.encode() * 2).decode(),
    "base64 wrapped in JSON": lambda text: json.dumps(base64.encodebytes(b"x" * 40 + text.encode() * 2).decode()),
    "base64 of a form": lambda text: b64(f"{quote_plus('robot$x')}:{quote_plus(text)}"),
    "base64 in a URL": lambda text: quote(b64(f"robot:{text}"), safe=""),
    "JSON": json.dumps,
    "JSON as Go writes it": go,
    "JSON in JSON": lambda text: json.dumps(json.dumps(text)),
    "JSON without escapes": lambda text: json.dumps(text, ensure_ascii=False),
    "repr": repr,
}

#: What may be left of a cut secret: less than what is looked for, and what base64 mixes with its neighbours.
LEFT = CUT_AT_AN_END + 4
CHARACTERS = st.characters(
    min_codepoint=33, max_codepoint=0x2FFF, exclude_categories=["Cs", "Cc", "Cn", "Zs", "Zl", "Zp"]
)
SECRETS = st.text(st.one_of(CHARACTERS, st.sampled_from("<>&\"'/+%\\üé中")), min_size=8, max_size=60).filter(
    lambda secret: secret not in MASK
)


@pytest.mark.parametrize("encode", ENCODINGS.values(), ids=ENCODINGS.keys())
@given(secret=SECRETS)
def test_nothing_is_left_of_an_echoed_secret(encode: Callable[[str], str], secret: str) -> None:
    """What surrounds it stays; of base64 at most the characters that it shares with what stands around."""
    cleaned = Redactor([secret]).clean(f"in: {encode(secret)} :on")
    assert cleaned.startswith("in: ")
    assert cleaned.endswith(" :on")
    assert MASK in cleaned
    assert secret not in cleaned
    assert len(cleaned.replace(MASK, "")) < len("in:  :on") + 75  # the filling of the wrapped ones


@pytest.mark.parametrize(
    "encode",
    [str, html.escape, quote, b64, lambda text: json.dumps(text)[1:-1]],
    ids=["str", "html", "url", "b64", "json"],
)
@given(secret=SECRETS, data=st.data())
def test_a_text_that_was_cut_inside_a_secret_tells_nothing_of_use(
    encode: Callable[[str], str], secret: str, data: st.DataObject
) -> None:
    encoded = encode(secret)
    length = data.draw(st.integers(CUT_AT_AN_END, len(encoded)))
    assume(len(encoded[:length].strip(AROUND)) >= CUT_AT_AN_END)
    end = Redactor([secret]).clean(f"it said {encoded[:length]}")
    assert len(end.replace(MASK, "").rstrip(AROUND)) <= len("it said ") + LEFT
    begin = Redactor([secret]).clean(f"{encoded[-length:]} it said")
    assert len(begin.replace(MASK, "").lstrip(AROUND)) <= len(" it said") + LEFT


@pytest.mark.parametrize("kept", range(1, 24))
def test_words_from_outside_are_cleaned_before_they_are_cut(kept: int) -> None:
    """A registry's own words, longer than what is shown, with the password just where they are cut."""
    secret = "Zz9#unheard-of-password"
    log_redaction.remember(secret)
    said = "x" * (500 - kept) + secret + " is wrong"
    answer = Answer(
        "GET", "https://registry.example/v2/", 401, {}, json.dumps({"errors": [{"message": said}]}).encode()
    )
    assert "Zz" not in answer.words


def test_the_beginning_of_a_secret_is_found_in_the_middle_too() -> None:
    assert Redactor(["abcdefghijklmnopqrstuvwxyz"]).clean("x abcdefghijklmnopqrs: then") == f"x {MASK}: then"


@given(SECRETS, SECRETS)
def test_ordinary_text_stays(secret: str, text: str) -> None:
    assume(not set(secret) & set(text))
    assert Redactor([secret]).clean(text + " is not a secret\nat all") == text + " is not a secret\nat all"


@pytest.mark.parametrize("secret", ["abc", "p4ss", "1234"])
def test_a_short_secret_is_taken_out_where_it_stands_alone(secret: str) -> None:
    redactor = Redactor([secret])
    for text in (f"password={secret}", f'"{secret}"', f"user:{secret}@host", f"said {secret}."):
        assert secret not in redactor.clean(text)
    assert redactor.clean(f"x{secret}x") == f"x{secret}x"


@pytest.mark.parametrize("secret", ["a", "7", "ab", "é!", "+", '"'])
def test_the_shortest_secret_is_taken_out_where_it_is_a_value(secret: str) -> None:
    redactor = Redactor([secret])
    written = json.dumps({"password": secret})
    for text in (written, f"password={secret}", f"password={secret}&x", f"https://me:{secret}@host", f"password: {secret}\n",
                 f"wrong password '{secret}'", f"said &#34;{html.escape(secret)}&#34;", f"got {b64(secret)}"):  # fmt: skip
        assert MASK in redactor.clean(text), text
    assert redactor.clean("ab and a: one, a 7 in +") == "ab and a: one, a 7 in +"


WRONG = "Zz9#unheard-of  password"


@pytest.mark.parametrize("before", [*range(188, 201), *range(480, 501), *range(1985, 2001), *range(3985, 4001),
                                    *range(19985, 20001)])  # fmt: skip
def test_no_reader_of_words_leaves_a_part_of_a_secret(before: int) -> None:
    """Wherever a text is cut, filtered or joined, the secret was taken out before."""
    log_redaction.remember(WRONG)
    said = "x" * before + WRONG + " is wrong"
    html_page = Response(401, {"content-type": "text/html"}, f"<html><p>{said}".encode(), "https://idp.example/")
    told = Response(401, {}, json.dumps({"error": said, "error_description": said}).encode(), "https://idp.example/")
    shown = [
        Answer("GET", "https://registry.example/v2/", 401, {}, said.encode()).words,
        title(html_page),
        oauth_error(told),
        plain_code(said[before:]),
        str(refusal(said, said).cause),
        without_secrets(f"https://{said}"),
        InstallerError(Text("x"), detail=said).detail,
    ]
    for words in shown:
        assert "Z" not in words, words[-40:]
        assert "unheard" not in words, words[-40:]


KUBECONFIG = {
    "apiVersion": "v1",
    "users": [{"name": "a", "user": {"token": "opaque-token-of-the-user", "password": "b4sic-password"}}],
}


@pytest.mark.parametrize("write", [json.dumps, lambda document: json.dumps(document, indent=1)], ids=["line", "lines"])
def test_the_token_of_a_kubeconfig_on_one_line_is_known(write: Callable[[object], str]) -> None:
    redactor = Redactor([write(KUBECONFIG)])
    assert redactor.clean("401 for opaque-token-of-the-user, b4sic-password") == f"401 for {MASK}, {MASK}"


def test_a_text_is_walked_through_once_however_many_secrets_there_are() -> None:
    """Growth, not seconds: a hundred times as many secrets must not take a hundred times as long."""
    text = "level=info msg=reconciled package=kafka version=1.0 " * 2000
    few, many = ([f"{number:04}-secret-of-somebody" for number in range(count)] for count in (10, 1000))
    assert best(Redactor(many), text) < 10 * best(Redactor(few), text) + 0.05


def best(redactor: Redactor, text: str) -> float:
    """Of processor time, the least of three."""

    def once() -> float:
        began = time.process_time()
        redactor.clean(text)
        return time.process_time() - began

    return min(once() for _ in range(3))
