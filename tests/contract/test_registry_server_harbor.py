"""The part of Harbor's project API that the installer uses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from installer_tasks.rehearsal.registry import READ_ONLY, UNAVAILABLE, RegistryServer
from tests.contract.registry_client import Certificates, Client, Reply, make_certificates

API = "/api/v2.0"
ROBOT = "robot$tmc+pusher"


class Switches:
    def __init__(self) -> None:
        self.on: set[str] = set()

    def active(self, name: str) -> bool:
        return name in self.on


class Estate:
    def __init__(self, registry: RegistryServer, certificates: Certificates, faults: Switches) -> None:
        self.registry = registry
        self.faults = faults
        self.certificates = certificates

    def __call__(self, user: str, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        known = self.registry.users[user] if user else None
        with Client(self.registry.port, self.certificates.ca, known) as client:
            return client(method, path, json.dumps(body) if body is not None else None, **headers)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def harbor(tmp_path: Path, certificates: Certificates) -> Iterator[Estate]:
    faults = Switches()
    server = RegistryServer(
        tmp_path / "registry", certificates.certificate, certificates.key, faults=faults, ca_file=certificates.ca
    )
    with server as registry:
        registry.create_project("tmc")
        registry.create_project("private", public=False)
        yield Estate(registry, certificates, faults)


def test_health_and_version_are_for_anybody(harbor: Estate) -> None:
    health = harbor("", "GET", f"{API}/health").json()
    assert health["status"] == "healthy"
    assert {component["name"] for component in health["components"]} >= {"core", "registry", "database"}
    assert harbor("", "GET", f"{API}/ping").body == b"Pong"
    assert harbor("", "GET", "/api/version").json() == {"version": "v2.0"}


def test_system_information_says_more_to_users(harbor: Estate) -> None:
    anonymous = harbor("", "GET", f"{API}/systeminfo").json()
    user = harbor(ROBOT, "GET", f"{API}/systeminfo").json()
    assert "harbor_version" in anonymous and "read_only" not in anonymous
    assert (user["read_only"], user["external_url"]) == (False, harbor.registry.url)


def test_certificate_is_the_ca(harbor: Estate) -> None:
    assert harbor("", "GET", f"{API}/systeminfo/getcert").body == harbor.certificates.ca.read_bytes()


def test_head_tells_whether_a_project_is_there(harbor: Estate) -> None:
    assert harbor("developer", "HEAD", f"{API}/projects?project_name=tmc").status == 200
    assert harbor("developer", "HEAD", f"{API}/projects?project_name=missing").status == 404
    assert harbor("", "HEAD", f"{API}/projects?project_name=missing").status == 401


def test_list_matches_part_of_the_name(harbor: Estate) -> None:
    harbor.registry.create_project("tmc-old")
    reply = harbor("developer", "GET", f"{API}/projects?name=tmc")
    assert [project["name"] for project in reply.json()] == ["tmc", "tmc-old"]
    assert reply.headers["X-Total-Count"] == "2"
    assert reply.json()[0]["metadata"]["public"] == "true"


def test_list_comes_in_pages(harbor: Estate) -> None:
    reply = harbor("admin", "GET", f"{API}/projects?page=2&page_size=1")
    assert [project["name"] for project in reply.json()] == ["private"]


def test_anonymous_sees_public_projects_only(harbor: Estate) -> None:
    assert [project["name"] for project in harbor("", "GET", f"{API}/projects").json()] == ["tmc"]
    assert harbor("", "GET", f"{API}/projects/private").status == 401


def test_project_by_name_and_number(harbor: Estate) -> None:
    by_name = harbor("developer", "GET", f"{API}/projects/private").json()
    by_number = harbor("developer", "GET", f"{API}/projects/{by_name['project_id']}").json()
    assert by_name == by_number and by_name["metadata"] == {"public": "false"}
    assert harbor("developer", "GET", f"{API}/projects/missing").code() == "NOT_FOUND"


def test_project_whose_name_is_a_number(harbor: Estate) -> None:
    harbor.registry.create_project("2024")
    assert harbor("developer", "GET", f"{API}/projects/2024").status == 404
    reply = harbor("developer", "GET", f"{API}/projects/2024", X_Is_Resource_Name="true")
    assert reply.json()["name"] == "2024"


@pytest.mark.parametrize(
    ("extra", "public"),
    [({"metadata": {"public": "true"}, "storage_limit": -1}, "true"), ({"public": True}, "true"), ({}, "false")],
)
def test_administrator_makes_a_project(harbor: Estate, extra: dict[str, Any], public: str) -> None:
    reply = harbor("admin", "POST", f"{API}/projects", {"project_name": "new", **extra})
    assert reply.status == 201
    made = harbor("admin", "GET", reply.headers["Location"]).json()
    assert (made["name"], made["metadata"]["public"]) == ("new", public)


def test_project_can_not_be_made_twice(harbor: Estate) -> None:
    reply = harbor("admin", "POST", f"{API}/projects", {"project_name": "tmc"})
    assert (reply.status, reply.code()) == (409, "CONFLICT")


@pytest.mark.parametrize(("user", "status"), [("developer", 403), (ROBOT, 403), ("reader", 403), ("", 401)])
def test_others_may_not_make_projects(harbor: Estate, user: str, status: int) -> None:
    assert harbor(user, "POST", f"{API}/projects", {"project_name": "new"}).status == status
    assert harbor("admin", "GET", f"{API}/projects/new").status == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"project_name": "Upper"}, 400),
        ({"project_name": "a", "metadata": {"public": "maybe"}}, 400),
        ({}, 422),
        ([], 422),
        (7, 422),
    ],
)
def test_bad_project_is_refused(harbor: Estate, body: Any, status: int) -> None:
    assert harbor("admin", "POST", f"{API}/projects", body).status == status


def test_summary_and_quota_count_unique_bytes(harbor: Estate) -> None:
    with Client(harbor.registry.port, harbor.certificates.ca, harbor.registry.users["developer"]) as client:
        client.push_image("tmc/one", "v1", b"x" * 1000)
        before = harbor("developer", "GET", f"{API}/projects/tmc/summary").json()
        client.push_image("tmc/two", "v1", b"x" * 1000)
    after = harbor("developer", "GET", f"{API}/projects/tmc/summary").json()
    quota = harbor("admin", "GET", f"{API}/quotas?reference=project&reference_id=1").json()

    assert (before["repo_count"], after["repo_count"]) == (1, 2)
    assert before["quota"]["used"] == after["quota"]["used"] == quota[0]["used"]
    assert before["quota"]["used"]["storage"] > 1000
    assert [entry["ref"]["name"] for entry in quota] == ["tmc"]


def test_robot_sees_no_quota(harbor: Estate) -> None:
    assert harbor(ROBOT, "GET", f"{API}/quotas").status == 403
    assert "quota" not in harbor(ROBOT, "GET", f"{API}/projects/tmc/summary").json()


def test_quota_refuses_after_the_bytes_were_sent(harbor: Estate) -> None:
    harbor.registry.create_project("small", storage_limit=1000)
    with Client(harbor.registry.port, harbor.certificates.ca, harbor.registry.users["developer"]) as client:
        client.push_blob("small/one", b"x" * 600)
        reply = client("PUT", client.location("small/two") + "&digest=sha256:" + "0" * 64, b"y" * 600)
        again = client.push_blob("small/two", b"x" * 600)  # the project has it already: costs nothing
    assert (reply.status, reply.code()) == (403, "DENIED")
    assert "will exceed the configured upper limit" in reply.json()["errors"][0]["message"]
    assert again


def test_read_only_mode(harbor: Estate) -> None:
    harbor.faults.on.add(READ_ONLY)
    push = harbor("developer", "POST", "/v2/tmc/one/blobs/uploads/")
    assert (push.status, push.code()) == (403, "DENIED")
    assert "read only mode" in push.json()["errors"][0]["message"]
    assert harbor("developer", "GET", f"{API}/systeminfo").json()["read_only"] is True
    assert harbor("admin", "POST", f"{API}/projects", {"project_name": "new"}).status == 403
    harbor.faults.on.clear()
    assert harbor("developer", "POST", "/v2/tmc/one/blobs/uploads/").status == 202


def test_unavailable_answers_html(harbor: Estate) -> None:
    harbor.faults.on.add(UNAVAILABLE)
    reply = harbor("developer", "GET", "/v2/")
    assert (reply.status, reply.headers["Content-Type"]) == (503, "text/html")


def test_current_user(harbor: Estate) -> None:
    assert harbor("admin", "GET", f"{API}/users/current").json() == {"username": "admin", "sysadmin_flag": True}
    assert harbor(ROBOT, "GET", f"{API}/users/current").status == 401


def test_unknown_path(harbor: Estate) -> None:
    assert harbor("admin", "GET", f"{API}/nothing").code() == "NOT_FOUND"
    assert b"<title>Harbor</title>" in harbor("", "GET", "/").body
