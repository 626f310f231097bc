"""The practice DNS server, asked by dig and by raw datagrams."""

from __future__ import annotations

import socket
import struct
import subprocess
from collections.abc import Iterator

import dns.message
import dns.query
import dns.rcode
import pytest

from installer_tasks import releases
from installer_tasks.rehearsal.dns import SERVFAIL, SILENT, DnsServer
from tests.waiting import PATIENCE

ZONE = "tmc.example"


@pytest.fixture
def server() -> Iterator[DnsServer]:
    with DnsServer(ZONE) as running:
        yield running


def dig(server: DnsServer, *query: str) -> str:
    command = ["dig", "@127.0.0.1", "-p", str(server.port), "+time=2", "+tries=1", *query]
    outcome = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    for complaint in ("WARNING: Message parser reports malformed", "extra bytes", "Got bad packet", ";; Warning"):
        assert complaint not in outcome.stdout, outcome.stdout
    return outcome.stdout


def short(server: DnsServer, *query: str) -> list[str]:
    return sorted(dig(server, "+short", *query).split())


@pytest.mark.program("dig")
@pytest.mark.parametrize("transport", ["+notcp", "+tcp"])
def test_dig_resolves_every_public_name(server: DnsServer, transport: str) -> None:
    wanted = releases.get("1.4.1").public_names(ZONE)
    for name in wanted:
        server.set(name, "127.20.30.40")
    assert len(wanted) == 12
    for name in wanted:
        assert short(server, transport, name) == ["127.20.30.40"]


@pytest.mark.program("dig")
def test_dig_tells_absent_names_from_names_without_address(server: DnsServer) -> None:
    server.set(f"console.s3.{ZONE}", "127.0.0.9")
    absent = dig(server, f"nope.{ZONE}")
    assert "status: NXDOMAIN" in absent
    assert "AUTHORITY: 1" in absent
    assert f"hostmaster.{ZONE}." in absent  # the SOA, so that resolvers may remember it
    empty = dig(server, f"s3.{ZONE}")
    assert "status: NOERROR" in empty
    assert "ANSWER: 0" in empty
    assert "flags: qr aa" in empty


@pytest.mark.program("dig")
def test_dig_sees_the_zone_itself(server: DnsServer) -> None:
    assert short(server, ZONE, "NS") == [f"ns.{ZONE}."]
    assert short(server, f"ns.{ZONE}") == ["127.0.0.1"]
    before = int(dig(server, "+short", ZONE, "SOA").split()[2])
    server.set(ZONE, "127.0.0.9")
    assert int(dig(server, "+short", ZONE, "SOA").split()[2]) > before
    assert "status: REFUSED" in dig(server, "www.example.org")
    assert "status: REFUSED" in dig(server, "xtmc.example")
    assert "Transfer failed" in dig(server, ZONE, "AXFR")


@pytest.mark.program("dig")
def test_records_change_while_it_runs(server: DnsServer) -> None:
    name = f"auth.{ZONE}"
    server.set(name, "127.0.0.9", "fd00::9")
    assert short(server, name) == ["127.0.0.9"]
    assert short(server, name, "AAAA") == ["fd00::9"]
    server.set(name, "127.0.0.10")
    assert short(server, name.upper()) == ["127.0.0.10"]
    server.remove(name)
    server.remove(name)
    assert "status: NXDOMAIN" in dig(server, name)
    with pytest.raises(ValueError, match="not in"):
        server.set("www.example.org", "127.0.0.9")


@pytest.mark.program("dig")
def test_an_existing_name_hides_the_wildcard_below_it(server: DnsServer) -> None:
    """RFC 4592, and the trap of the field: a record for s3 takes console.s3 from `*.<zone>`."""
    server.set(f"*.{ZONE}", "127.0.0.9")
    assert short(server, f"auth.{ZONE}") == ["127.0.0.9"]
    assert short(server, f"console.s3.{ZONE}") == ["127.0.0.9"]
    server.set(f"s3.{ZONE}", "127.0.0.10")
    assert short(server, f"s3.{ZONE}") == ["127.0.0.10"]
    assert "status: NXDOMAIN" in dig(server, f"console.s3.{ZONE}")
    server.set(f"*.s3.{ZONE}", "127.0.0.11")
    assert short(server, f"console.s3.{ZONE}") == ["127.0.0.11"]
    assert short(server, ZONE) == []


@pytest.mark.program("dig")
def test_aliases_are_followed_inside_the_zone(server: DnsServer) -> None:
    server.set(ZONE, "127.0.0.9")
    server.set(f"auth.{ZONE}", ZONE)
    server.set(f"blob.{ZONE}", "lb.cloud.example")
    assert short(server, f"auth.{ZONE}") == ["127.0.0.9", f"{ZONE}."]
    assert short(server, f"blob.{ZONE}") == ["lb.cloud.example."]
    assert short(server, f"auth.{ZONE}", "CNAME") == [f"{ZONE}."]


@pytest.mark.program("dig")
def test_a_long_answer_is_cut_on_udp_and_whole_on_tcp(server: DnsServer) -> None:
    addresses = sorted(f"10.9.{number // 200}.{number % 200}" for number in range(500))
    server.set(f"big.{ZONE}", *addresses)
    assert "flags: qr aa tc" in dig(server, "+notcp", "+ignore", f"big.{ZONE}")
    assert short(server, f"big.{ZONE}") == addresses  # dig asks again by TCP
    query = dns.message.make_query(f"big.{ZONE}", "A", use_edns=False)
    wire = exchange(server, query.to_wire())
    assert len(wire) <= 512


def exchange(server: DnsServer, wire: bytes, timeout: float = PATIENCE) -> bytes:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(timeout)
        sock.sendto(wire, ("127.0.0.1", server.port))
        return sock.recv(65535)


def test_nonsense_is_answered_with_a_format_error_or_not_at_all(server: DnsServer) -> None:
    wire = exchange(server, b"\x12\x34" + b"\x01\x00" + b"\x00\x01" + b"\xff" * 20)
    assert wire[:2] == b"\x12\x34"
    assert wire[3] & 0x0F == dns.rcode.FORMERR
    for ignored in (b"", b"\x00", exchange(server, dns.message.make_query(ZONE, "A").to_wire())):
        with pytest.raises(TimeoutError):
            exchange(server, ignored, timeout=0.2)
    assert exchange(server, dns.message.make_query(ZONE, "A").to_wire())


def test_what_is_not_a_query_is_not_implemented(server: DnsServer) -> None:
    update = dns.message.make_query(ZONE, "SOA")
    update.set_opcode(dns.opcode.NOTIFY)  # type: ignore[attr-defined]
    assert dns.message.from_wire(exchange(server, update.to_wire())).rcode() == dns.rcode.NOTIMP


def test_several_questions_come_over_one_tcp_connection(server: DnsServer) -> None:
    server.set(ZONE, "127.0.0.9")
    wire = dns.message.make_query(ZONE, "A").to_wire()
    framed = struct.pack("!H", len(wire)) + wire
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as sock, sock.makefile("rb") as file:
        sock.sendall(framed * 3)
        for _answer in range(3):
            (length,) = struct.unpack("!H", file.read(2))
            assert len(dns.message.from_wire(file.read(length)).answer) == 1


def test_it_stops_with_a_connection_open_and_comes_back_on_its_port() -> None:
    server = DnsServer(ZONE).start()
    port = server.port
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as sock:
        server.stop()
        assert sock.recv(1) == b""
    server.start()
    try:
        assert server.port == port
        assert exchange(server, dns.message.make_query(ZONE, "A").to_wire())
    finally:
        server.stop()


@pytest.mark.parametrize("fault", [SERVFAIL, SILENT])
def test_faults_are_asked_for_at_every_query(fault: str) -> None:
    class Switch:
        on = False

        def active(self, name: str) -> bool:
            return self.on and name == fault

    switch = Switch()
    with DnsServer(ZONE, faults=switch) as server:
        wire = dns.message.make_query(ZONE, "A").to_wire()
        assert dns.message.from_wire(exchange(server, wire)).rcode() == dns.rcode.NOERROR
        switch.on = True
        if fault == SERVFAIL:
            assert dns.message.from_wire(exchange(server, wire)).rcode() == dns.rcode.SERVFAIL
        else:
            with pytest.raises(TimeoutError):
                exchange(server, wire, timeout=0.2)
