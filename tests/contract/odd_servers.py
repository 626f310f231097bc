"""Servers on loopback that are not what a kubeconfig promises: canned answers, over TLS or not."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.serving import over_tls, serving

Answer = tuple[int, Any]  #: status and JSON body, or a string for something that is no JSON

#: What a Kubernetes API says of itself, at the least.
DISCOVERY: Mapping[str, Answer] = {
    "/version": (200, {"gitVersion": "v1.28.3"}),
    "/apis": (200, {"kind": "APIGroupList", "groups": []}),
    "/api/v1": (
        200,
        {
            "kind": "APIResourceList",
            "groupVersion": "v1",
            "resources": [
                {"name": "nodes", "kind": "Node", "namespaced": False, "verbs": ["list", "get"]},
                {"name": "secrets", "kind": "Secret", "namespaced": True, "verbs": ["list", "get", "patch"]},
            ],
        },
    ),
}


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.seen.append((self.command, self.path, self.headers.get("Authorization", "")))
        path = self.path.partition("?")[0]
        status, body = self.server.answers.get(f"{self.command} {path}") or self.server.answers.get(path, (404, "no"))
        content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        if 300 <= status < 400:
            self.send_header("Location", body)
        self.send_header("Content-Type", "text/html" if isinstance(body, str) else "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PATCH = do_DELETE = _answer

    def log_message(self, *args: Any) -> None:
        """Quiet."""


class _Server(ThreadingHTTPServer):
    answers: Mapping[str, Answer]
    seen: list[tuple[str, str, str]]
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that turns away is what these tests are about."""


@contextmanager
def answering(answers: Mapping[str, Answer], files: tuple[Path, Path] | None) -> Iterator[_Server]:
    """On a free port; with TLS when certificate and key are given."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.answers, server.seen = answers, []
    if files:
        over_tls(server, files)
    with serving(server):
        yield server


def status(code: int, message: str, **more: Any) -> Answer:
    """An error as the Kubernetes API words it."""
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": message, **more}
    return code, body
