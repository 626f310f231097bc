"""Practice systems for the stages; and the test database, which threads and other processes share here.

SQLite's must be a file, not memory.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from installer_tasks.plan import Plan
from installer_tasks.rehearsal.bundle import SMALL, make_bundle
from installer_tasks.rehearsal.ca import PracticeCA
from installer_tasks.rehearsal.dns import DnsServer
from installer_tasks.rehearsal.edge import Edge, tmc_routes
from installer_tasks.rehearsal.identity import Client, IdentityServer
from installer_tasks.rehearsal.registry import RegistryServer, User, practice_users
from installer_tasks.runs.stages import acceptance, packages_and_pods
from installer_tasks.runs.stages.base import Context
from installer_tasks.systems.registry import RegistryClient
from tests.answers import ANSWERS
from tests.engine.heard import Heard
from tests.engine.memory_cluster import MemoryCluster, practice_cluster
from tests.engine.stage_world import RELEASE, ZONE

_database = settings.DATABASES["default"]
if _database["ENGINE"].endswith("sqlite3"):
    # Read when the test database is made, which is after all tests are collected.
    _database.setdefault("TEST", {})["NAME"] = str(Path(os.environ["TMC_INSTALLER_STATE"]) / "tests.sqlite3")


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> PracticeCA:
    return PracticeCA.load_or_create(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("bundle") / "tmc", scale=SMALL)


@pytest.fixture(scope="module")
def files(ca: PracticeCA, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return ca.issue_files(tmp_path_factory.mktemp("tls"), "server", ["localhost", "127.0.0.1"])


@pytest.fixture
def admin() -> User:
    return next(user for user in practice_users() if user.role == "admin")


@pytest.fixture
def registry(tmp_path: Path, files: tuple[Path, Path], admin: User) -> Iterator[RegistryServer]:
    with RegistryServer(tmp_path / "registry", *files, users=[admin]) as server:
        yield server


@pytest.fixture
def idp(files: tuple[Path, Path]) -> Iterator[IdentityServer]:
    client = Client("tmc", ANSWERS["identity.client_secret"], [RELEASE.redirect_uri(ZONE)])
    with IdentityServer(*files, clients=[client], users=()) as server:
        yield server


@pytest.fixture
def edge(ca: PracticeCA, idp: IdentityServer) -> Iterator[Edge]:
    """Every public name answers."""
    with Edge(port=0) as edge:
        routes = tmc_routes(edge, ZONE, authorize_url=idp.authorization_endpoint, client_id="tmc")
        for name in RELEASE.public_names(ZONE):
            issued = ca.issue([name])
            edge.publish(name, issued.chain_pem, issued.key_pem, routes.get(name))
        yield edge


@pytest.fixture
def dns(edge: Edge) -> Iterator[DnsServer]:
    with DnsServer(ZONE) as server:
        for name in RELEASE.public_names(ZONE):
            server.set(name, edge.address)
        yield server


@pytest.fixture
def plan(
    ca: PracticeCA, bundle: Path, registry: RegistryServer, admin: User, idp: IdentityServer, dns: DnsServer
) -> Plan:
    answers = {
        **ANSWERS,
        "bundle.path": str(bundle),
        "registry.project": f"{registry.host}/tmc",
        "registry.username": admin.name,
        "registry.password": admin.password,
        "registry.ca": ca.ca_pem,
        "certificates.ca": ca.ca_pem,
        "identity.issuer_url": idp.issuer,
        "identity.ca": ca.ca_pem,
        "dns.server": dns.address,
    }
    return Plan.from_answers(answers)


@pytest.fixture
def cluster(ca: PracticeCA, plan: Plan, edge: Edge) -> MemoryCluster:
    return practice_cluster(RELEASE, ca, plan.project, (edge.address, edge.port))


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def context(plan: Plan, heard: Heard, cluster: MemoryCluster, tmp_path: Path) -> Iterator[Context]:
    folder = tmp_path / "17"
    folder.mkdir()
    context = Context(plan, heard, lambda: False, folder, {"cluster": cluster})
    yield context
    if isinstance(client := context.cache.get("registry"), RegistryClient):
        client.close()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages_and_pods, "INTERVAL", 0.01)
    monkeypatch.setattr(acceptance, "INTERVAL", 0.01)
    monkeypatch.setattr(acceptance, "DEADLINE", 0.05)
