"""The practice DNS server: authoritative for one zone, over UDP and TCP on one port, its records set while it runs."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import logging
import socket
import socketserver
import struct
import threading
from collections.abc import Callable
from typing import Any

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from installer_tasks.rehearsal.fault_switch import FaultSwitch, NoFaults

log = logging.getLogger(__name__)

TTL = 30
ALB, IN_TURN = "alb", "in-turn"  #: manners of DNS servers in the field
IDLE_SECONDS = 5.0
SERVFAIL, SILENT = "dns.servfail", "dns.silent"
REFUSED, NXDOMAIN = "dns.refused", "dns.nxdomain"
ROOT_SOA = "a.root-servers.net. nstld.verisign-grs.com. 1 1800 900 604800 86400"
_PORT_TRIES = 20
_PLAIN_UDP = 512
_WILDCARD = dns.name.from_text("*", None)


class DnsServer:
    """Answers for `zone` and what is below it; anything else is refused, as an authoritative server does."""

    def __init__(self, zone: str, host: str = "127.0.0.1", port: int = 0, *, faults: FaultSwitch | None = None) -> None:
        self.zone = zone
        self._origin = dns.name.from_text(zone)
        self._address = (host, port)
        self._faults = faults or NoFaults()
        self._lock = threading.Lock()
        self._records: dict[dns.name.Name, tuple[str, ...]] = {}
        self._extra: dict[tuple[dns.name.Name, str], tuple[str, ...]] = {}
        self._ttl = TTL
        self._helpers: tuple[str, ...] = ()
        self._serial = 1
        self._manner = ""
        self._turn = 0
        self._servers: list[Any] = []

    def start(self) -> DnsServer:
        udp, tcp = self._bound()
        self._servers = [udp, tcp]
        self._address = (self._address[0], udp.server_address[1])
        for server in self._servers:
            threading.Thread(
                target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="practice-dns", daemon=True
            ).start()
        return self

    def stop(self) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()
            server.end_connections()
        self._servers = []

    def __enter__(self) -> DnsServer:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def port(self) -> int:
        return self._address[1]

    @property
    def address(self) -> str:
        """As the wizard is told: `ip:port`."""
        return f"{self._address[0]}:{self.port}"

    def set(self, name: str, *targets: str) -> None:
        """The addresses of `name`, or the one name that it is an alias of; `*.` in front makes a wildcard."""
        owner = dns.name.from_text(name)
        if not owner.is_subdomain(self._origin):
            raise ValueError(f"{name} is not in {self.zone}")
        with self._lock:
            self._records[owner] = targets
            self._serial += 1

    def remove(self, name: str) -> None:
        """Nothing happens when there is no such record."""
        with self._lock:
            self._records.pop(dns.name.from_text(name), None)
            self._serial += 1

    def set_more(self, name: str, kind: str, *values: str) -> None:
        """Records of another type, MX or TXT, beside the addresses; none to take them away."""
        with self._lock:
            self._extra[dns.name.from_text(name), kind] = values
            self._serial += 1

    def set_ttl(self, seconds: int) -> None:
        """How long resolvers may keep what this server answers from now on."""
        with self._lock:
            self._ttl = seconds

    def set_helpers(self, *addresses: str) -> None:
        """Where the other name servers of the zone are, which the zone names beside this one."""
        with self._lock:
            self._helpers = addresses

    def behave(self, manner: str) -> Callable[[], None]:
        """ALB: addresses alone, silence for all else. IN_TURN: one address of several. What is returned ends it."""
        self._manner = manner

        def as_usual() -> None:
            self._manner = ""

        return as_usual

    def targets(self, name: str) -> tuple[str, ...]:
        """What was set for this very name."""
        with self._lock:
            return self._records.get(dns.name.from_text(name), ())

    def answer(self, wire: bytes, *, datagram: bool) -> bytes | None:
        """The answer to one query, None for what deserves none."""
        if self._faults.active(SILENT):
            return None
        try:
            query = dns.message.from_wire(wire)
        except dns.exception.DNSException:
            return _format_error(wire)
        if query.flags & dns.flags.QR:
            return None
        response = dns.message.make_response(query)
        self._fill(query, response)
        if self._manner == ALB and not any(found.rdtype == dns.rdatatype.A for found in response.answer):
            return None
        if self._manner == IN_TURN:
            self._take_turns(response)
        size = max(query.payload, _PLAIN_UDP) if datagram else 65535
        return response.to_wire(max_size=size, prefer_truncation=True)

    def _take_turns(self, response: dns.message.Message) -> None:
        several = [found for found in response.answer if found.rdtype == dns.rdatatype.A and len(found) > 1]
        for found in several:
            self._turn += 1
            kept = sorted(item.to_text() for item in found)[self._turn % len(found)]
            place = response.answer.index(found)
            response.answer[place] = _rrset(found.name, "A", (kept,), found.ttl)

    def _fill(self, query: dns.message.Message, response: dns.message.Message) -> None:
        if query.opcode() != dns.opcode.QUERY or len(query.question) != 1:
            response.set_rcode(dns.rcode.NOTIMP)
            return
        if self._faults.active(SERVFAIL):
            response.set_rcode(dns.rcode.SERVFAIL)
            return
        if self._faults.active(REFUSED):
            response.set_rcode(dns.rcode.REFUSED)
            return
        if self._faults.active(NXDOMAIN):  # as a resolver that knows only the public root answers for a private name
            response.set_rcode(dns.rcode.NXDOMAIN)
            response.authority = [dns.rrset.from_text(".", 86400, "IN", "SOA", ROOT_SOA)]
            return
        question = query.question[0]
        transfer = question.rdtype in (dns.rdatatype.AXFR, dns.rdatatype.IXFR)
        if transfer or question.rdclass != dns.rdataclass.IN or not question.name.is_subdomain(self._origin):
            response.set_rcode(dns.rcode.REFUSED)
            return
        response.flags |= dns.flags.AA
        with self._lock:
            found, exists = self._found(question.name, question.rdtype)
            response.answer = found
            if not found:
                response.set_rcode(dns.rcode.NOERROR if exists else dns.rcode.NXDOMAIN)
                response.authority = [self._soa()]

    def _found(self, name: dns.name.Name, kind: dns.rdatatype.RdataType) -> tuple[list[dns.rrset.RRset], bool]:
        """The answer, with aliases followed inside the zone, and whether the name exists at all."""
        answer: list[dns.rrset.RRset] = []
        for _alias in range(8):
            targets, exists = self._targets(name)
            alias = targets[0] if targets and not _is_address(targets[0]) else ""
            if not alias or kind in (dns.rdatatype.CNAME, dns.rdatatype.ANY):
                break
            answer.append(_rrset(name, "CNAME", (alias,), self._ttl))
            name = dns.name.from_text(alias)
            if not name.is_subdomain(self._origin):
                return answer, True
        return answer + self._own(name, kind, targets), exists or bool(answer)

    def _own(
        self, name: dns.name.Name, kind: dns.rdatatype.RdataType, targets: tuple[str, ...]
    ) -> list[dns.rrset.RRset]:
        sets = [_rrset(name, label, chosen, self._ttl) for label, chosen in _by_type(targets) if chosen]
        sets += [_rrset(name, label, kept) for (owner, label), kept in self._extra.items() if owner == name and kept]
        if name == self._origin:
            servers = (
                f"ns.{self._origin}",
                *(f"ns{2 + number}.{self._origin}" for number in range(len(self._helpers))),
            )
            sets += [self._soa(), _rrset(name, "NS", servers)]
        return [item for item in sets if kind in (item.rdtype, dns.rdatatype.ANY)]

    def _targets(self, name: dns.name.Name) -> tuple[tuple[str, ...], bool]:
        """The records of a name and whether it exists; by RFC 4592 a name that exists hides the wildcard beside it."""
        if name == dns.name.from_text("ns", self._origin):
            return (self._address[0],), True
        for number, helper in enumerate(self._helpers, start=2):
            if name == dns.name.from_text(f"ns{number}", self._origin):
                return (helper,), True
        while True:
            if name in self._records:
                return self._records[name], True
            if self._exists(name):
                return (), True
            encloser = name.parent()
            if self._exists(encloser):
                wildcard = _WILDCARD.derelativize(encloser)
                return self._records.get(wildcard, ()), wildcard in self._records
            name = encloser

    def _exists(self, name: dns.name.Name) -> bool:
        """Also without records of its own: because something is below it."""
        return name == self._origin or any(owner.is_subdomain(name) for owner in self._records)

    def _soa(self) -> dns.rrset.RRset:
        zone = self._origin.to_text()
        return _rrset(self._origin, "SOA", (f"ns.{zone} hostmaster.{zone} {self._serial} 3600 600 86400 {TTL}",))

    def _bound(self) -> tuple[_Udp, _Tcp]:
        """Both servers on one port; a free port for UDP may be taken for TCP, then another is tried."""
        for _attempt in range(_PORT_TRIES):
            udp = _Udp(self._address, self)
            try:
                return udp, _Tcp((self._address[0], udp.server_address[1]), self)
            except OSError as error:
                udp.server_close()
                if self._address[1] or error.errno != errno.EADDRINUSE:
                    raise
        raise OSError(errno.EADDRINUSE, "no port is free for both UDP and TCP")


class _Udp(socketserver.UDPServer):
    def __init__(self, address: tuple[str, int], dns_server: DnsServer) -> None:
        self.dns_server = dns_server
        super().__init__(address, _UdpHandler)

    def end_connections(self) -> None:
        """There are none."""

    def handle_error(self, _request: Any, client_address: Any) -> None:
        log.exception("practice DNS failed on a datagram of %s", client_address)


class _UdpHandler(socketserver.BaseRequestHandler):
    server: _Udp

    def handle(self) -> None:
        wire, sock = self.request
        answer = self.server.dns_server.answer(wire, datagram=True)
        if answer is not None:
            with contextlib.suppress(OSError):  # who asked has gone
                sock.sendto(answer, self.client_address)


class _Tcp(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], dns_server: DnsServer) -> None:
        self.dns_server = dns_server
        self._open: set[socket.socket] = set()
        super().__init__(address, _TcpHandler)

    def opened(self, connection: socket.socket) -> None:
        self._open.add(connection)

    def closed(self, connection: socket.socket) -> None:
        self._open.discard(connection)

    def end_connections(self) -> None:
        for connection in tuple(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, _request: Any, client_address: Any) -> None:
        log.debug("connection of %s to the practice DNS ended", client_address, exc_info=True)


class _TcpHandler(socketserver.StreamRequestHandler):
    server: _Tcp
    timeout = IDLE_SECONDS

    def handle(self) -> None:
        self.server.opened(self.connection)
        with contextlib.suppress(TimeoutError):
            while length := self.rfile.read(2):
                answer = self.server.dns_server.answer(self.rfile.read(struct.unpack("!H", length)[0]), datagram=False)
                if answer is None:
                    return
                self.wfile.write(struct.pack("!H", len(answer)) + answer)

    def finish(self) -> None:
        self.server.closed(self.connection)
        super().finish()


def _rrset(name: dns.name.Name, kind: str, values: tuple[str, ...], ttl: int = TTL) -> dns.rrset.RRset:
    absolute = [f"{value.rstrip('.')}." if kind == "CNAME" else value for value in values]
    return dns.rrset.from_text_list(name, ttl, "IN", kind, absolute)


def _by_type(targets: tuple[str, ...]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return (
        ("A", tuple(target for target in targets if _is_address(target) and ":" not in target)),
        ("AAAA", tuple(target for target in targets if _is_address(target) and ":" in target)),
        ("CNAME", tuple(target for target in targets if not _is_address(target))),
    )


def _is_address(target: str) -> bool:
    try:
        ipaddress.ip_address(target)
    except ValueError:
        return False
    return True


def _format_error(wire: bytes) -> bytes | None:
    """The header alone, with FORMERR, where there is at least an id to answer to."""
    if len(wire) < 12 or wire[2] & 0x80:
        return None
    return wire[:2] + bytes([0x80 | (wire[2] & 0x79), dns.rcode.FORMERR]) + bytes(8)
