"""A server at another address that asks for everything and writes down all that it is sent."""

from __future__ import annotations

import base64
import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, quote_plus

from installer_tasks.rehearsal.ca import Issued
from tests import hostile
from tests.unit.x509 import make

ROOT = make("eavesdropper", ca=True)
LEAF = make("leaf", ROOT, dns="localhost")


@dataclass
class Heard:
    port: int = 0
    sent: bytearray = field(default_factory=bytearray)

    @property
    def at(self) -> str:
        return f"localhost:{self.port}"

    def has(self, secret: str) -> bool:
        """In clear, as form data, or as HTTP's Basic sends it."""
        basic = (part.partition(b" ")[2].strip() for part in bytes(self.sent).split(b"\r\n") if b"Basic " in part)
        decoded = b"".join(base64.b64decode(part.partition(b" ")[2] or part) for part in basic)
        forms = (secret, quote(secret), quote_plus(secret))
        return any(form.encode() in bytes(self.sent) + decoded for form in forms)


@contextlib.contextmanager
def listening(folder: Path) -> Iterator[Heard]:
    """It speaks HTTP as a registry, a provider and a cluster would until they are given credentials, and hears LDAP."""
    heard = Heard()

    def behave(connection: socket.socket, _stop: threading.Event) -> None:
        while received := connection.recv(65536):
            heard.sent += received
            while _wants_more(received):
                more = connection.recv(65536)
                heard.sent += more
                received += more
            connection.sendall(_answer(received, heard.at))

    issued = Issued(LEAF.pem, LEAF.pem + ROOT.pem, LEAF.key_pem())
    with hostile.serving(behave, issued, folder) as heard.port:
        yield heard


def _wants_more(received: bytes) -> bool:
    head, separator, body = received.partition(b"\r\n\r\n")
    length = next((line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), b":0")
    return bool(separator) and len(body) < int(length.partition(b":")[2])


def _answer(received: bytes, at: str) -> bytes:
    path = received.partition(b" ")[2].partition(b" ")[0].decode(errors="replace")
    if path.startswith("/v2/"):
        return _http("401 Unauthorized", "{}", 'WWW-Authenticate: Basic realm="registry"\r\n')
    if path.endswith("/openid-configuration"):
        return _http("200 OK", json.dumps(_document(f"https://{at}")))
    return _http("400 Bad Request", '{"error": "invalid_grant"}')


def _http(status: str, body: str, headers: str = "") -> bytes:
    kind = "Content-Type: application/json\r\n"
    return f"HTTP/1.1 {status}\r\n{kind}{headers}Content-Length: {len(body)}\r\n\r\n{body}".encode()


def _document(issuer: str) -> dict[str, object]:
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "jwks_uri": f"{issuer}/jwks",
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    }
