"""Bodies that are only announced, at servers that ask for them, refuse, say nothing, or say what is no HTTP."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from installer_tasks.errors import InstallerError
from installer_tasks.systems.registry import RegistryClient, transport
from installer_tasks.systems.registry.errors import ConnectionLost, RegistryBusy
from installer_tasks.systems.registry.probes import body_limit
from tests.waiting import until

OPENED = b"HTTP/1.1 202 Accepted\r\nLocation: /v2/tmc/trial/blobs/uploads/1?_state=a\r\nContent-Length: 0\r\n\r\n"
GONE = b"HTTP/1.1 204 No Content\r\n\r\n"
MIB = 1 << 20
Reply = Callable[[int], bytes | None]


class Registry:
    """Opens and drops uploads; `reply(size)` is what it says to an announced body, None for nothing, b"" for its end."""

    def __init__(self, listener: socket.socket, reply: Reply) -> None:
        self.host = f"127.0.0.1:{listener.getsockname()[1]}"
        self.announced: list[int] = []
        self.dropped = 0
        self.body_bytes = 0
        self._listener, self._reply = listener, reply

    def serve(self) -> None:
        while True:
            try:
                connection, _peer = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as lines:
            while request := lines.readline():
                headers = dict(_header(line) for line in iter(lines.readline, b"\r\n"))
                if request.startswith((b"POST", b"DELETE")):
                    self.dropped += request.startswith(b"DELETE")
                    connection.sendall(OPENED if request.startswith(b"POST") else GONE)
                    continue
                if request.startswith(b"PATCH"):
                    lines.read(int(headers["content-length"]))
                    connection.sendall(OPENED)
                    continue
                assert headers["expect"] == "100-continue"
                self.announced.append(int(headers["content-length"]))
                reply = self._reply(self.announced[-1])
                if reply == b"":
                    return
                if reply is not None:
                    connection.sendall(reply)
                self.body_bytes += len(lines.read())  # to the end: the client goes


def _header(line: bytes) -> tuple[str, str]:
    name, _colon, value = line.decode().partition(":")
    return name.lower(), value.strip()


@contextmanager
def saying(reply: Reply) -> Iterator[tuple[Registry, RegistryClient]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        registry = Registry(listener, reply)
        threading.Thread(target=registry.serve, daemon=True).start()
        client = RegistryClient(registry.host, plain_http=True)
        try:
            yield registry, client
        finally:
            client.close()


def answer(status: str) -> bytes:
    return f"HTTP/1.1 {status}\r\nServer: front\r\nContent-Length: 0\r\n\r\n".encode()


def test_what_is_asked_for_is_not_sent() -> None:
    with saying(lambda _size: b"HTTP/1.1 100 Continue\r\n\r\n") as (registry, client):
        found = body_limit(client, "tmc/trial", 500 * MIB)
        assert (found.passes, found.told, registry.announced) == (500 * MIB, True, [500 * MIB])
        until(lambda: registry.dropped == 1)
        assert registry.body_bytes == 0


def test_sizes_are_those_of_the_push_engine_until_one_is_let_through() -> None:
    def reply(size: int) -> bytes:
        return answer("413 Payload Too Large") if size > 5 * MIB else b"HTTP/1.1 100 Continue\r\n\r\n"

    with saying(reply) as (registry, client):
        found = body_limit(client, "tmc/trial", 20 * MIB)
    assert (found.asked, found.passes, found.server, found.parts_refused) == (20 * MIB, 4 * MIB, "front", "")
    assert registry.announced == [20 * MIB, 16 * MIB, 4 * MIB]


def test_one_that_refuses_every_size() -> None:
    with saying(lambda _size: answer("413 Payload Too Large")) as (registry, client):
        assert body_limit(client, "tmc/trial", 20 * MIB).passes == 0
    assert registry.announced[-1] == MIB // 2


def test_one_that_waits_for_the_body_has_told_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "ASKED_SECONDS", 0.2)
    with saying(lambda _size: None) as (_registry, client):
        found = body_limit(client, "tmc/trial", 20 * MIB)
    assert (found.passes, found.told) == (20 * MIB, False)


def test_an_answer_about_something_else_is_no_refusal_of_the_size() -> None:
    with saying(lambda _size: answer("400 Bad Request")) as (_registry, client):
        assert body_limit(client, "tmc/trial", 20 * MIB).passes == 20 * MIB


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (answer("503 Service Unavailable"), RegistryBusy),
        (answer("429 Too Many Requests"), RegistryBusy),
        (b"", ConnectionLost),
        (b"220 mail.example ESMTP\r\n\r\n", ConnectionLost),
        (b"HTTP/1.1 \xff\xfe\r\n\r\n", ConnectionLost),
    ],
)
def test_what_is_no_judgement_of_the_size_is_an_error(reply: bytes, kind: type[InstallerError]) -> None:
    with saying(lambda _size: reply) as (registry, client), pytest.raises(kind) as failure:
        body_limit(client, "tmc/trial", 20 * MIB)
    assert registry.host in failure.value.value
