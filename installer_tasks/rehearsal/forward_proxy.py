"""A forward proxy as stands at the edge of a customer's network: CONNECT alone, and names that only it can resolve."""

from __future__ import annotations

import select
import socket
import socketserver
import threading
from collections.abc import Mapping
from typing import Any

_BLOCK = 1 << 16
_LONGEST_HEAD = 8192


class ForwardProxy(socketserver.ThreadingTCPServer):
    """`ways` are ports of this machine by `name:port`; anything else is refused."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, ways: Mapping[str, int]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.ways = dict(ways)
        self._thread = threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": 0.05}, name="practice-proxy", daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def stop(self) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away."""


class _Handler(socketserver.BaseRequestHandler):
    server: ForwardProxy

    def handle(self) -> None:
        head = b""
        while b"\r\n\r\n" not in head and len(head) < _LONGEST_HEAD:
            block = self.request.recv(_BLOCK)
            if not block:
                return
            head += block
        method, _blank, rest = head.decode("latin-1").partition(" ")
        port = self.server.ways.get(rest.partition(" ")[0])
        if method != "CONNECT" or port is None:
            self.request.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
            return
        with socket.create_connection(("127.0.0.1", port), timeout=30) as onward:
            self.request.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            _relay(self.request, onward)


def _relay(one: socket.socket, other: socket.socket) -> None:
    """Both ways until either side ends."""
    across = {one: other, other: one}
    while True:
        ready, _writable, _failed = select.select(list(across), [], [], 30)
        for sock in ready:
            data = sock.recv(_BLOCK)
            if not data:
                return
            across[sock].sendall(data)
        if not ready:
            return
