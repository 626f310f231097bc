"""Discovery documents as we read them, beside go-oidc, which Pinniped reads them with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from installer_tasks.errors import InstallerError
from installer_tasks.rehearsal.ca import PracticeCA
from installer_tasks.systems.identity.discovery import discover
from tests import hostile
from tests.oracle.asking import Oracle

pytestmark = [pytest.mark.oracle, pytest.mark.program("go")]
JSON = "application/json"
HERE = "https://localhost:0"  #: in place of the issuer, whose port is known later
DOCUMENT: dict[str, Any] = {
    "issuer": HERE,
    "authorization_endpoint": f"{HERE}/auth",
    "token_endpoint": f"{HERE}/token",
    "jwks_uri": f"{HERE}/certs",
    "response_types_supported": ["code"],
    "subject_types_supported": ["public"],
    "id_token_signing_alg_values_supported": ["RS256"],
}


def without(*names: str, **changes: Any) -> bytes:
    return json.dumps({key: value for key, value in {**DOCUMENT, **changes}.items() if key not in names}).encode()


WHOLE = without()
BOTH, NEITHER, OURS_REFUSES = (True, True), (False, False), (False, True)
#: Document, status, and who takes it: the installer, go-oidc.
DOCUMENTS: dict[str, tuple[bytes, int, tuple[bool, bool]]] = {
    "right": (WHOLE, 200, BOTH),
    "more than is asked for": (without(x={"y": [1, None]}), 200, BOTH),
    "blanks around it": (b"\n " + WHOLE + b"\r\n", 200, BOTH),
    "a slash more": (without(issuer=f"{HERE}/"), 200, NEITHER),
    "other letters": (without(issuer=HERE.upper()), 200, NEITHER),
    "no issuer": (without("issuer"), 200, NEITHER),
    "a number for the issuer": (without(issuer=5), 200, NEITHER),
    "a byte order mark": (b"\xef\xbb\xbf" + WHOLE, 200, NEITHER),
    "NaN": (WHOLE[:-1] + b', "x": NaN}', 200, NEITHER),
    "UTF-16": (WHOLE.decode().encode("utf-16"), 200, NEITHER),
    "cut": (WHOLE[:-5], 200, NEITHER),
    "more after it": (WHOLE + b"{}", 200, NEITHER),
    "a comma too many": (WHOLE[:-1] + b",}", 200, NEITHER),
    "a list": (b"[" + WHOLE + b"]", 200, NEITHER),
    "a web page": (b"<html></html>", 200, NEITHER),
    "nothing": (b"", 200, NEITHER),
    "missing": (WHOLE, 404, NEITHER),
    "broken": (WHOLE, 500, NEITHER),
    "algorithms, one of them a number": (without(id_token_signing_alg_values_supported=["RS256", 5]), 200, NEITHER),
    "algorithms as null": (without(id_token_signing_alg_values_supported=None), 200, BOTH),
    "algorithms as one word": (without(id_token_signing_alg_values_supported="RS256"), 200, NEITHER),
    "a key that Go reads in any case": (without("issuer", Issuer=HERE), 200, OURS_REFUSES),
    "no key set": (without("jwks_uri"), 200, OURS_REFUSES),
    "no token endpoint": (without("token_endpoint"), 200, OURS_REFUSES),
    "a token endpoint without TLS": (without(token_endpoint="http://localhost/token"), 200, OURS_REFUSES),
}


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> PracticeCA:
    return PracticeCA.load_or_create(tmp_path_factory.mktemp("ca"))


def _sending(status: int, content_type: str, content: list[bytes]) -> hostile.Behaviour:
    def behave(connection: Any, _stop: Any) -> None:
        connection.recv(65536)
        head = f"HTTP/1.1 {status} X\r\nContent-Type: {content_type}\r\nContent-Length: {len(content[0])}\r\n\r\n"
        connection.sendall(head.encode() + content[0])

    return behave


@pytest.fixture
def serve(ca: PracticeCA, tmp_path: Path) -> Any:
    def served(document: bytes, status: int, content_type: str = JSON) -> Iterator[tuple[str, bytes]]:
        content = [document]
        with hostile.serving(_sending(status, content_type, content), ca.issue(["localhost"]), tmp_path) as port:
            issuer = f"https://localhost:{port}"
            encoding = "utf-16" if document.startswith(b"\xff\xfe") else "utf-8"
            content[0] = (
                document.decode(encoding).replace(HERE, issuer).replace(HERE.upper(), issuer.upper()).encode(encoding)
            )
            yield issuer, content[0]

    return served


@pytest.mark.parametrize(("document", "status", "taken"), DOCUMENTS.values(), ids=DOCUMENTS)
def test_who_takes_it(
    oracle: Oracle, ca: PracticeCA, serve: Any, document: bytes, status: int, taken: tuple[bool, bool]
) -> None:
    for issuer, sent in serve(document, status):
        assert _takers(oracle, ca, issuer, sent, status) == taken


@pytest.mark.parametrize("content_type", ["text/html", "text/plain; charset=latin-1", ""])
def test_neither_minds_what_type_the_provider_calls_it(
    oracle: Oracle, ca: PracticeCA, serve: Any, content_type: str
) -> None:
    for issuer, sent in serve(WHOLE, 200, content_type):
        assert _takers(oracle, ca, issuer, sent, 200, content_type) == BOTH


def _takers(
    oracle: Oracle, ca: PracticeCA, issuer: str, sent: bytes, status: int, content_type: str = JSON
) -> tuple[bool, bool]:
    try:
        mine = discover(issuer, ca.ca_pem, 10).issuer == issuer
    except InstallerError:
        mine = False
    found = oracle.ask("discovery", text=sent, issuer=issuer, status=status, content_type=content_type)
    return mine, "error" not in found
