"""The practice load balancer: what a browser, curl and the acceptance checks will find on the public names."""

from __future__ import annotations

import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from installer_tasks import releases
from installer_tasks.errors import SystemFailure, TlsFailure, Unreachable
from installer_tasks.plan import Plan
from installer_tasks.rehearsal.ca import PracticeCA
from installer_tasks.rehearsal.edge import UNAVAILABLE, Edge, page, tmc_routes
from installer_tasks.rehearsal.identity import Client, IdentityServer, practice_people
from installer_tasks.runs.stages import endpoints
from installer_tasks.systems import certificates, http, identity
from tests.answers import WITH_DIRECTORY
from tests.waiting import PATIENCE

ZONE = "tmc.example"
NAMES = releases.get("1.4.1").public_names(ZONE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("edge")


@pytest.fixture(scope="module")
def ca(folder: Path) -> PracticeCA:
    return PracticeCA.load_or_create(folder / "ca")


@pytest.fixture
def edge() -> Iterator[Edge]:
    with Edge(port=0) as running:
        yield running


def publish(edge: Edge, ca: PracticeCA, authorize_url: str = "https://localhost:1/authorize") -> None:
    routes = tmc_routes(edge, ZONE, authorize_url=authorize_url, client_id="tmc")
    for name in NAMES:
        issued = ca.issue([name])
        edge.publish(name, issued.chain_pem, issued.key_pem, routes.get(name))


def get(edge: Edge, ca: PracticeCA, url: str) -> http.Response:
    return http.fetch(url, ca_pem=ca.ca_pem, address_override=edge.address, timeout=PATIENCE)


def test_it_has_an_address_of_its_own_on_loopback(edge: Edge) -> None:
    assert edge.address.startswith("127.")
    assert edge.address != "127.0.0.1"
    with Edge(port=0) as other:
        assert other.address != edge.address


def test_a_name_answers_once_it_is_published_and_no_longer_when_withdrawn(edge: Edge, ca: PracticeCA) -> None:
    url = edge.origin(f"auth.{ZONE}")
    for _round in range(2):
        with pytest.raises(TlsFailure) as failure:
            get(edge, ca, url)
        assert failure.value.code == "tls-name-not-served"
        publish(edge, ca)
        assert get(edge, ca, url).status == 200
        edge.withdraw(f"auth.{ZONE}")
    assert get(edge, ca, edge.origin(ZONE)).status == 200


def test_every_public_name_answers_with_its_own_certificate(edge: Edge, ca: PracticeCA) -> None:
    publish(edge, ca)
    assert edge.published == tuple(sorted(NAMES))
    assert len(NAMES) == 12
    for name in NAMES:
        assert get(edge, ca, edge.origin(name)).status == 200
        found = certificates.verify_endpoint(edge.address, edge.port, server_name=name, ca_pem=ca.ca_pem)
        assert certificates.describe(found.chain[0])["sans"] == [name]


@pytest.mark.program("curl")
def test_curl_gets_the_console(edge: Edge, ca: PracticeCA) -> None:
    publish(edge, ca)
    command = ["curl", "-sS", "--noproxy", "*", "--cacert", str(ca.ca_file), "-w", "%{http_code}",
               "--resolve", f"{ZONE}:{edge.port}:{edge.address}", edge.origin(ZONE)]  # fmt: skip
    outcome = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert outcome.stdout.endswith("200"), outcome.stderr
    assert "Tanzu Mission Control" in outcome.stdout


def test_a_certificate_that_was_renewed_is_presented(edge: Edge, ca: PracticeCA) -> None:
    publish(edge, ca)
    before = certificates.peer_chain(edge.address, edge.port, server_name=ZONE)
    publish(edge, ca)
    assert certificates.peer_chain(edge.address, edge.port, server_name=ZONE)[0] != before[0]


def test_pinniped_describes_itself(edge: Edge, ca: PracticeCA) -> None:
    publish(edge, ca)
    issuer = f"{edge.origin(f'pinniped-supervisor.{ZONE}')}/provider/pinniped"
    document = http.json_object(get(edge, ca, issuer + identity.WELL_KNOWN))
    assert document["issuer"] == issuer
    assert document["authorization_endpoint"] == f"{issuer}/oauth2/authorize"


def test_signing_in_leads_from_the_landing_page_to_the_provider_and_back(
    edge: Edge, ca: PracticeCA, folder: Path
) -> None:
    files = ca.issue_files(folder, "identity", ["localhost"])
    callback = f"{edge.origin(f'pinniped-supervisor.{ZONE}')}/provider/pinniped/callback"
    people = practice_people({"ada": "a", "mo": "m", "nia": "n"})
    with IdentityServer(*files, clients=[Client("tmc", "secret", [callback])], users=people) as provider:
        publish(edge, ca, provider.authorization_endpoint)
        login = f"{edge.origin(f'auth.{ZONE}')}/api/v1/login"
        assert f'href="{login}"' in get(edge, ca, f"{edge.origin(f'landing.{ZONE}')}/landing").text()
        to_pinniped = get(edge, ca, login)
        assert to_pinniped.status == 307
        to_provider = get(edge, ca, to_pinniped.headers["location"])
        assert to_provider.status == 302
        asked = parse_qs(urlsplit(to_provider.headers["location"]).query)
        assert (asked["client_id"], asked["redirect_uri"]) == (["tmc"], [callback])
        form = {"username": "ada", "password": "a"}
        back = http.fetch(to_provider.headers["location"], ca_pem=ca.ca_pem, form=form)
        assert back.headers["location"].startswith(f"{callback}?code=")
        to_auth = get(edge, ca, back.headers["location"])
        assert to_auth.headers["location"].startswith(edge.origin(f"auth.{ZONE}"))
        assert get(edge, ca, to_auth.headers["location"]).headers["location"] == edge.origin(ZONE)


def test_with_a_directory_the_sign_in_service_asks_itself(edge: Edge, ca: PracticeCA) -> None:
    routes = tmc_routes(edge, ZONE, authorize_url="https://localhost:1/", client_id="tmc", directory=True)
    for name in NAMES:
        issued = ca.issue([name])
        edge.publish(name, issued.chain_pem, issued.key_pem, routes.get(name))
    plan = Plan.from_answers({**WITH_DIRECTORY, "dns.zone": ZONE, "certificates.ca": ca.ca_pem})
    message, evidence = endpoints.sign_in(plan, endpoints.Ingress(edge.address, edge.port))
    assert "name and password" in str(message)
    assert [urlsplit(hop).path for hop in evidence["hops"]] == [
        "/api/v1/login",
        "/provider/pinniped/oauth2/authorize",
        "/provider/pinniped/login",
    ]


def test_a_plan_with_a_directory_is_not_proven_by_a_provider(edge: Edge, ca: PracticeCA) -> None:
    publish(edge, ca)
    plan = Plan.from_answers({**WITH_DIRECTORY, "dns.zone": ZONE, "certificates.ca": ca.ca_pem})
    with pytest.raises(SystemFailure) as raised:
        endpoints.sign_in(plan, endpoints.Ingress(edge.address, edge.port))
    assert raised.value.value == "localhost"


def test_a_request_for_another_name_on_the_connection_is_misdirected(edge: Edge, ca: PracticeCA) -> None:
    publish(edge, ca)
    response = http.fetch(
        edge.origin(ZONE), ca_pem=ca.ca_pem, address_override=edge.address, headers={"Host": "other.example"}
    )
    assert response.status == 421


def test_a_connection_without_a_name_gets_no_handshake(edge: Edge, ca: PracticeCA) -> None:
    publish(edge, ca)
    context = certificates.ssl_context(ca.ca_pem)
    context.check_hostname = False
    with socket.create_connection((edge.address, edge.port), timeout=PATIENCE) as raw, pytest.raises(ssl.SSLError):
        context.wrap_socket(raw)


def test_a_silent_client_holds_up_nobody(edge: Edge, ca: PracticeCA) -> None:
    publish(edge, ca)
    with socket.create_connection((edge.address, edge.port), timeout=PATIENCE):
        assert get(edge, ca, edge.origin(ZONE)).status == 200


def test_stopped_it_is_gone_and_comes_back_where_it_was(ca: PracticeCA) -> None:
    edge = Edge(port=0).start()
    address, port = edge.address, edge.port
    publish(edge, ca)
    edge.stop()
    with pytest.raises(Unreachable):
        get(edge, ca, edge.origin(ZONE))
    with edge:
        assert (edge.address, edge.port) == (address, port)
        assert get(edge, ca, edge.origin(ZONE)).status == 200


def test_the_port_is_named_only_where_it_is_not_443() -> None:
    class On443(Edge):
        @property
        def port(self) -> int:
            return 443

    assert On443().origin("tmc.example") == "https://tmc.example"


def test_a_fault_is_asked_for_at_every_request(ca: PracticeCA) -> None:
    class Switch:
        on = False

        def active(self, name: str) -> bool:
            return self.on and name == UNAVAILABLE

    switch = Switch()
    with Edge(port=0, faults=switch) as edge:
        issued = ca.issue([ZONE])
        edge.publish(ZONE, issued.chain_pem, issued.key_pem, {"/health": page("health")})
        assert get(edge, ca, f"{edge.origin(ZONE)}/health").status == 200
        assert get(edge, ca, f"{edge.origin(ZONE)}/other").status == 404
        switch.on = True
        assert get(edge, ca, f"{edge.origin(ZONE)}/health").status == 503
