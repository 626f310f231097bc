"""Servers that misbehave, on loopback: what a wrong address in a customer's network may really lead to."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from installer_tasks.rehearsal.ca import Issued
from tests.waiting import joined

Behaviour = Callable[[socket.socket, threading.Event], None]


@contextlib.contextmanager
def serving(behaviour: Behaviour, issued: Issued | None, folder: Path) -> Iterator[int]:
    """The port of a server that does `behaviour` with each connection, over TLS when it has a certificate."""
    stop = threading.Event()
    context = server_context(issued, folder) if issued else None
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.05)
    threads: list[threading.Thread] = []
    open_sockets: list[socket.socket] = []

    def connection(raw: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError):
            if context is None:
                with raw:
                    behaviour(raw, stop)
                return
            with context.wrap_socket(raw, server_side=True) as secured:
                open_sockets.append(secured)
                behaviour(secured, stop)

    def accept() -> None:
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                raw, _address = listener.accept()
                open_sockets.append(raw)
                threads.append(threading.Thread(target=connection, args=(raw,), daemon=True))
                threads[-1].start()

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield listener.getsockname()[1]
    finally:
        stop.set()
        acceptor.join()
        listener.close()
        for one in open_sockets:
            with contextlib.suppress(OSError):  # wakes a behaviour that waits for its client
                one.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            joined(thread)


def server_context(issued: Issued, folder: Path) -> ssl.SSLContext:
    file = folder / "server.pem"
    file.write_text(issued.chain_pem + issued.key_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def silent(connection: socket.socket, stop: threading.Event) -> None:
    """Takes the request and never answers."""
    connection.recv(4096)
    stop.wait()


def dripping(connection: socket.socket, stop: threading.Event) -> None:
    """Sends a body a byte at a time, each soon enough for a time-out per read."""
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n")
    while not stop.wait(0.05):
        connection.sendall(b" ")


def dripping_headers(connection: socket.socket, stop: threading.Event) -> None:
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
    while not stop.wait(0.05):
        connection.sendall(b"x")


def endless(connection: socket.socket, stop: threading.Event) -> None:
    """Two gigabytes without saying so, as fast as they are taken."""
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n[")
    block = b"0," * 32768
    for _block in range(2 * 1024**3 // len(block)):
        if stop.is_set():
            return
        connection.sendall(block)


def answering(
    *, status: str = "200 OK", headers: str = "Content-Type: application/json\r\n", body: bytes = b""
) -> Behaviour:
    """One fixed answer to everything."""

    def answer(connection: socket.socket, _stop: threading.Event) -> None:
        request(connection)
        head = f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        connection.sendall(head.encode() + body)

    return answer


def request(connection: socket.socket) -> bytes:
    """The whole request, body included: closing before it is read would reset the connection."""
    data = b""
    while b"\r\n\r\n" not in data:
        block = connection.recv(65536)
        if not block:
            return data
        data += block
    head, _gap, body = data.partition(b"\r\n\r\n")
    found = re.search(rb"content-length: (\d+)", head.lower())
    while len(body) < (int(found[1]) if found else 0):
        block = connection.recv(65536)
        if not block:
            break
        body += block
    return head + b"\r\n\r\n" + body


def plain_http(connection: socket.socket, _stop: threading.Event) -> None:
    """A web server without TLS that is greeted with TLS."""
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


def garbage(connection: socket.socket, _stop: threading.Event) -> None:
    connection.recv(4096)
    connection.sendall(b"\x00\xff\x80SSH-2.0-OpenSSH\r\n" * 4)


def cut_short(connection: socket.socket, _stop: threading.Event) -> None:
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{")
