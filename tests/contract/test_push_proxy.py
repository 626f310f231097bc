"""The push through a forward proxy: HTTPS_PROXY and NO_PROXY as everybody sets them, and clear words when it fails."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from installer_tasks.errors import InstallerError
from installer_tasks.rehearsal.bundle import SMALL, make_bundle
from installer_tasks.rehearsal.ca import PracticeCA
from installer_tasks.rehearsal.registry import RegistryServer
from installer_tasks.systems.bundle import ReleaseBundle, read_release_bundle
from installer_tasks.systems.registry import Reference, RegistryClient, push, verify
from tests.contract.connect_proxy import ConnectProxy

NAME = "registry.inside.example"


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> ReleaseBundle:
    return read_release_bundle(make_bundle(tmp_path_factory.mktemp("bundle") / "practice", scale=SMALL))


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> PracticeCA:
    return PracticeCA.load_or_create(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def server(tmp_path: Path, ca: PracticeCA) -> Iterator[RegistryServer]:
    files = ca.issue_files(tmp_path, "registry", (NAME, "localhost"))
    with RegistryServer(tmp_path / "registry", *files, auth="none") as running:
        running.create_project("tmc")
        yield running


@pytest.fixture(autouse=True)
def _no_proxies_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)


def port_of(server: RegistryServer) -> int:
    return int(server.host.rpartition(":")[2])


@pytest.mark.parametrize("password", ["", "p%40ss word"])
def test_everything_arrives_by_way_of_the_proxy(
    server: RegistryServer, ca: PracticeCA, release: ReleaseBundle, monkeypatch: pytest.MonkeyPatch, password: str
) -> None:
    place = f"{NAME}:{port_of(server)}"
    user, shown = ("jump", password.replace("%40", "@").replace(" ", " ")) if password else ("", "")
    with ConnectProxy({place: port_of(server)}, user=user, password=shown) as proxy:
        login = f"jump:{password.replace(' ', '%20')}@" if password else ""
        monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("//", f"//{login}"))
        client = RegistryClient(place, ca_pem=ca.ca_pem)
        target = Reference.parse(f"{place}/tmc")
        result = push(release, target, client)
        assert result.images == release.image_count
        assert verify(release, target, client).is_complete
        client.close()
        assert set(proxy.asked) == {place}


def test_what_no_proxy_names_is_reached_without_it(
    server: RegistryServer, ca: PracticeCA, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = f"{NAME}:{port_of(server)}"
    with ConnectProxy({place: port_of(server)}) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", ".inside.example")
        client = RegistryClient(place, ca_pem=ca.ca_pem)
        with pytest.raises(InstallerError, match=r"inside\.example"):  # this machine does not know the name
            client.ping()
        client.close()
        here = RegistryClient(server.host, ca_pem=ca.ca_pem)
        here.ping()
        here.close()
        assert proxy.asked == []


@pytest.mark.parametrize(("user", "said"), [("jump", "407"), ("", "502")])
def test_a_proxy_that_refuses_is_named(
    server: RegistryServer, ca: PracticeCA, monkeypatch: pytest.MonkeyPatch, user: str, said: str
) -> None:
    place = f"{NAME}:{port_of(server)}"
    with ConnectProxy({}, user=user, password="right") as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        client = RegistryClient(place, ca_pem=ca.ca_pem)
        with pytest.raises(InstallerError) as failed:
            client.ping()
        client.close()
    assert "proxy" in str(failed.value.cause)
    assert said in f"{failed.value.cause} {failed.value.detail}"
    assert str(failed.value.remedy)
