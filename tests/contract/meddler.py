"""A proxy of the tests in front of a real registry: passes everything on, except where a rule meddles.

A rule gets the request before its body is read and answers None (pass on), a Reply (say that instead), DROP (break the
connection after a part of the body) or LOSE (pass on, then break the connection instead of answering).
"""

from __future__ import annotations

import http.client
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from types import TracebackType
from typing import Literal

from tests.waiting import PATIENCE

BLOCK = 65_536


@dataclass(frozen=True)
class Asked:
    """A request as it arrived."""

    method: str
    target: str  #: path and query
    headers: Mapping[str, str]
    length: int

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    def __str__(self) -> str:
        return f"{self.method} {self.target}"


@dataclass(frozen=True)
class Reply:
    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class PassedOn:
    """A body on its way to the backend: how much of it came, and when its answer was given back."""

    target: str
    count: int = 0
    begun_at: float = field(default_factory=time.monotonic)
    answered_at: float = float("inf")


Meddling = Reply | Literal["drop", "lose", "hang"] | None
DROP: Literal["drop"] = "drop"
LOSE: Literal["lose"] = "lose"
HANG: Literal["hang"] = "hang"
Rule = Callable[[Asked], Meddling]


class Meddler(socketserver.ThreadingTCPServer):
    """Listens on loopback; `rules` may be changed while it runs. `asked` is all that came, in order."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, backend: str, *rules: Rule, change: Callable[[str, str], str] | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.backend = backend
        self.rules = list(rules)
        self.change_header = change or (lambda name, value: value)
        self.http_version = "HTTP/1.1"
        self.close_each = False
        self.asked: list[Asked] = []
        self.bodies: list[PassedOn] = []
        self.released = threading.Event()  #: lets requests end that hang
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def host(self) -> str:
        return f"localhost:{self.server_address[1]}"

    def count(self, method: str, part: str = "") -> int:
        return sum(asked.method == method and part in asked.target for asked in self.asked)

    def __enter__(self) -> Meddler:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.released.set()
        self.shutdown()
        self._thread.join()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: Meddler
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        self.protocol_version = self.server.http_version
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except OSError:
            self.close_connection = True

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        asked = Asked(self.command, self.path, dict(self.headers.items()), length)
        self.server.asked.append(asked)
        meddling = next((found for rule in list(self.server.rules) if (found := rule(asked)) is not None), None)
        if self.server.close_each:
            self.close_connection = True
        if isinstance(meddling, Reply):
            self._reply(meddling, length)
        elif meddling == DROP:
            self.rfile.read(min(length // 2, 200_000))
            self.close_connection = True
        elif meddling == HANG:
            self.server.released.wait()
            self.close_connection = True
        else:
            self._pass_on(length, lose=meddling == LOSE)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _answer

    def _reply(self, reply: Reply, unread: int) -> None:
        if unread:
            self.close_connection = True  # as nginx does when it refuses a body
        self.send_response(reply.status)
        for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)

    def _pass_on(self, length: int, *, lose: bool) -> None:
        body = PassedOn(self.path)
        if length:
            self.server.bodies.append(body)
        with closing(http.client.HTTPConnection(self.server.backend, timeout=PATIENCE)) as onward:
            onward.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in ("connection", "authorization"):
                    onward.putheader(name, value)
            onward.endheaders()
            while length > 0:
                block = self.rfile.read(min(BLOCK, length))
                if not block:
                    self.close_connection = True
                    return
                body.count += len(block)
                onward.send(block)
                length -= len(block)
            with onward.getresponse() as response:
                said = response.read()
                if lose:
                    self.close_connection = True
                else:
                    self._give_back(response, said)
                    body.answered_at = time.monotonic()

    def _give_back(self, response: http.client.HTTPResponse, body: bytes) -> None:
        self.send_response(response.status)
        for name, value in response.getheaders():
            changed = self.server.change_header(name, value)
            if changed and name.lower() not in ("connection", "date", "content-length"):
                self.send_header(name, changed)
        head = self.command == "HEAD"
        self.send_header("Content-Length", response.getheader("Content-Length", "0") if head else str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if not head:
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: `asked` has it."""


def once(rule: Rule) -> Rule:
    """The rule, the first time it applies."""
    return times(1, rule)


def times(number: int, rule: Rule) -> Rule:
    """The rule, so many times."""
    lock, left = threading.Lock(), [number]

    def first(asked: Asked) -> Meddling:
        with lock:
            if not left[0] or (found := rule(asked)) is None:
                return None
            left[0] -= 1
            return found

    return first


def each_once(rule: Rule) -> Rule:
    """The rule, the first time for each path."""
    lock, seen = threading.Lock(), set[str]()

    def first(asked: Asked) -> Meddling:
        with lock:
            key = f"{asked.method} {asked.target.partition('_state')[0]}"
            if key in seen or (found := rule(asked)) is None:
                return None
            seen.add(key)
            return found

    return first
