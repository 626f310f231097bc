"""Debian's bind9 as a child of a test: authoritative for one zone on a free loopback port.

with named(tmp_path, "tmc.example.com", ["@ A 10.0.0.1"]) as server:
    ... server.address
"""

from __future__ import annotations

import socket
import socketserver
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import dns.exception
import dns.message
import dns.query

from tests.contract.docker_registry import free_port, program_path
from tests.serving import serving
from tests.waiting import PATIENCE, stop, until_it_serves


@dataclass(frozen=True)
class Named:
    """A name server that answers."""

    port: int
    log: Path

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"


@contextmanager
def named(folder: Path, zone: str, records: Iterable[str]) -> Iterator[Named]:
    """`records` in the form of zone files, relative to the zone."""
    folder.mkdir(parents=True, exist_ok=True)
    soa = "@ SOA ns.invalid. hostmaster.invalid. 1 3600 600 86400 60"
    lines = ["$TTL 60", soa, "@ NS ns.invalid.", *records]
    (folder / "zone").write_text("\n".join(lines) + "\n")
    server = Named(free_port(), folder / "log")
    (folder / "named.conf").write_text(_config(folder, server.port, zone))
    with _running(folder, server, zone):
        yield server


@contextmanager
def views(folder: Path, zone: str, inside: Iterable[str], outside: Iterable[str]) -> Iterator[Named]:
    """One server with two views: who asks from 127.0.0.2 sees `outside`, everybody else `inside`.

    At 127.0.0.2 the second server of the zone answers: it asks the first one from there, as bind itself listens only on
    addresses of interfaces.
    """
    folder.mkdir(parents=True, exist_ok=True)
    both = ["@ SOA ns1 hostmaster 1 3600 600 86400 60", "@ NS ns1", "@ NS ns2", "ns1 A 127.0.0.1", "ns2 A 127.0.0.2"]
    server = Named(free_port(), folder / "log")
    blocks = ""
    for name, clients, records in (("outside", "127.0.0.2;", outside), ("inside", "any;", inside)):
        (folder / name).write_text("\n".join(["$TTL 60", *both, *records]) + "\n")
        blocks += f'view "{name}" {{ match-clients {{ {clients} }}; {_zone(zone, folder / name)} }};\n'
    (folder / "named.conf").write_text(f"{_options(folder, server.port)}\ncontrols {{ }};\n{blocks}")
    with _running(folder, server, zone), serving(_Second(("127.0.0.2", server.port), _Relay)):
        yield server


class _Second(socketserver.ThreadingUDPServer):
    daemon_threads = True
    allow_reuse_address = True


class _Relay(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        question, back = self.request
        here, port = self.server.server_address[:2]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.settimeout(PATIENCE)
            asking.bind((here, 0))
            asking.sendto(question, ("127.0.0.1", port))
            back.sendto(asking.recv(65535), self.client_address)


@contextmanager
def _running(folder: Path, server: Named, zone: str) -> Iterator[None]:
    with server.log.open("wb") as output:
        command = [program_path("named"), "-g", "-n", "1", "-c", str(folder / "named.conf")]
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        until_it_serves(process, lambda: _answers(server, zone), lambda: server.log.read_text(errors="replace"))
        yield
    finally:
        stop(process)


def _config(folder: Path, port: int, zone: str) -> str:
    return f"{_options(folder, port)}\ncontrols {{ }};\n{_zone(zone, folder / 'zone')}\n"


def _options(folder: Path, port: int) -> str:
    return f"""
options {{
    directory "{folder}"; pid-file none; session-keyfile "{folder}/session.key"; managed-keys-directory "{folder}";
    listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
    recursion no; allow-transfer {{ none; }}; notify no; dnssec-validation no;
}};"""


def _zone(zone: str, file: Path) -> str:
    return f'zone "{zone}" {{ type primary; file "{file}"; check-names ignore; }};'


def _answers(server: Named, zone: str) -> bool:
    with suppress(OSError, dns.exception.DNSException):
        return bool(dns.query.udp(dns.message.make_query(zone, "SOA"), "127.0.0.1", 0.3, server.port).answer)
    return False
