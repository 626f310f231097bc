"""The API over HTTPS: keep-alive, one thread a connection, client certificates welcome but not needed."""

from __future__ import annotations

import contextlib
import logging
import select
import socket
import ssl
import threading
from collections.abc import Mapping
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from installer_tasks.rehearsal.fault_switch import FaultSwitch, NoFaults
from installer_tasks.rehearsal.kube.api import Api
from installer_tasks.rehearsal.kube.requests import Answer, Request
from installer_tasks.rehearsal.kube.store import Store
from installer_tasks.rehearsal.kube.users import Tokens, User, authenticate

log = logging.getLogger(__name__)
HANDSHAKE = 10.0
IDLE = 300.0
LARGEST = 8 * 1024 * 1024


class KubeServer:
    """The API server of the practice cluster.

    `tokens` maps bearer tokens to user names (`admin` and `read-only` are the practice cluster's own). A client
    certificate that chains to `client_ca_file` is a user too: common name, and organizations as groups.
    """

    def __init__(
        self,
        store: Store,
        certificate_file: Path | str,
        key_file: Path | str,
        client_ca_file: Path | str | None = None,
        *,
        tokens: Mapping[str, str] | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        faults: FaultSwitch | None = None,
        version: str = "",
    ) -> None:
        self._tls = _tls(certificate_file, key_file, client_ca_file)
        self._host, self._port, self._tokens = host, port, Tokens(tokens)
        self._api = Api(store, self._tokens, faults or NoFaults(), version)
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Listen. The port that was found free stays the same when started again."""
        self._server = _Server((self._host, self._port), self._tls, self._api, self._tokens)
        self._port = self._server.server_address[1]
        self._api.address = f"{self._host}:{self._port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="kube", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Close everything, watches too."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._server.close_all()
            self._thread.join()
            self._server = None

    @property
    def url(self) -> str:
        return f"https://{self._host}:{self._port}"

    def issue_token(self, namespace: str, account: str, seconds: int) -> str:
        """As `kubectl create token`; one that is already over for less than no seconds."""
        return self._tokens.issue(namespace, account, seconds)[0]


def _tls(certificate_file: Path | str, key_file: Path | str, client_ca_file: Path | str | None) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate_file, key_file)
    context.set_alpn_protocols(["http/1.1"])
    if client_ca_file is not None:
        context.load_verify_locations(client_ca_file)
        context.verify_mode = ssl.CERT_OPTIONAL
    return context


class _Server(ThreadingHTTPServer):
    """Knows its open connections, so that stopping does not wait for clients."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], tls: ssl.SSLContext, api: Api, tokens: Tokens) -> None:
        self.stopping = threading.Event()
        self._tls = tls
        self._changed = threading.Condition()
        self._open: set[socket.socket] = set()
        super().__init__(address, partial(_Handler, api=api, tokens=tokens))

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """TLS in the connection's own thread: a client that is slow to shake hands holds up nobody else."""
        request.settimeout(HANDSHAKE)
        try:
            secured = self._tls.wrap_socket(request, server_side=True)
        except (OSError, ValueError):
            request.close()
            return
        with self._changed:
            self._open.add(secured)
        super().process_request_thread(secured, client_address)

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        with self._changed:
            self._open.discard(request)
            self._changed.notify_all()

    def close_all(self) -> None:
        self.stopping.set()
        self.server_close()
        with self._changed:
            for connection in self._open:
                # Past TLS: its own shutdown is not made for two threads.
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(connection, socket.SHUT_RDWR)
            self._changed.wait_for(lambda: not self._open, timeout=5)

    def handle_error(self, *_about: Any) -> None:
        log.exception("a connection failed")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "practice"
    wbufsize = -1
    timeout = IDLE
    disable_nagle_algorithm = True
    server: _Server

    def __init__(self, *args: Any, api: Api, tokens: Tokens) -> None:
        self._api, self._tokens = api, tokens
        super().__init__(*args)

    def handle(self) -> None:
        with contextlib.suppress(OSError, ValueError):  # the client has left
            super().handle()

    def finish(self) -> None:
        for file in (self.wfile, self.rfile):
            with contextlib.suppress(OSError, ValueError):  # nobody is there for what is left to say
                file.close()

    def do_GET(self) -> None:
        length = self.headers.get("Content-Length") or "0"
        if not length.isdecimal() or int(length) > LARGEST or self.headers.get("Transfer-Encoding"):
            self.close_connection = True
            self._send(Answer("request body is too large or of unknown length", 413, "text/plain"))
            return
        body = self.rfile.read(int(length))
        request = Request.parse(self.command, self.path, dict(self.headers.items()), body)
        try:
            answer = self._api.answer(request, self._who, self._gone)
        except Exception:  # the outermost handler: one broken request must not end the connection silently
            log.exception("%s %s failed", self.command, request.path)
            answer = Answer({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 500}, 500)
        self._send(answer)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_GET

    def date_time_string(self, timestamp: float | None = None) -> str:
        return super().date_time_string(self._api.now() if timestamp is None else timestamp)

    def _who(self) -> User:
        subject: Any = self.connection.getpeercert()
        return authenticate(self.headers.get("Authorization", ""), subject, self._tokens)

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.code)
        self.send_header("Content-Type", answer.type)
        self.send_header("Cache-Control", "no-cache, private")
        if answer.stream is None:
            body = answer.body()
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(b"" if self.command == "HEAD" else body)
            return
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        self._send_chunks(answer)

    def _send_chunks(self, answer: Answer) -> None:
        for chunk in answer.stream or ():
            self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    def _gone(self) -> bool:
        """Whether the client has left: while we stream it has nothing to say but good-bye."""
        if self.server.stopping.is_set():
            return True
        poll = select.poll()  # select() knows no more than 1024 files
        poll.register(self.connection, select.POLLIN)
        return bool(poll.poll(0))

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are not logged: their tokens and bodies are nobody's business."""
