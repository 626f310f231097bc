"""HTTP/1.1 over TLS for the practice registry: one thread a connection, connections kept alive, clean ends."""

from __future__ import annotations

import logging
import socket
import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from installer_tasks.rehearsal.registry.answers import Answer, FileSlice
from installer_tasks.rehearsal.registry.counters import RequestRecord
from installer_tasks.rehearsal.registry.requests import Body, Interrupted, Request, Throttle

log = logging.getLogger(__name__)

Application = Callable[[Request], Answer]
Recorder = Callable[[RequestRecord], None]

_TLS_HANDSHAKE = 0x16
_SMALL_REST = 256 * 1024
_LINGER_LIMIT = 64 * 1024 * 1024
_LINGER_TIME = 2.0
_DRIP = 0.2
_BLOCK = 256 * 1024


class Server(ThreadingHTTPServer):
    """Listens on loopback and remembers its connections, so that stopping ends them."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self,
        address: tuple[str, int],
        *,
        context: ssl.SSLContext | None,
        application: Application,
        record: Recorder,
        throttle: Throttle,
        drips: Callable[[], bool] = lambda: False,
    ) -> None:
        self.context = context
        self.drips = drips
        self.stopping = threading.Event()
        self.application = application
        self.record = record
        self.throttle = throttle
        self._lock = threading.Lock()
        self._connections: dict[threading.Thread, socket.socket] = {}
        super().__init__(address, Handler)

    def server_bind(self) -> None:
        """Without the base class's look-up of the host's full name, which asks a name server."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "localhost", self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        thread = threading.Thread(target=self._connection, args=(request, client_address), daemon=True)
        with self._lock:
            self._connections[thread] = request
        thread.start()

    def _connection(self, raw: socket.socket, client_address: Any) -> None:
        secured: socket.socket | None = None
        try:
            secured = self._secured(raw)
            if secured:
                with self._lock:
                    self._connections[threading.current_thread()] = secured
                Handler(secured, client_address, self)
        except OSError as error:
            log.debug("connection of %s ended: %s", client_address, error)
        except Exception:
            log.exception("practice registry failed on a request")
        finally:
            for connection in (secured, raw):
                if connection:
                    self.shutdown_request(connection)
            with self._lock:
                self._connections.pop(threading.current_thread(), None)

    def _secured(self, raw: socket.socket) -> socket.socket | None:
        """Over TLS, or as it is where there is none; who speaks plain HTTP is told so in the words Go's servers use."""
        if self.context is None:
            return raw
        raw.settimeout(10)
        first = raw.recv(1, socket.MSG_PEEK)
        if first and first[0] != _TLS_HANDSHAKE:
            text = b"Client sent an HTTP request to an HTTPS server.\n"
            raw.sendall(b"HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\n\r\n" + text)
            return None
        return self.context.wrap_socket(raw, server_side=True) if first else None

    def end_connections(self, timeout: float = 5.0) -> None:
        self.stopping.set()
        with self._lock:
            connections = dict(self._connections)
        for connection in connections.values():
            try:
                # Of socket, not of ssl: another thread may be reading, and this only wakes it.
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
            except OSError:
                continue
        for thread in connections:
            thread.join(timeout)


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    server_version = "practice-registry"
    sys_version = ""
    timeout = 120
    disable_nagle_algorithm = True

    def handle_expect_100(self) -> bool:
        """Nothing yet: the body asks for itself when it is wanted, so that a refusal costs the client no bytes."""
        return True

    def log_message(self, format: str, *args: Any) -> None:
        log.debug(format, *args)

    def do_GET(self) -> None:
        body = Body(self.rfile, self.headers, self.server.throttle, self._go_on)
        path, _, query = self.path.partition("?")
        base = f"https://{self.headers.get('Host', 'localhost')}"
        request = Request(self.command, unquote(path), query, self.headers, body, base)
        try:
            answer = self.server.application(request)
        except Interrupted:
            self.close_connection = True
            self._record(request, 0)
            return
        self._record(request, answer.status)
        self._answer(answer, body)

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

    def _go_on(self) -> None:
        self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _answer(self, answer: Answer, body: Body) -> None:
        try:
            settled = body.discard(_SMALL_REST)
        except Interrupted:
            settled = False
        self._head(answer, close=not settled)
        if self.command != "HEAD":
            self._send(answer.body)
        if not settled:
            self._linger(body)

    def _head(self, answer: Answer, *, close: bool) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status != 204:
            self.send_header("Content-Length", str(answer.length))
        if close:
            self.send_header("Connection", "close")
        self.end_headers()

    def flush_headers(self) -> None:
        """A byte now and then, for as long as this server drips."""
        waiting = b"".join(getattr(self, "_headers_buffer", []))
        self._headers_buffer: list[bytes] = []
        while waiting and self.server.drips() and not self.server.stopping.wait(_DRIP):
            self.wfile.write(waiting[:1])
            waiting = waiting[1:]
        self.wfile.write(waiting)

    def _send(self, content: bytes | FileSlice) -> None:
        if isinstance(content, bytes):
            self.wfile.write(content)
            return
        with content.path.open("rb") as stream:
            stream.seek(content.offset)
            rest = content.length
            while rest and (block := stream.read(min(rest, _BLOCK))):
                self.wfile.write(block)
                rest -= len(block)

    def _linger(self, body: Body) -> None:
        """Read on for a moment: closing with unread bytes would reset the connection and lose the answer."""
        self.connection.settimeout(_LINGER_TIME)
        if body.awaited:
            return
        try:
            body.discard_all(_LINGER_LIMIT, _LINGER_TIME)
        except Interrupted:
            return

    def _record(self, request: Request, status: int) -> None:
        self.server.record(
            RequestRecord(
                method=request.method,
                path=request.path,
                query=request.query_string,
                user=request.caller.name,
                status=status,
                received=request.body.received,
                digest=request.digest,
            )
        )


def tls_context(certificate_file: Path, key_file: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate_file, key_file)
    return context
