"""The practice bundle into the practice registry: tokens, roles, projects, Harbor's API, read-only mode."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from installer_tasks.rehearsal.bundle import SMALL, make_bundle
from installer_tasks.rehearsal.registry import RegistryServer, User, practice_users
from installer_tasks.systems.bundle import ReleaseBundle, read_release_bundle
from installer_tasks.systems.registry import Harbor, Reference, RegistryClient, errors, push, push_trial, verify
from tests.contract.registry_client import Certificates, make_certificates


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> ReleaseBundle:
    return read_release_bundle(make_bundle(tmp_path_factory.mktemp("bundle") / "practice", scale=SMALL))


@pytest.fixture
def users() -> dict[str, User]:
    return {user.role: user for user in practice_users()}


@pytest.fixture(params=["token", "basic"])
def server(
    request: pytest.FixtureRequest, tmp_path: Path, certificates: Certificates, users: dict[str, User]
) -> Iterator[RegistryServer]:
    with RegistryServer(
        tmp_path / "registry",
        certificates.certificate,
        certificates.key,
        auth=request.param,
        users=tuple(users.values()),
    ) as running:
        running.create_project("tmc")
        yield running


def as_user(server: RegistryServer, user: User, certificates: Certificates) -> RegistryClient:
    return RegistryClient(server.host, user.name, user.password, certificates.ca.read_text())


def target(server: RegistryServer, project: str = "tmc") -> Reference:
    return Reference.parse(f"{server.host}/{project}")


@pytest.mark.parametrize("role", ["admin", "developer", "robot"])
def test_everything_arrives_once(
    server: RegistryServer, certificates: Certificates, users: dict[str, User], release: ReleaseBundle, role: str
) -> None:
    client = as_user(server, users[role], certificates)
    result = push(release, target(server), client)
    assert result.bytes_sent == release.total_bytes
    assert set(server.received.values()) == {1}
    assert server.has("tmc/package-repository", release.version)
    assert verify(release, target(server), client).missing == ()
    assert push(release, target(server), client).blobs_sent == 0
    client.close()


def test_who_may_only_read_is_told_so(
    server: RegistryServer, certificates: Certificates, users: dict[str, User], release: ReleaseBundle
) -> None:
    client = as_user(server, users["reader"], certificates)
    with pytest.raises(errors.Denied):
        push(release, target(server), client)
    with pytest.raises(errors.Denied):
        push_trial(client, "tmc")
    client.close()


def test_a_project_that_is_not_there(
    server: RegistryServer, certificates: Certificates, users: dict[str, User], release: ReleaseBundle
) -> None:
    client = as_user(server, users["developer"], certificates)
    with pytest.raises(errors.ProjectMissing):
        push(release, target(server, "nowhere"), client)
    client.close()


def test_a_trial_is_removed_where_that_is_allowed(
    server: RegistryServer, certificates: Certificates, users: dict[str, User]
) -> None:
    client = as_user(server, users["admin"], certificates)
    assert push_trial(client, "tmc").removed
    client.close()


def test_harbor_is_recognised_and_its_projects_found(
    server: RegistryServer, certificates: Certificates, users: dict[str, User]
) -> None:
    client = as_user(server, users["admin"], certificates)
    harbor = Harbor(client)
    info = harbor.system_info()
    assert info is not None
    assert not info.read_only
    assert harbor.project_exists("tmc")
    assert not harbor.project_exists("other")
    assert harbor.project("other") is None
    assert harbor.create_project("other")
    assert not harbor.create_project("other")
    made = harbor.project("other")
    assert made is not None
    assert made.public
    quota = harbor.quota(made)
    assert quota is not None
    assert (quota.used, quota.limit, quota.free) == (0, None, None)
    client.close()


def test_a_robot_may_not_create_projects(
    server: RegistryServer, certificates: Certificates, users: dict[str, User]
) -> None:
    client = as_user(server, users["robot"], certificates)
    with pytest.raises(errors.Denied):
        Harbor(client).create_project("other")
    client.close()


def test_a_quota_that_is_too_small(
    server: RegistryServer, certificates: Certificates, users: dict[str, User], release: ReleaseBundle
) -> None:
    server.create_project("small", storage_limit=20_000)
    client = as_user(server, users["developer"], certificates)
    project = Harbor(client).project("small")
    assert project is not None
    with pytest.raises(errors.QuotaExceeded):
        push(release, target(server, "small"), client)
    client.close()
