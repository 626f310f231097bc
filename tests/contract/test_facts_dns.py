"""The zone's collector and checks against Debian's bind9 and the practice DNS server."""

from __future__ import annotations

import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from installer_tasks import releases
from installer_tasks.rehearsal.dns import SERVFAIL, SILENT, DnsServer
from tests.contract.docker_registry import free_port
from tests.contract.looks import Look, all_of, look_at
from tests.contract.named import named, views

PASS, WARN, FAIL, BLOCKED = "pass", "warn", "fail", "blocked"
ZONE, ADDRESS = "tmc.example.com", "10.20.30.40"
PINNED = {"services.load_balancer_ip": ADDRESS}
HOSTS = releases.RELEASES[-1].hosts
NAMES = releases.RELEASES[-1].public_names(ZONE)
#: No cluster is named here: what its pods get, tests of its own say.
HEALTHY = all_of("dns", PASS) | {"dns.cluster-agrees": BLOCKED}
NOT_FIXED = HEALTHY | {"dns.load-balancer": WARN}
NO_SERVER = all_of("dns", BLOCKED) | {"dns.zone-well-formed": PASS, "dns.server-answers": FAIL}
Records = dict[str, str]  #: prefix ("" is the zone, "*" a wildcard) to address


def everything(**changes: str) -> Records:
    return dict.fromkeys(HOSTS, ADDRESS) | {key.replace("_", "."): value for key, value in changes.items()}


@contextmanager
def bind(folder: Path, records: Records) -> Iterator[str]:
    lines = [f"{host or '@'} A {address}" for host, address in records.items() if address]
    with named(folder / "named", ZONE, lines) as server:
        yield server.address


@contextmanager
def practice(folder: Path, records: Records) -> Iterator[str]:
    with DnsServer(ZONE) as server:
        for host, address in records.items():
            if address:
                server.set(f"{host}.{ZONE}" if host else ZONE, address)
        yield server.address


SERVERS = [pytest.param(bind, marks=pytest.mark.program("named")), practice]


def looked(server: str, zone: str = ZONE, **changes: str) -> Look:
    return look_at("dns", {"dns.zone": zone, "dns.server": server, **changes})


@pytest.fixture(params=SERVERS, ids=["bind9", "practice"])
def serve(request: pytest.FixtureRequest) -> Callable:
    return request.param


def test_records_of_their_own_raise_nothing(serve: Callable, tmp_path: Path) -> None:
    with serve(tmp_path, everything()) as server:
        look = looked(server)
        assert look.levels == NOT_FIXED
        assert look["dns.server-answers"].message.params["server"] == server
        pinned = looked(server, **PINNED)
    assert pinned.levels == HEALTHY
    records = look.facts["records"]["value"]
    assert set(records) == set(NAMES)
    assert all(item["addresses"] == [ADDRESS] for item in records.values())


def test_a_wildcard_is_as_good_and_is_told(serve: Callable, tmp_path: Path) -> None:
    # A wildcard does not answer below a name that exists: s3 hides console.s3 and tmc-local.s3.
    wild = {"": ADDRESS, "*": ADDRESS, "*.s3": ADDRESS, "s3": ADDRESS}
    with serve(tmp_path, wild) as server:
        look = looked(server, **PINNED)
    assert look.levels == HEALTHY
    assert look.facts["wildcard"]["value"]["addresses"] == [ADDRESS]
    assert ADDRESS in look.says("dns.wildcard")


def test_a_wildcard_that_an_explicit_s3_record_hides(serve: Callable, tmp_path: Path) -> None:
    with serve(tmp_path, {"": ADDRESS, "*": ADDRESS, "s3": ADDRESS}) as server:
        look = looked(server, **PINNED)
    assert look.levels == HEALTHY | {"dns.names-resolve": FAIL}
    assert look["dns.names-resolve"].value == f"console.s3.{ZONE}, tmc-local.s3.{ZONE}"
    assert "wildcard" in str(look["dns.names-resolve"].cause)


def test_one_missing_name_is_named_with_its_record(serve: Callable, tmp_path: Path) -> None:
    with serve(tmp_path, everything(gts="")) as server:
        look = looked(server, **PINNED)
    assert look.levels == HEALTHY | {"dns.names-resolve": FAIL}
    assert look["dns.names-resolve"].value == f"gts.{ZONE}"
    assert look["dns.names-resolve"].command.startswith(f"gts.{ZONE}. 300 IN A ")


def test_no_name_yet_is_a_warning_with_every_record(serve: Callable, tmp_path: Path) -> None:
    with serve(tmp_path, {"unrelated": ADDRESS}) as server:
        look = looked(server)
        pinned = looked(server, **PINNED)
    assert look.levels == HEALTHY | {"dns.names-resolve": WARN, "dns.same-address": WARN}
    assert look["dns.names-resolve"].command.count("IN A <address") == len(NAMES)
    assert pinned.levels == HEALTHY | {"dns.names-resolve": FAIL, "dns.same-address": WARN}
    assert f"IN A {ADDRESS}" in pinned["dns.names-resolve"].command


def test_names_that_lead_to_different_addresses(serve: Callable, tmp_path: Path) -> None:
    with serve(tmp_path, everything(auth="10.9.9.9")) as server:
        look = looked(server)
    assert look.levels == HEALTHY | {"dns.same-address": FAIL, "dns.load-balancer": BLOCKED}
    assert look["dns.same-address"].value == f"auth.{ZONE} (10.9.9.9)"
    assert look["dns.same-address"].command == f"auth.{ZONE}. 300 IN A {ADDRESS}"


def test_names_that_lead_past_the_load_balancer(serve: Callable, tmp_path: Path) -> None:
    with serve(tmp_path, everything()) as server:
        look = looked(server, **{"services.load_balancer_ip": "10.1.1.1"})
    assert look.levels == HEALTHY | {"dns.load-balancer": FAIL}
    assert look["dns.load-balancer"].value == ADDRESS
    assert "10.1.1.1" in look.says("dns.load-balancer")


def test_a_server_that_is_not_that_of_the_zone(serve: Callable, tmp_path: Path) -> None:
    with serve(tmp_path, everything()) as server:
        look = looked(server, zone="tmc.elsewhere.example")
    assert look.levels == NO_SERVER
    assert look["dns.server-answers"].value == "tmc.elsewhere.example"


@pytest.mark.parametrize(
    ("zone", "named_in"),
    [
        ("tmc example.com", "space"),
        ("https://tmc.example.com", "https"),
        ("*.tmc.example.com", "wildcard"),
        ("10.0.0.1", "address"),
        ("tmc", "single word"),
        ("tmc..example.com", "empty part"),
        ("tmc_.example.com", "_"),
        ("a" * 64 + ".example.com", "63"),
    ],
)
def test_what_is_not_a_zone_blocks_the_rest(zone: str, named_in: str) -> None:
    look = looked("127.0.0.1:1", zone=zone)
    assert look.levels == all_of("dns", BLOCKED) | {"dns.zone-well-formed": FAIL}
    assert look["dns.zone-well-formed"].value == zone
    assert named_in in str(look["dns.zone-well-formed"].cause)


def test_nothing_listens() -> None:
    server = f"127.0.0.1:{free_port()}"
    look = looked(server)
    assert look.levels == NO_SERVER
    assert look["dns.server-answers"].value == server


@pytest.mark.parametrize("server", ["ns1.example.com", "10.0.0.1:dns", "10.0.0.1:99999"])
def test_a_server_that_is_not_written_as_one(server: str) -> None:
    look = looked(server)
    assert look.levels == NO_SERVER
    assert look["dns.server-answers"].value == server


class _On:
    def __init__(self, name: str) -> None:
        self.name = name

    def active(self, name: str) -> bool:
        return name == self.name


def test_a_server_that_fails_and_one_that_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("installer_tasks.facts.dns.TIMEOUT", 0.5)
    for fault in (SERVFAIL, SILENT):
        with DnsServer(ZONE, faults=_On(fault)) as server:
            begun = time.monotonic()
            look = looked(server.address)
            assert time.monotonic() - begun < 3
            assert look.levels == NO_SERVER
            assert server.address in look.says("dns.server-answers")


def test_answers_that_are_no_dns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes that mean nothing end in words, within the deadline."""
    monkeypatch.setattr("installer_tasks.facts.dns.TIMEOUT", 0.5)
    with socketserver.UDPServer(("127.0.0.1", 0), _Nonsense) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            look = looked(f"127.0.0.1:{server.server_address[1]}")
        finally:
            server.shutdown()
            thread.join()
    assert look.levels == NO_SERVER


class _Nonsense(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        self.request[1].sendto(b"\x00\x01\xff", self.client_address)


@pytest.mark.program("named")
def test_views_of_one_server_that_disagree(tmp_path: Path) -> None:
    """Browsers outside get another address than we do: the zone's second name server says so."""
    inside, outside = everything(), everything(auth="10.99.99.99")
    zones = [[f"{host or '@'} A {address}" for host, address in seen.items()] for seen in (inside, outside)]
    with views(tmp_path / "named", ZONE, *zones) as server:
        look = looked(server.address, **PINNED)
    assert look.levels == HEALTHY | {"dns.servers-agree": FAIL}
    assert f"auth.{ZONE}" in look.says("dns.servers-agree")
    assert "127.0.0.2" in look.says("dns.servers-agree")


@pytest.mark.program("named")
def test_views_that_agree_raise_nothing(tmp_path: Path) -> None:
    records = [f"{host or '@'} A {address}" for host, address in everything().items()]
    with views(tmp_path / "named", ZONE, records, records) as server:
        assert looked(server.address, **PINNED).levels == HEALTHY
