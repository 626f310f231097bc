"""One HTTPS request against servers that behave, and against those that do not."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from installer_tasks.errors import InputError, Invalid, TlsFailure, Unreachable
from installer_tasks.rehearsal.ca import Issued, PracticeCA
from installer_tasks.systems import http
from installer_tasks.systems.certificates import ssl_context
from tests import hostile
from tests.waiting import PATIENCE

DEADLINE = 1.0


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> PracticeCA:
    return PracticeCA.load_or_create(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def issued(ca: PracticeCA) -> Issued:
    return ca.issue(["localhost", "auth.tmc.example"])


def test_an_answer_comes_back_whole_whatever_its_status(ca: PracticeCA, issued: Issued, tmp_path: Path) -> None:
    behaviour = hostile.answering(status="418 I'm a teapot", headers="X-Tea: Green\r\n", body=b"short and stout")
    with hostile.serving(behaviour, issued, tmp_path) as port:
        response = http.fetch(f"https://localhost:{port}/pot?size=1", ca_pem=ca.ca_pem)
    assert (response.status, response.body, response.headers["x-tea"]) == (418, b"short and stout", "Green")


def test_others_who_trust_the_same_get_sockets_without_our_deadline(
    ca: PracticeCA, issued: Issued, tmp_path: Path
) -> None:
    """The context of an authority is made once and shared: LDAP behind the same authority ran into a deadline of 0."""
    with hostile.serving(hostile.answering(body=b"x"), issued, tmp_path) as port:
        http.fetch(f"https://localhost:{port}/", ca_pem=ca.ca_pem)
        raw = socket.create_connection(("localhost", port), timeout=PATIENCE)
        with ssl_context(ca.ca_pem).wrap_socket(raw, server_hostname="localhost") as other:
            other.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert other.recv(8) == b"HTTP/1.1"


def test_redirects_are_told_and_not_followed(ca: PracticeCA, issued: Issued, tmp_path: Path) -> None:
    behaviour = hostile.answering(status="302 Found", headers="Location: https://localhost:1/loop\r\n")
    with hostile.serving(behaviour, issued, tmp_path) as port:
        response = http.fetch(f"https://localhost:{port}/loop", ca_pem=ca.ca_pem)
    assert response.is_redirect
    assert response.headers["location"] == "https://localhost:1/loop"


def test_a_name_is_asked_at_the_address_that_was_given(ca: PracticeCA, issued: Issued, tmp_path: Path) -> None:
    """No DNS server knows this name, yet its certificate is verified and the Host header names it."""
    seen: list[bytes] = []

    def answer(connection: object, stop: object) -> None:
        seen.append(connection.recv(4096))  # type: ignore[attr-defined]
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")  # type: ignore[attr-defined]

    with hostile.serving(answer, issued, tmp_path) as port:
        url = f"https://auth.tmc.example:{port}/"
        assert http.fetch(url, ca_pem=ca.ca_pem, address_override="127.0.0.1").body == b"ok"
        with pytest.raises(TlsFailure) as failure:
            http.fetch(f"https://other.tmc.example:{port}/", ca_pem=ca.ca_pem, address_override="127.0.0.1")
    assert f"host: auth.tmc.example:{port}".encode() in seen[0].lower()
    assert failure.value.code == "tls-wrong-name"
    assert "auth.tmc.example" in failure.value.detail  # what the certificate is for


def test_a_form_is_posted(ca: PracticeCA, issued: Issued, tmp_path: Path) -> None:
    seen: list[bytes] = []

    def answer(connection: object, stop: object) -> None:
        while b"a=1%26&b=2" not in b"".join(seen):
            seen.append(connection.recv(4096))  # type: ignore[attr-defined]
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")  # type: ignore[attr-defined]

    with hostile.serving(answer, issued, tmp_path) as port:
        http.fetch(f"https://localhost:{port}/token", ca_pem=ca.ca_pem, form={"a": "1&", "b": "2"}, timeout=PATIENCE)
    assert b"".join(seen).startswith(b"POST /token HTTP/1.1")


@pytest.mark.parametrize("behaviour", [hostile.silent, hostile.dripping, hostile.dripping_headers])
def test_no_server_holds_us_beyond_the_deadline(
    ca: PracticeCA, issued: Issued, tmp_path: Path, behaviour: hostile.Behaviour
) -> None:
    with hostile.serving(behaviour, issued, tmp_path) as port, pytest.raises(Unreachable) as failure:
        http.fetch(f"https://localhost:{port}/", ca_pem=ca.ca_pem, timeout=DEADLINE)
    assert failure.value.code == "unreachable-timeout"
    assert failure.value.value == f"localhost:{port}"


def test_a_server_that_never_shakes_hands_is_left(ca: PracticeCA, tmp_path: Path) -> None:
    with hostile.serving(hostile.silent, None, tmp_path) as port, pytest.raises(Unreachable) as failure:
        http.fetch(f"https://localhost:{port}/", ca_pem=ca.ca_pem, timeout=DEADLINE)
    assert failure.value.code == "unreachable-timeout"


def test_two_gigabytes_are_not_read(ca: PracticeCA, issued: Issued, tmp_path: Path) -> None:
    with hostile.serving(hostile.endless, issued, tmp_path) as port, pytest.raises(Invalid) as failure:
        http.fetch(f"https://localhost:{port}/", ca_pem=ca.ca_pem)
    assert failure.value.code == "http-too-large"


@pytest.mark.parametrize("behaviour", [hostile.garbage, hostile.cut_short])
def test_what_is_not_http_is_said_to_be_no_web_server(
    ca: PracticeCA, issued: Issued, tmp_path: Path, behaviour: hostile.Behaviour
) -> None:
    with hostile.serving(behaviour, issued, tmp_path) as port, pytest.raises(Invalid) as failure:
        http.fetch(f"https://localhost:{port}/", ca_pem=ca.ca_pem)
    assert failure.value.code == "http-nonsense"


def test_plain_http_is_told_apart(ca: PracticeCA, tmp_path: Path) -> None:
    with hostile.serving(hostile.plain_http, None, tmp_path) as port, pytest.raises(TlsFailure) as failure:
        http.fetch(f"https://localhost:{port}/", ca_pem=ca.ca_pem)
    assert failure.value.code == "tls-none"


def test_nobody_listens(ca: PracticeCA) -> None:
    with pytest.raises(Unreachable) as failure:
        http.fetch("https://127.0.0.1:1/", ca_pem=ca.ca_pem)
    assert failure.value.code == "unreachable-refused"


def test_a_name_that_nobody_knows(ca: PracticeCA) -> None:
    with pytest.raises(Unreachable) as failure:
        http.fetch("https://no-such-name.invalid/", ca_pem=ca.ca_pem)
    assert failure.value.code == "unreachable-name"
    assert failure.value.value == "no-such-name.invalid:443"


@pytest.mark.parametrize(
    ("url", "cause"),
    [
        ("http://a.example/", "http://"),
        ("a.example", "does not begin"),
        ("https://", "no host"),
        ("https://a b.example", "space"),
        ("https://a.example/\x00", "control"),
        ("https://a.example:99999/", "malformed"),
        ("https://a.example:0/", "port is 0"),
        ("https://[::1/", "malformed"),
        ("https://bücher.example/", "xn--"),
        ("https://a.example/" + "x" * 5000, "too long for a URL"),
    ],
)
def test_what_is_no_https_address_is_refused_with_the_cause(url: str, cause: str) -> None:
    with pytest.raises(InputError) as failure:
        http.fetch(url)
    assert cause in str(failure.value)


def test_a_password_in_an_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(InputError) as failure:
        http.fetch("https://ada:canary-pass@a.example/x?token=canary-token")
    assert "canary" not in repr(failure.value.as_json())
    assert "a.example/x" in failure.value.value


@pytest.mark.parametrize(
    ("body", "headers", "code"),
    [
        (b"<!DOCTYPE html><p>Sign in</p>", "Content-Type: text/plain\r\n", "http-html"),
        (b"{", "Content-Type: text/html\r\n", "http-html"),
        (b'\xef\xbb\xbf{"a": 1}', "", "http-bom"),
        (b'{"a": NaN}', "", "http-not-json"),
        (b"", "", "http-not-json"),
        (b"[" * 100_000, "", "http-not-json"),
        (b'["a"]', "", "http-not-object"),
    ],
)
def test_what_is_no_json_object_is_named(
    ca: PracticeCA, issued: Issued, tmp_path: Path, body: bytes, headers: str, code: str
) -> None:
    with hostile.serving(hostile.answering(headers=headers, body=body), issued, tmp_path) as port:
        response = http.fetch(f"https://localhost:{port}/x?secret=canary", ca_pem=ca.ca_pem)
    with pytest.raises(Invalid) as failure:
        http.json_object(response)
    assert failure.value.code == code
    assert "canary" not in repr(failure.value.as_json())


@pytest.mark.parametrize(
    ("body", "headers", "expected"),
    [
        (b'{"a": 1}', "Content-Type: text/html\r\n", {"a": 1}),
        (b'{"a": 1}', "Content-Type: application/octet-stream\r\n", {"a": 1}),
        (b'\n {"a": "<html>"}', "", {"a": "<html>"}),
        (b'{"a": "M\xfcnchen"}', "", {"a": "M\ufffdnchen"}),
    ],
)
def test_json_is_read_as_go_reads_it(
    ca: PracticeCA, issued: Issued, tmp_path: Path, body: bytes, headers: str, expected: object
) -> None:
    with hostile.serving(hostile.answering(headers=headers, body=body), issued, tmp_path) as port:
        response = http.fetch(f"https://localhost:{port}/x", ca_pem=ca.ca_pem)
    assert http.json_object(response) == expected
