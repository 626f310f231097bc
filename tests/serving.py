"""A socketserver in a thread of its own, for as long as a test needs it."""

from __future__ import annotations

import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

Server = TypeVar("Server", bound=socketserver.BaseServer)


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    """Closed at the end, and its thread with it. Checks for that end every 20 ms; the default is half a second."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    with server:
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def over_tls(server: socketserver.TCPServer, files: tuple[Path, Path]) -> None:
    """The handshake happens in the connection's own thread, not in the one that accepts."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
