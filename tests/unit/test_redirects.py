"""Where a Location header can lead our requests: never to another host with what is ours."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from installer_tasks.rehearsal.ca import Issued, PracticeCA
from installer_tasks.systems import http
from installer_tasks.systems.registry.errors import ForeignLocation
from installer_tasks.systems.registry.transport import Transport
from tests import hostile
from tests.serving import serving


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> PracticeCA:
    return PracticeCA.load_or_create(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def issued(ca: PracticeCA) -> Issued:
    return ca.issue(["localhost"])


ROOT = Path(__file__).resolve().parent.parent.parent


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self.server.heard.append((self.path, self.headers.get("Authorization", "")))
        self.send_response(302 if self.server.location else 401)
        self.send_header("Location", self.server.location)
        self.end_headers()
        self.wfile.write(b"words of a system that nobody has named")

    def log_message(self, *args: object) -> None:
        """Quiet."""


class _Server(ThreadingHTTPServer):
    location = ""
    heard: list[tuple[str, str]]


@contextmanager
def listening(location: str = "") -> Iterator[_Server]:
    server = _Server(("127.0.0.1", 0), _Handler)
    server.location, server.heard = location, []
    with serving(server):
        yield server


def transport(server: _Server) -> Transport:
    return Transport(f"127.0.0.1:{server.server_port}", "robot", "its password", None, plain_http=True)


def test_a_path_with_two_slashes_is_no_host() -> None:
    """`Location: //registry//other:1/v2/` had the Basic password sent to `other`."""
    with listening() as registry, listening() as other:
        there = transport(registry)
        place = f"//127.0.0.1//127.0.0.1:{other.server_port}/v2/"
        address = there.resolve(place, "/v2/tmc/blobs/uploads/")
        there.request("GET", address)
        assert other.heard == []
        assert [path.lstrip("/") for path, _ in registry.heard] == [f"127.0.0.1:{other.server_port}/v2/"]


def test_an_upload_that_is_sent_to_another_host_is_refused() -> None:
    with listening() as registry, pytest.raises(ForeignLocation):
        transport(registry).resolve("//other.example/v2/", "/v2/tmc/blobs/uploads/")


def test_a_redirected_download_takes_no_password_along_and_shows_no_words() -> None:
    with listening() as other, listening(f"http://127.0.0.1:{other.server_port}/blob") as registry:
        answer = transport(registry).request("GET", "/v2/tmc/blobs/x")
        assert other.heard == [("/blob", "")]
        assert registry.heard[0][1].startswith("Basic ")
        assert answer.status == 401
        assert "nobody has named" not in answer.detail


def test_discovery_is_not_sent_to_another_host_or_port(ca: PracticeCA, issued: Issued, tmp_path: Path) -> None:
    with listening() as other:
        onward = f"https://127.0.0.1:{other.server_port}/x"
        moved = hostile.answering(status="302 Found", headers=f"Location: {onward}\r\n")
        with hostile.serving(moved, issued, tmp_path) as port:
            response = http.follow(f"https://localhost:{port}/", ca_pem=ca.ca_pem)
        assert response.status == 302


def test_no_address_inside_a_certificate_is_ever_fetched() -> None:
    """AIA and CRL distribution points: the product does not even read them."""
    words = {
        "AuthorityInformationAccess",
        "CRLDistributionPoints",
        "AUTHORITY_INFORMATION_ACCESS",
        "VERIFY_CRL_CHECK_LEAF",
    }
    for path in (ROOT / "installer_tasks").rglob("*.py"):
        names = {getattr(node, "attr", getattr(node, "id", "")) for node in ast.walk(ast.parse(path.read_text()))}
        assert not names & words, path
