"""A registry, provider and API server in one that echoes what it is given, in every form in which servers do."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote_plus

from installer_tasks.local.encodings import encodings
from installer_tasks.rehearsal.ca import PracticeCA
from tests.serving import over_tls, serving

ORIGIN = "https://127.0.0.1:{}"
#: What a person is told of an answer may be any part of it: so every place gets other forms first.
_order = random.Random(12)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        form = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode("utf-8", "replace")
        given = set(_given(self.path, self.headers.get("Authorization", ""), form))
        self.server.echoed |= given
        status, kind, body = _said(self.path, ORIGIN.format(self.server.server_port), given)
        self.send_response(status)
        for name, value in {
            "WWW-Authenticate": 'Basic realm="echo"',
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            "Server": _echo(given)[:900],
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _answer

    def log_message(self, *args: Any) -> None:
        """Quiet."""


class _Server(ThreadingHTTPServer):
    echoed: set[str]


def _given(path: str, authorization: str, form: str) -> Iterator[str]:
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "basic":
        password = base64.b64decode(value).decode("utf-8", "replace").partition(":")[2]
        yield unquote_plus(password) if path == "/token" else password  # OAuth quotes it before it is encoded
    elif value:
        yield value
    yield from parse_qs(form).get("client_secret", [])


def _echo(given: set[str]) -> str:
    """As one line that HTTP can carry."""
    forms = sorted(form for one in given for form in encodings(one) if form.isascii())
    _order.shuffle(forms)
    return " ".join(["I was told", *forms]).replace("\n", " ").replace("\r", " ")


def _said(path: str, origin: str, given: set[str]) -> tuple[int, str, bytes]:
    if path.partition("?")[0].endswith("/openid-configuration"):
        return 200, "application/json", json.dumps(_discovery(origin)).encode()
    words = _echo(given)
    if "authorize" in path or "keys" in path:
        return 400, "text/html", f"<html><body><p>{words}</p></body></html>".encode()
    errors = [{"code": "UNAUTHORIZED", "message": words}]
    body = {"kind": "Status", "message": words, "error": words, "error_description": words, "errors": errors}
    return 401, "application/json", json.dumps(body).encode()


def _discovery(origin: str) -> dict[str, Any]:
    return {
        "issuer": origin,
        "authorization_endpoint": f"{origin}/authorize",
        "token_endpoint": f"{origin}/token",
        "jwks_uri": f"{origin}/keys",
        "response_types_supported": ["code"],
        "scopes_supported": ["openid"],
    }


@contextmanager
def echoing(ca: PracticeCA, folder: Path) -> Iterator[_Server]:
    folder.mkdir(exist_ok=True)
    server = _Server(("127.0.0.1", 0), _Handler)
    server.echoed = set()
    over_tls(server, ca.issue_files(folder, "echoing", ["127.0.0.1"]))
    with serving(server):
        yield server
