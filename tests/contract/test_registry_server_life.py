"""Broken connections, restarts, pace, early answers: what a push meets between one request and the next."""

from __future__ import annotations

import http.client
import json
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from installer_tasks.rehearsal.registry import RegistryServer
from tests.contract.registry_client import Certificates, Client, digest_of, make_certificates
from tests.waiting import PATIENCE, until


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def make(tmp_path: Path, certificates: Certificates) -> Iterator[Callable[..., RegistryServer]]:
    started: list[RegistryServer] = []

    def started_registry(**settings: object) -> RegistryServer:
        folder = tmp_path / "registry"
        server = RegistryServer(folder, certificates.certificate, certificates.key, **settings)  # type: ignore[arg-type]
        started.append(server.start())
        server.create_project("tmc")
        return server

    yield started_registry
    for server in started:
        server.stop()


def user_client(registry: RegistryServer, certificates: Certificates, user: str = "developer") -> Client:
    return Client(registry.port, certificates.ca, registry.users[user])


def send_half(registry: RegistryServer, certificates: Certificates, location: str, content: bytes, half: int) -> None:
    """Announce all of `content`, send the first part, hang up."""
    context = ssl.create_default_context(cafile=str(certificates.ca))
    authorization = user_client(registry, certificates).headers["Authorization"]
    head = (
        f"PATCH {location} HTTP/1.1\r\nHost: {registry.host}\r\nAuthorization: {authorization}\r\n"
        f"Content-Length: {len(content)}\r\n\r\n"
    )
    with (
        socket.create_connection(("localhost", registry.port)) as raw,
        context.wrap_socket(raw, server_hostname="localhost") as connection,
    ):
        connection.sendall(head.encode() + content[:half])


def test_upload_goes_on_after_a_broken_connection(
    make: Callable[..., RegistryServer], certificates: Certificates
) -> None:
    registry, content = make(), os.urandom(500_000)
    with user_client(registry, certificates) as client:
        location = client.location("tmc/one")
        send_half(registry, certificates, location, content, 200_000)
        until(lambda: any(record.method == "PATCH" for record in registry.requests))

        status = client("GET", location)
        rest = content[int(status.headers["Range"].partition("-")[2]) + 1 :]
        reply = client("PATCH", status.headers["Location"], rest)
        done = client("PUT", f"{reply.headers['Location']}&digest={digest_of(content)}")

    assert status.status == 204
    assert 0 < len(rest) < len(content)
    assert done.status == 201
    assert registry.received == {digest_of(content): 1}
    broken = next(record for record in registry.requests if record.method == "PATCH")
    assert (broken.status, broken.received) == (0, len(content) - len(rest))


def test_images_and_uploads_survive_a_restart_on_the_same_port(
    make: Callable[..., RegistryServer], certificates: Certificates
) -> None:
    registry = make()
    with user_client(registry, certificates) as client:
        client.push_image("tmc/one", "v1", b"layer")
        location = client("PATCH", client.location("tmc/one"), b"12345").headers["Location"]
    port = registry.port
    registry.stop()

    again = make(port=port, users=tuple(registry.users.values()))

    assert again.has("tmc/one", "v1")
    with user_client(again, certificates) as client:
        assert client("GET", location).headers["Range"] == "0-4"
        assert client("PUT", f"{location}&digest={digest_of(b'1234567')}", b"67").status == 201
        assert client("GET", f"/v2/tmc/one/blobs/{digest_of(b'1234567')}").body == b"1234567"


def test_the_same_server_starts_again(make: Callable[..., RegistryServer], certificates: Certificates) -> None:
    registry = make()
    host = registry.host
    registry.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("localhost", registry.port))
    registry.start()
    assert registry.host == host
    with user_client(registry, certificates) as client:
        assert client("GET", "/v2/").status == 200


def test_stop_ends_open_connections_and_threads(
    make: Callable[..., RegistryServer], certificates: Certificates
) -> None:
    before = threading.active_count()
    registry = make(rate_limit=10_000)
    with user_client(registry, certificates) as idle, user_client(registry, certificates) as busy:
        idle("GET", "/v2/")
        location = idle.location("tmc/one")
        with ThreadPoolExecutor(1) as pool:
            push = pool.submit(busy, "PATCH", location, b"x" * 2_000_000)
            until(lambda: _staged_bytes(registry) > 0)
            registry.stop()
            with pytest.raises((OSError, http.client.HTTPException)):
                push.result(timeout=PATIENCE)
    until(lambda: threading.active_count() <= before)


def _staged_bytes(registry: RegistryServer) -> int:
    return sum(path.stat().st_size for path in registry.storage.staging.glob("*/data"))


def test_rate_limit_sets_the_pace(make: Callable[..., RegistryServer], certificates: Certificates) -> None:
    registry = make(rate_limit=1_000_000)
    with user_client(registry, certificates) as client:
        location, content = client.location("tmc/one"), os.urandom(400_000)
        start = time.monotonic()
        client("PUT", f"{location}&digest={digest_of(content)}", content)
        slow = time.monotonic() - start
        registry.set_rate_limit(None)
        start = time.monotonic()
        client.push_blob("tmc/one", os.urandom(400_000))
        quick = time.monotonic() - start
    assert slow > 0.3
    assert quick < slow


def test_many_connections_push_the_same_layers(make: Callable[..., RegistryServer], certificates: Certificates) -> None:
    registry = make()
    layers = [os.urandom(50_000) for _ in range(4)]

    def push(number: int) -> str:
        with user_client(registry, certificates) as client:
            return client.push_image(f"tmc/image-{number % 3}", f"v{number}", *layers)

    with ThreadPoolExecutor(8) as pool:
        digests = set(pool.map(push, range(16)))

    assert len(digests) == 1
    assert all(registry.has(f"tmc/image-{number % 3}", f"v{number}") for number in range(16))


def test_refusal_before_a_large_body_is_readable(
    make: Callable[..., RegistryServer], certificates: Certificates
) -> None:
    registry = make()
    with user_client(registry, certificates, "reader") as client:
        reply = client("PUT", "/v2/tmc/one/blobs/uploads/none?_state=x&digest=y", b"x" * 3_000_000)
    assert reply.status == 401


def test_expect_100_continue_costs_no_bytes_when_refused(
    make: Callable[..., RegistryServer], certificates: Certificates
) -> None:
    registry = make()
    context = ssl.create_default_context(cafile=str(certificates.ca))
    head = b"PUT /v2/tmc/one/blobs/uploads/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999999\r\nExpect: 100-continue\r\n\r\n"
    with (
        socket.create_connection(("localhost", registry.port)) as raw,
        context.wrap_socket(raw, server_hostname="localhost") as connection,
    ):
        connection.sendall(head)
        assert connection.recv(1000).startswith(b"HTTP/1.1 401 ")


def test_expect_100_continue_is_answered_when_the_body_is_wanted(
    make: Callable[..., RegistryServer], certificates: Certificates
) -> None:
    registry = make()
    with user_client(registry, certificates) as client:
        location, authorization = client.location("tmc/one"), client.headers["Authorization"]
    head = (
        f"PUT {location}&digest={digest_of(b'12345')} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n"
        f"Authorization: {authorization}\r\nExpect: 100-continue\r\n\r\n"
    )
    with (
        socket.create_connection(("localhost", registry.port)) as raw,
        client.context.wrap_socket(raw, server_hostname="localhost") as connection,
    ):
        connection.sendall(head.encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 100 Continue")
        connection.sendall(b"12345")
        assert connection.recv(1000).startswith(b"HTTP/1.1 201 ")


def test_plain_http_is_told_so(make: Callable[..., RegistryServer]) -> None:
    connection = http.client.HTTPConnection("localhost", make().port, timeout=PATIENCE)
    connection.request("GET", "/v2/")
    reply = connection.getresponse()
    text = reply.read()
    connection.close()
    assert reply.status == 400
    assert text == b"Client sent an HTTP request to an HTTPS server.\n"


def test_client_that_does_not_trust_the_ca_harms_nobody(
    make: Callable[..., RegistryServer], certificates: Certificates
) -> None:
    registry = make()
    with socket.create_connection(("localhost", registry.port)) as raw, pytest.raises(ssl.SSLCertVerificationError):
        ssl.create_default_context().wrap_socket(raw, server_hostname="localhost")
    with user_client(registry, certificates) as client:
        assert client("GET", "/v2/").status == 200


def test_journal_file_has_a_line_a_request(
    make: Callable[..., RegistryServer], certificates: Certificates, tmp_path: Path
) -> None:
    registry = make(journal_file=tmp_path / "requests.jsonl")
    with user_client(registry, certificates) as client:
        digest = client.push_blob("tmc/one", b"12345")
    lines = [json.loads(line) for line in (tmp_path / "requests.jsonl").read_text().splitlines()]
    assert [(line["method"], line["status"], line["received"]) for line in lines] == [("POST", 202, 0), ("PUT", 201, 5)]
    assert lines[1]["digest"] == digest
