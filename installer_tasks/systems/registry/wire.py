"""Connections to registries: HTTP/1.1, kept alive, bodies without copying where the kernel can send from a file.

The standard library's client, not urllib3: its import would be half of what a push with nothing to do takes.
"""

from __future__ import annotations

import http.client
import os
import select
import socket
import ssl
import threading
import weakref
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Protocol
from urllib.parse import SplitResult, urlsplit

from installer_tasks.systems.proxies import Proxy, proxy_for

BLOCK = 1 << 20  #: read, hashed and sent while it is in the cache; smaller ones cost more calls than they save
CONNECT_SECONDS = 10.0
STALL_SECONDS = 60.0  #: no byte accepted or received


class Body(Protocol):
    """What is sent: read in blocks, and from the start again when a request is repeated."""

    @property
    def lies_at(self) -> tuple[int, int] | None:
        """File descriptor and offset of the block read last; None when it is not in a file."""

    def read(self, size: int = -1) -> bytes | memoryview: ...

    def restart(self) -> None: ...


class ConnectFailed(Exception):
    """There is no connection; `reason` says why. `proxy`: it was one that refused or does not answer."""

    def __init__(self, reason: Exception, proxy: str) -> None:
        super().__init__(str(reason))
        self.reason = reason
        self.proxy = proxy


class Headers(dict[str, str]):
    """Headers of an answer; names in lower case, asked for in any."""

    def __init__(self, pairs: Mapping[str, str] | list[tuple[str, str]] = ()) -> None:  # type: ignore[assignment]
        super().__init__()
        self._each: dict[str, list[str]] = {}
        for name, value in dict(pairs).items() if isinstance(pairs, Mapping) else pairs:
            key = name.lower()
            self._each.setdefault(key, []).append(value)
            self[key] = f"{super().__getitem__(key)}, {value}" if super().__contains__(key) else value

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and super().__contains__(name.lower())

    def each(self, name: str) -> list[str]:
        """The values of every header of this name, apart: one with an open quotation spoils no other."""
        return self._each.get(name.lower(), [])

    def get(self, name: str, default: str = "") -> str:  # type: ignore[override]
        return super().get(name.lower(), default)


class Connections:
    """Kept-alive connections, taken by one thread at a time; `shut` ends all of them, also those stuck in sending."""

    def __init__(self, context: Callable[[], ssl.SSLContext]) -> None:
        self._context = context
        self._lock = threading.Lock()
        self._idle: dict[tuple[str, str], list[http.client.HTTPConnection]] = {}
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        weakref.finalize(self, _close_all, self._idle)  # of a client that nobody closed

    def take(self, target: SplitResult, seconds: float) -> tuple[http.client.HTTPConnection, bool]:
        """An open connection to the target's host, and whether it was used before."""
        while True:
            with self._lock:
                kept = self._idle.get(target[:2])
                connection = kept.pop() if kept else None
            if connection is None:
                return self._connected(target, min(CONNECT_SECONDS, seconds)), False
            if not _is_dropped(connection):
                return connection, True
            connection.close()

    def give_back(self, target: SplitResult, connection: http.client.HTTPConnection) -> None:
        with self._lock:
            self._idle.setdefault(target[:2], []).append(connection)

    def shut(self) -> None:
        with self._lock:
            for sock in self._sockets:
                _shut(sock)

    def close(self) -> None:
        with self._lock:
            _close_all(self._idle)

    def _connected(self, target: SplitResult, seconds: float) -> http.client.HTTPConnection:
        proxy = _proxy_for(target)
        connection = self._made(target, proxy, seconds)
        try:
            connection.connect()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise ConnectFailed(error, proxy.shown if proxy else "") from error
        with self._lock:
            self._sockets.add(connection.sock)
        return connection

    def _made(self, target: SplitResult, proxy: Proxy | None, seconds: float) -> http.client.HTTPConnection:
        host, port = target.hostname or "", target.port
        at, at_port = (proxy.host, proxy.port) if proxy else (host, port)
        if target.scheme == "http":
            return http.client.HTTPConnection(at, at_port, timeout=seconds)
        connection = http.client.HTTPSConnection(at, at_port, timeout=seconds, context=self._context())
        if proxy:
            connection.set_tunnel(host, port or 443, proxy.authorization)
        return connection


def _close_all(idle: dict[tuple[str, str], list[http.client.HTTPConnection]]) -> None:
    for group in idle.values():
        for connection in group:
            connection.close()
    idle.clear()


def send(
    connection: http.client.HTTPConnection, method: str, target: SplitResult, headers: Mapping[str, str]
) -> Callable[[bytes | Body | None], None]:
    """Begin a request; what is returned sends its body."""
    address = (target.path or "/") + (f"?{target.query}" if target.query else "")
    connection.putrequest(method, address, skip_accept_encoding=True)
    for name, value in headers.items():
        connection.putheader(name, value)

    def send_body(body: bytes | Body | None) -> None:
        if isinstance(body, bytes) or body is None:
            connection.endheaders(body or None)
        else:
            connection.endheaders()
            _send_blocks(connection.sock, body)

    return send_body


def _send_blocks(sock: socket.socket, body: Body) -> None:
    plain = not isinstance(sock, ssl.SSLSocket)
    while block := body.read(BLOCK):
        place = body.lies_at if plain else None
        if place is None:
            sock.sendall(block)
        else:
            _send_from_file(sock, *place, len(block))


def _send_from_file(sock: socket.socket, file: int, offset: int, count: int) -> None:
    """Straight from the page cache. The time-out is the socket's: no byte accepted for so long."""
    while count:
        try:
            sent = os.sendfile(sock.fileno(), file, offset, count)
        except BlockingIOError:
            _wait_until_writable(sock)
            continue
        if sent == 0:
            raise ConnectionError("the file became shorter while it was sent")
        offset, count = offset + sent, count - sent


def _wait_until_writable(sock: socket.socket) -> None:
    poll = select.poll()
    poll.register(sock, select.POLLOUT)
    seconds = sock.gettimeout()
    if not poll.poll(None if seconds is None else seconds * 1000):
        raise TimeoutError("timed out")


def _is_dropped(connection: http.client.HTTPConnection) -> bool:
    """An idle connection on which something can be read has been closed, or is out of step."""
    poll = select.poll()
    poll.register(connection.sock, select.POLLIN)
    return bool(poll.poll(0))


def _shut(sock: socket.socket) -> None:
    with suppress(OSError):  # it is closed already
        # not the TLS socket's own method: that one drops its TLS state while another thread may be sending
        socket.socket.shutdown(sock, socket.SHUT_RDWR)


def _proxy_for(target: SplitResult) -> Proxy | None:
    port = target.port or (443 if target.scheme == "https" else 80)
    return proxy_for(target.hostname or "", port, target.scheme)


def is_loopback(host: str) -> bool:
    """Whether `host`, with or without port, is this machine."""
    name = urlsplit(f"//{host}").hostname or host
    return name in ("localhost", "::1") or name.startswith("127.")
