"""What the TLS port answers to plain HTTP: the way to https for who reads, a hint for who sends; nothing to others."""

from __future__ import annotations

import pytest

from installer_tasks.local.processes.uvicorn_server import answer_to


@pytest.mark.parametrize(
    ("received", "location"),
    [
        (b"GET / HTTP/1.1\r\nHost: installer.example.com:8000\r\n\r\n", b"https://installer.example.com:8000/"),
        (b"HEAD /a?b=c HTTP/1.0\r\nX: y\r\nhost:\t[::1]:8443 \r\n\r\n", b"https://[::1]:8443/a?b=c"),
        (b"GET //evil/ HTTP/1.1\r\nHost: a\r\n\r\n", b"https://a//evil/"),
    ],
)
def test_who_reads_is_sent_to_https(received: bytes, location: bytes) -> None:
    answer = answer_to(received)
    assert answer is not None
    assert answer.startswith(b"HTTP/1.1 307 ")
    assert b"\r\nLocation: " + location + b"\r\n" in answer


@pytest.mark.parametrize(
    "received",
    [
        b"POST /sign-in/ HTTP/1.1\r\nHost: a\r\n\r\nname=ada",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a/b@c\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: \r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
    ],
)
def test_who_sends_or_names_no_host_gets_a_hint(received: bytes) -> None:
    answer = answer_to(received)
    assert answer is not None
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"Location" not in answer
    assert b"https://" in answer


@pytest.mark.parametrize(
    "received",
    [
        b"\x16\x03\x01\x02\x00\x01",
        b"",
        b"SSH-2.0-x\r\n",
        b"GET / HTTP/2.0\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\n\r\n",
        b"GET",
    ],
)
def test_what_is_no_plain_http_is_left_to_tls(received: bytes) -> None:
    assert answer_to(received) is None
