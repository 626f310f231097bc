"""Bodies over a real connection: what is too large is refused before it is read, what is too slow ends."""

from __future__ import annotations

import asyncio
import http.client
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.asgi import get_asgi_application

from tests.browser.served import served
from tests.waiting import PATIENCE
from wizard.bodies import LARGEST, WITH_DRAFT, WITH_FILES, BoundedBodies, largest

pytestmark = pytest.mark.django_db(transaction=True)

HUGE = 600 * 1024 * 1024


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with served() as found:
        yield found


def posted(port: int, path: str, *headers: str) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), PATIENCE)
    lines = (f"POST {path} HTTP/1.1", "Host: localhost", "Content-Type: application/x-www-form-urlencoded", *headers)
    connection.sendall("\r\n".join([*lines, "", ""]).encode())
    return connection


def answer_of(connection: socket.socket) -> bytes:
    """All of it: the server ends the connection."""
    found = b""
    try:
        while part := connection.recv(65536):
            found += part
    except ConnectionError:  # what was sent in vain is still on its way
        pass
    return found


@pytest.mark.parametrize("path", ["/sign-in/", "/sign-out/", "/theme/", "/installations/1/steps/dns/", "/welcome/"])
def test_what_announces_600_mib_is_refused_before_any_of_it_came(port: int, path: str) -> None:
    """Before, all of it went to a file first."""
    with posted(port, path, f"Content-Length: {HUGE}") as connection:
        answer = answer_of(connection)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in answer.lower()
    assert b"<h1" in answer


def test_what_announces_nothing_is_read_up_to_the_limit(port: int) -> None:
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    sent = 0
    with posted(port, "/sign-in/", "Transfer-Encoding: chunked") as connection:
        try:
            while sent < HUGE:
                connection.sendall(chunk)
                sent += len(chunk)
        except ConnectionError:
            pass
        answer = answer_of(connection)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 413 ")
    assert sent < 32 * 1024 * 1024, "what the kernel's buffers take, and no more"


def test_the_limit_is_of_the_route() -> None:
    assert largest("/sign-in/") == WITH_DRAFT
    assert largest("/installations/1000001/steps/cluster/") == WITH_FILES
    assert largest("/installations/1000001/steps/cluster/generate/x/") == WITH_FILES
    assert largest("/installations/1000001/install/") == largest("/people/") == LARGEST


def test_a_form_of_ordinary_size_arrives_and_the_connection_stays(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    for _request in range(2):
        connection.request("POST", "/sign-out/", body="x=" + "y" * 1000)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 403  # no token
        assert "Connection" not in answer.headers
    connection.close()


def test_a_body_that_does_not_come_to_an_end_is_ended() -> None:
    """One byte, then nothing: the request is answered and holds nothing any more."""
    parts: list[dict[str, Any]] = [{"type": "http.request", "body": b"x", "more_body": True}]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if parts:
            return parts.pop()
        await asyncio.get_running_loop().create_future()
        raise AssertionError

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/sign-out/",
        "headers": [(b"host", b"localhost")],
        "query_string": b"",
        "http_version": "1.1",
        "scheme": "http",
    }
    asyncio.run(BoundedBodies(get_asgi_application(), patience=0.05)(scope, receive, send))
    assert sent[0]["status"] == 408
    assert (b"Connection", b"close") in sent[0]["headers"]
