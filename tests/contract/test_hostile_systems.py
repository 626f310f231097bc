"""Every system that is asked over TCP, at servers that mean no good: left, red, in words, with memory flat.

The token with `alg: none` is in test_identity_sign_in.py; a DNS loop is here.
"""

from __future__ import annotations

import contextlib
import os
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import pytest

from installer_tasks.preflight.facts import base, identity, registry, trust
from installer_tasks.rehearsal.ca import Issued, PracticeCA
from installer_tasks.rehearsal.dns import DnsServer
from installer_tasks.rehearsal.kube import kubeconfig
from tests import hostile
from tests.contract.looks import Look, look_at
from tests.serving import serving

ZONE = "tmc.hostile.example"
SYSTEMS = ("cluster", "identity", "registry", "certificates", "services")
DEADLINE = 1.0  #: of one look; a server that never ends is left, or this test never ends
MOST_MEMORY = 64 * 1024**2


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> PracticeCA:
    return PracticeCA.load_or_create(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def issued(ca: PracticeCA) -> Issued:
    return ca.issue(["localhost", "127.0.0.1"])


@pytest.fixture(scope="module")
def many(ca: PracticeCA, issued: Issued) -> Issued:
    """A leaf and two hundred more, none of which has signed the one before."""
    others = [ca.issue([f"n{number}.example"]).chain_pem for number in range(20)]
    return replace(issued, chain_pem=issued.chain_pem + "".join(others) * 10)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    within = base._within

    def shorter(seconds: float, name: str, look: Callable[[], Any]) -> Any:
        return within(min(seconds, DEADLINE), name, look)

    monkeypatch.setattr(base, "_within", shorter)
    monkeypatch.setattr(identity, "TIMEOUT", 0.5)
    monkeypatch.setattr(trust, "TIMEOUT", 0.5)
    monkeypatch.setattr(registry, "FIRST_ANSWER", 0.5)
    monkeypatch.setattr(registry, "FIRST_WORD", 0.7)


def answers_for(port: int, ca: PracticeCA) -> dict[str, str]:
    return {
        "bundle.path": "/nowhere",
        "cluster.kubeconfig": kubeconfig(f"https://localhost:{port}", ca.ca_pem, token="canary-token"),
        "cluster.context": "practice",
        "dns.zone": ZONE,
        "identity.issuer_url": f"https://localhost:{port}/realms/tmc",
        "identity.client_id": "tmc",
        "identity.client_secret": "canary-client",
        "identity.ca": ca.ca_pem,
        "registry.project": f"localhost:{port}/tmc",
        "registry.username": "robot$tmc+pusher",
        "registry.password": "canary-p@ss",
        "registry.ca": ca.ca_pem,
        "certificates.cluster_issuer": "issuer",
        "certificates.ca": ca.ca_pem,
        "services.postgres_password": "canary-postgres",
        "services.minio_password": "canary-minio-long",
    }


def reds(look: Look) -> list[str]:
    return [name for name, level in look.levels.items() if level in ("fail", "error")]


def redirecting(connection: socket.socket, _stop: threading.Event) -> None:
    """To itself, for ever."""
    while b"\r\n\r\n" in hostile.request(connection):
        connection.sendall(
            b"HTTP/1.1 307 Temporary Redirect\r\nLocation: /round/and/round\r\nContent-Length: 0\r\n\r\n"
        )


def counting(behaviour: hostile.Behaviour, seen: list[int]) -> hostile.Behaviour:
    def counted(connection: socket.socket, stop: threading.Event) -> None:
        seen.append(1)
        behaviour(connection, stop)

    return counted


WEB_PAGE = hostile.answering(headers="Content-Type: text/html\r\n", body=b"<!doctype html><title>Sign in</title>")
BEHAVIOURS = {
    "says-nothing": hostile.silent,
    "drips": hostile.dripping,
    "drips-headers": hostile.dripping_headers,
    "redirects": redirecting,
    "no-tls": None,
    "garbage": hostile.garbage,
    "cut-short": hostile.cut_short,
    "web-page": WEB_PAGE,
    "list": hostile.answering(body=b"[1, 2]"),
    "number": hostile.answering(body=b"7"),
    "null-fields": hostile.answering(body=b'{"items": 7, "issuer": null, "groups": {"a": []}, "resources": "x"}'),
    "deep": hostile.answering(body=b"[" * 200_000),
    "not-utf-8": hostile.answering(body=b'{"issuer": "\xff\xfe\x80"}'),
}


@pytest.mark.parametrize("name", BEHAVIOURS)
@pytest.mark.parametrize("system", SYSTEMS)
def test_a_hostile_server_is_left_and_red(
    system: str, name: str, issued: Issued, ca: PracticeCA, tmp_path: Path
) -> None:
    behaviour = BEHAVIOURS[name]
    with hostile.serving(behaviour or hostile.plain_http, issued if behaviour else None, tmp_path) as port:
        look = look_at(system, answers_for(port, ca))
    assert reds(look), look.levels


@pytest.mark.parametrize("system", SYSTEMS)
def test_two_hundred_certificates(system: str, many: Issued, ca: PracticeCA, tmp_path: Path) -> None:
    with hostile.serving(WEB_PAGE, many, tmp_path) as port:
        look = look_at(system, answers_for(port, ca))
    assert reds(look), look.levels


@pytest.mark.parametrize("system", SYSTEMS)
def test_two_gigabytes_are_not_kept(system: str, issued: Issued, ca: PracticeCA, tmp_path: Path) -> None:
    with hostile.serving(hostile.endless, issued, tmp_path) as port, growth() as grown:
        look = look_at(system, answers_for(port, ca))
    assert reds(look), look.levels
    assert max(grown) < MOST_MEMORY, f"grew by {max(grown) >> 20} MiB"


@contextlib.contextmanager
def growth() -> Iterator[list[int]]:
    """Bytes of memory beyond those at the beginning, as they are seen."""
    before, over, grown = resident(), threading.Event(), [0]

    def look() -> None:
        while not over.wait(0.01):
            grown.append(resident() - before)

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield grown
    finally:
        over.set()
        watcher.join()


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class _Truncating(socketserver.BaseRequestHandler):
    """By UDP: ask again by TCP."""

    def handle(self) -> None:
        data, sock = self.request
        with contextlib.suppress(Exception):
            answer = dns.message.make_response(dns.message.from_wire(data))
            answer.flags |= dns.flags.TC
            sock.sendto(answer.to_wire(), self.client_address)


@pytest.mark.parametrize("behaviour", [hostile.silent, hostile.garbage, hostile.dripping, hostile.endless])
def test_a_dns_server_that_is_hostile_by_tcp(
    behaviour: hostile.Behaviour, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("installer_tasks.preflight.facts.dns.TIMEOUT", 1.0)
    with (
        hostile.serving(behaviour, None, tmp_path) as port,
        growth() as grown,
        serving(socketserver.UDPServer(("127.0.0.1", port), _Truncating)),
    ):
        look = look_at("dns", {"dns.zone": ZONE, "dns.server": f"127.0.0.1:{port}"})
    assert reds(look) == ["dns.server-answers"], look.levels
    assert max(grown) < MOST_MEMORY


def test_a_dns_loop_ends_in_words() -> None:
    with DnsServer(ZONE) as server:
        server.set(ZONE, f"a.{ZONE}")
        server.set(f"a.{ZONE}", f"b.{ZONE}")
        server.set(f"b.{ZONE}", f"a.{ZONE}")
        look = look_at("dns", {"dns.zone": ZONE, "dns.server": server.address})
    assert reds(look), look.levels
    assert any("circle" in look.says(name) for name in reds(look)), [look.says(name) for name in reds(look)]
