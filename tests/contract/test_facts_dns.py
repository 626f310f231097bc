"""The zone's collector and checks against Debian's bind9 and the practice DNS server."""

from __future__ import annotations

import socketserver
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from installer_tasks import releases
from installer_tasks.rehearsal.dns import SERVFAIL, SILENT, DnsServer
from tests.contract.docker_registry import free_port
from tests.contract.looks import Look, all_of, look_at
from tests.contract.named import named, views
from tests.serving import serving

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
        assert look.levels == HEALTHY
        left = looked(server, **{"services.minio_password": "given"})
        assert left.levels == NOT_FIXED, "on Services no address was entered"
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
    monkeypatch.setattr("installer_tasks.preflight.facts.dns.TIMEOUT", 0.5)
    for fault in (SERVFAIL, SILENT):
        with DnsServer(ZONE, faults=_On(fault)) as server:
            look = looked(server.address)
            assert look.levels == NO_SERVER
            assert server.address in look.says("dns.server-answers")


def test_answers_that_are_no_dns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes that mean nothing end in words, within the deadline."""
    monkeypatch.setattr("installer_tasks.preflight.facts.dns.TIMEOUT", 0.5)
    with serving(socketserver.UDPServer(("127.0.0.1", 0), _Nonsense)) as server:
        look = looked(f"127.0.0.1:{server.server_address[1]}")
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


@contextmanager
def fussy(records: dict[str, tuple[str, ...]], odd: str) -> Iterator[str]:
    """A DNS server that answers addresses for what it has, as load balancers that serve DNS do, and else `odd`."""
    import dns.message
    import dns.rcode
    import dns.rdatatype
    import dns.rrset

    turn = iter(range(10_000))

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            data, sock = self.request
            query = dns.message.from_wire(data)
            question = query.question[0]
            answer = dns.message.make_response(query)
            found = records.get(question.name.to_text(omit_final_dot=True), ())
            if found and question.rdtype == dns.rdatatype.A:
                name = question.name
                if found[0].endswith("."):
                    answer.answer.append(dns.rrset.from_text(name, 60, "IN", "CNAME", found[0]))
                    name = answer.answer[0][0].target
                    found = found[1:] if odd != "in turn" else (found[1 + next(turn) % (len(found) - 1)],)
                answer.answer.append(dns.rrset.from_text_list(name, 60, "IN", "A", list(found)))
            elif odd == "silent":
                return
            elif odd == "refused":
                answer.set_rcode(dns.rcode.REFUSED)
            elif odd == "in turn":
                answer.set_rcode(dns.rcode.NXDOMAIN)
            sock.sendto(answer.to_wire(), self.client_address)

    with serving(socketserver.ThreadingUDPServer(("127.0.0.1", 0), Handler)) as server:
        yield f"127.0.0.1:{server.server_address[1]}"


@pytest.mark.parametrize("odd", ["silent", "refused", "empty"])
def test_side_questions_that_are_not_answered_decide_nothing(odd: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """NSX ALB: addresses for what it has; no SOA, no MX, no NXDOMAIN."""
    monkeypatch.setattr("installer_tasks.preflight.facts.dns.TIMEOUT", 0.5)
    monkeypatch.setattr("installer_tasks.preflight.facts.dns.ASIDE", 0.5)
    with fussy(dict.fromkeys(NAMES, (ADDRESS,)), odd) as server:
        assert looked(server, **PINNED).levels == HEALTHY
    with fussy(dict.fromkeys(NAMES[2:], (ADDRESS,)), odd) as server:
        look = looked(server, **PINNED)
    if odd != "refused":  # a server that refuses the zone itself is another matter
        assert look["dns.names-resolve"].level == FAIL
        assert set(look["dns.names-resolve"].value.split(", ")) == set(NAMES[:2])


@pytest.mark.parametrize("odd", ["in turn", "empty"])
def test_names_that_share_the_alias_of_a_load_balancer_agree(odd: str) -> None:
    """EKS and Azure: three addresses behind one name, all at once or one in turn; the zone itself holds them."""
    behind = ("10.1.1.1", "10.1.1.2", "10.1.1.3")
    names = dict.fromkeys(NAMES, ("k8s-tmc-1.elb.example.net.", *behind)) | {ZONE: behind}
    with fussy(names, odd) as server:
        look = looked(server)
        assert look.levels == HEALTHY
        assert "k8s-tmc-1.elb.example.net" in look.says("dns.load-balancer")
        pinned = looked(server, **PINNED)["dns.load-balancer"]
    assert pinned.level == FAIL
    assert "Leave the address" in str(pinned.remedy)


def test_no_remedy_that_the_page_refuses() -> None:
    with fussy(dict.fromkeys(NAMES, ("10.1.1.1", "10.1.1.2")), "empty") as server:
        remedy = str(looked(server)["dns.load-balancer"].remedy)
    assert "10.1.1.1, 10.1.1.2" not in remedy
    assert "one fixed address" in remedy


@pytest.mark.parametrize(
    "address", ["0.0.0.0", "127.0.0.1", "169.254.1.1", "224.0.0.1", "192.0.2.1", "255.255.255.255"]
)
def test_an_address_that_no_load_balancer_can_have(address: str) -> None:
    with fussy(dict.fromkeys(NAMES, (address,)), "empty") as server:
        look = looked(server)
    assert look["dns.usable-addresses"].level == FAIL
    assert address in look["dns.usable-addresses"].value
    assert look["dns.load-balancer"].level == BLOCKED
