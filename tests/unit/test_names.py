"""Zones as people type them; look-ups against a DNS server that answers, and against ones that do not."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import dns.message
import dns.name
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from installer_tasks.errors import Busy, InputError, InstallerError, Invalid, Missing, Refused, Unreachable
from installer_tasks.rehearsal.dns import SERVFAIL, SILENT, DnsServer
from installer_tasks.systems.dns import resolver
from tests.switch import On
from tests.waiting import PATIENCE, joined

ZONE = "tmc.example"


@pytest.fixture
def server() -> Iterator[DnsServer]:
    with DnsServer(ZONE) as running:
        running.set(ZONE, "127.9.9.9")
        yield running


@pytest.mark.parametrize(
    ("typed", "zone"),
    [
        ("tmc.example.com", "tmc.example.com"),
        ("  TMC.Example.com.\n", "tmc.example.com"),
        ("tmc.lab", "tmc.lab"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("1-2.a3.example", "1-2.a3.example"),
    ],
)
def test_a_zone_is_written_as_dns_writes_it(typed: str, zone: str) -> None:
    assert resolver.parse_zone(typed) == zone


@pytest.mark.parametrize(
    ("typed", "cause"),
    [
        ("", "empty"),
        ("   ", "empty"),
        (".", "empty"),
        ("tmc example.com", "space"),
        ("tmc.\texample.com", "space"),
        ("https://tmc.example.com", "https://"),
        ("tmc.example.com/login", "path"),
        ("tmc.example.com:443", "port"),
        ("fe80::1", "IPv6"),
        ("ada@example.com", "email address"),
        ("*.tmc.example.com", "wildcard"),
        ("10.0.0.1", "address"),
        ("tmc", "single word"),
        ("tmc..example.com", "two consecutive dots"),
        (".tmc.example.com", "a leading dot"),
        ("-tmc.example.com", "hyphen"),
        ("tmc-.example.com", "hyphen"),
        ("tmc_1.example.com", "character _"),
        ("tmc.example.c$m", "character $"),
        ("bücher.example", "xn--"),
        ("a.example.123", "number"),
        ("x" * 64 + ".example", "63"),
        (".".join(["abcdefghi"] * 24), "233"),
    ],
)
def test_what_is_no_zone_is_refused_with_its_cause(typed: str, cause: str) -> None:
    with pytest.raises(InputError) as failure:
        resolver.parse_zone(typed)
    error = failure.value
    assert cause in str(error)
    assert (error.field, error.value) == ("dns.zone", typed)
    assert str(error.remedy)


@given(st.text(max_size=300))
def test_whatever_is_typed_ends_as_a_name_or_as_an_error(typed: str) -> None:
    try:
        zone = resolver.parse_zone(typed)
    except InputError:
        return
    assert dns.name.from_text(zone).to_text(omit_final_dot=True) == zone
    assert len(f"pinniped-supervisor.{zone}") <= 253


@pytest.mark.parametrize(
    ("given", "parsed"),
    [
        ("10.0.0.53", ("10.0.0.53", 53)),
        ("10.0.0.53:5353", ("10.0.0.53", 5353)),
        ("[fd00::53]:5353", ("fd00::53", 5353)),
        ("fd00::53", ("fd00::53", 53)),
    ],
)
def test_a_server_is_named_by_address_and_port(given: str, parsed: tuple[str, int]) -> None:
    assert resolver.parse_server(given) == parsed


@pytest.mark.parametrize("given", ["dns.example.com", "10.0.0.53:0", "10.0.0.53:99999", "10.0.0.53:x", ""])
def test_what_names_no_server_is_refused(given: str) -> None:
    with pytest.raises(InputError) as failure:
        resolver.parse_server(given)
    assert failure.value.field == "dns.server"


def test_a_name_is_resolved_at_the_server_that_was_named(server: DnsServer) -> None:
    found = resolver.resolve(ZONE, server.address)
    assert found.addresses == ("127.9.9.9",)
    assert found.server == server.address
    assert found.ttl > 0


def test_an_alias_is_followed_and_named(server: DnsServer) -> None:
    server.set(f"auth.{ZONE}", ZONE)
    found = resolver.resolve(f"auth.{ZONE}", server.address)
    assert (found.addresses, found.cname) == (("127.9.9.9",), ZONE)


def test_an_alias_to_nowhere_is_missing_and_says_so(server: DnsServer) -> None:
    server.set(f"auth.{ZONE}", "lb.cloud.example")
    with pytest.raises(Missing) as failure:
        resolver.resolve(f"auth.{ZONE}", server.address)
    assert (failure.value.code, failure.value.detail) == ("dns-alias-dangling", "lb.cloud.example")
    assert "lb.cloud.example" in str(failure.value)


def test_ipv6_alone_is_found(server: DnsServer) -> None:
    server.set(f"v6.{ZONE}", "fd00::1")
    assert resolver.resolve(f"v6.{ZONE}", server.address).addresses == ("fd00::1",)


def test_a_name_that_does_not_exist_is_told_from_one_without_address(server: DnsServer) -> None:
    server.set(f"console.s3.{ZONE}", "127.9.9.9")
    codes = {}
    for name in (f"nope.{ZONE}", f"s3.{ZONE}"):
        with pytest.raises(Missing) as failure:
            resolver.resolve(name, server.address)
        codes[name] = failure.value.code
        assert failure.value.value == name
    assert codes == {f"nope.{ZONE}": "dns-nxdomain", f"s3.{ZONE}": "dns-no-address"}


def test_a_long_answer_comes_by_tcp(server: DnsServer) -> None:
    wanted = tuple(f"10.1.{number // 250}.{number % 250}" for number in range(600))
    server.set(f"big.{ZONE}", *wanted)
    assert set(resolver.resolve(f"big.{ZONE}", server.address).addresses) == set(wanted)


def test_a_wildcard_is_found_out(server: DnsServer) -> None:
    assert resolver.wildcard_probe(ZONE, server.address) is None
    server.set(f"*.{ZONE}", "127.8.8.8")
    found = resolver.wildcard_probe(ZONE, server.address)
    assert found is not None
    assert found.addresses == ("127.8.8.8",)


def test_a_server_that_will_not_answer_for_the_name_refuses(server: DnsServer) -> None:
    with pytest.raises(Refused) as failure:
        resolver.resolve("other.example", server.address)
    assert failure.value.code == "dns-refused"


def test_a_server_in_trouble_is_busy() -> None:
    with DnsServer(ZONE, faults=On(SERVFAIL)) as server, pytest.raises(Busy) as failure:
        resolver.resolve(ZONE, server.address)
    assert failure.value.retry
    assert "SERVFAIL" in str(failure.value)


def refused(action: Callable[[], object]) -> InstallerError:
    with pytest.raises(InstallerError) as failure:
        action()
    return failure.value


def test_a_silent_server_is_left_at_the_deadline() -> None:
    with DnsServer(ZONE, faults=On(SILENT)) as server:
        error = refused(lambda: resolver.resolve(ZONE, server.address, timeout=0.6))
        assert isinstance(error, Unreachable)
        assert (error.code, error.value) == ("dns-timeout", server.address)


def test_nobody_at_the_address() -> None:
    error = refused(lambda: resolver.resolve(ZONE, "127.0.0.1:9", timeout=0.6))
    assert isinstance(error, Unreachable)


@pytest.fixture
def echo() -> Iterator[Callable[[Callable[[bytes], list[bytes]]], str]]:
    """A UDP server that answers what it is told to."""
    sockets: list[socket.socket] = []

    def start(answer: Callable[[bytes], list[bytes]]) -> str:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind(("127.0.0.1", 0))
        sockets.append(sock)

        def serve() -> None:
            while True:
                wire, client = sock.recvfrom(4096)
                if not wire:
                    return
                for reply in answer(wire):
                    sock.sendto(reply, client)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        threads.append(thread)
        return f"127.0.0.1:{sock.getsockname()[1]}"

    threads: list[threading.Thread] = []
    yield start
    for sock, thread in zip(sockets, threads, strict=True):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ender:
            ender.sendto(b"", sock.getsockname())
        joined(thread)
        sock.close()


def test_what_is_no_dns_server_is_named_so(echo: Callable[[Callable[[bytes], list[bytes]]], str]) -> None:
    address = echo(lambda wire: [wire[:2] + b"\x80\x00 this is not DNS"])
    error = refused(lambda: resolver.resolve(ZONE, address, timeout=1))
    assert isinstance(error, Invalid)
    assert error.code == "dns-nonsense"


def test_a_server_that_echoes_the_question_is_no_dns_server(
    echo: Callable[[Callable[[bytes], list[bytes]]], str],
) -> None:
    error = refused(lambda: resolver.resolve(ZONE, echo(lambda wire: [wire]), timeout=0.8))
    assert isinstance(error, Invalid | Unreachable)


def test_aliases_in_a_circle_end(echo: Callable[[Callable[[bytes], list[bytes]]], str]) -> None:
    def circle(wire: bytes) -> list[bytes]:
        query = dns.message.from_wire(wire)
        response = dns.message.make_response(query)
        name = query.question[0].name
        response.answer = [dns.rrset.from_text(name, 5, "IN", "CNAME", name.to_text())]
        return [response.to_wire()]

    error = refused(lambda: resolver.resolve(ZONE, echo(circle), timeout=1))
    assert isinstance(error, Invalid)
    assert error.code == "dns-alias-loop"


def test_a_lost_datagram_is_sent_again(echo: Callable[[Callable[[bytes], list[bytes]]], str]) -> None:
    seen: list[bytes] = []

    def lossy(wire: bytes) -> list[bytes]:
        seen.append(wire)
        if len(seen) == 1:
            return []
        response = dns.message.make_response(dns.message.from_wire(wire))
        response.answer = [dns.rrset.from_text(response.question[0].name, 5, "IN", "A", "127.7.7.7")]
        return [response.to_wire()]

    # A part of it is waited for before the question is asked again: PATIENCE would make that long.
    assert resolver.resolve(ZONE, echo(lossy), timeout=PATIENCE / 20).addresses == ("127.7.7.7",)
    assert len(seen) == 2
