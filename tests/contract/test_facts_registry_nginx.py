"""The registry's checks against Debian's docker-registry behind nginx: what a proxy does to a push is known before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from installer_tasks.preflight.checks import registry_trial
from tests.contract.docker_registry import PASSWORD, USERNAME, RunningRegistry, docker_registry
from tests.contract.looks import Look, all_of, look_at
from tests.contract.nginx import nginx
from tests.contract.registry_client import Certificates, make_certificates

pytestmark = [
    pytest.mark.docker_registry,
    pytest.mark.program("docker-registry"),
    pytest.mark.program("nginx"),
]
#: No cluster is named here, so none of its workers pulls.
HEALTHY = all_of("registry", "pass") | {"registry.pull-on-nodes": "blocked"}
MIB = 1024**2


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[RunningRegistry]:
    with docker_registry(tmp_path / "registry") as running:
        yield running


def looked(
    folder: Path, certificates: Certificates, backend: str, *, limit: str, more: str = "", password: str = "none"
) -> Look:
    """Through an nginx with this limit, whose access log stays in `folder`."""
    tls = (certificates.certificate, certificates.key)
    with nginx(folder, backend, limit, tls=tls, more=more) as host:
        answers = {
            "registry.project": f"{host}/tmc",
            "registry.username": USERNAME,
            "registry.password": password,
            "registry.ca": certificates.ca.read_text(),
            "bundle.path": "/nowhere",
        }
        return look_at("registry", answers)


def test_a_proxy_without_a_limit_raises_nothing(
    registry: RunningRegistry, certificates: Certificates, tmp_path: Path
) -> None:
    look = looked(tmp_path / "nginx", certificates, registry.host, limit="0")
    assert look.levels == HEALTHY
    bodies = look.facts["bodies"]["value"]
    assert bodies["told"] and bodies["passes"] == bodies["asked"] == 16 * MIB


def test_the_usual_limit_means_parts_of_a_mebibyte(
    registry: RunningRegistry, certificates: Certificates, tmp_path: Path
) -> None:
    look = looked(tmp_path / "nginx", certificates, registry.host, limit="1m")
    assert look.levels == HEALTHY | {"registry.large-layers": "warn"}
    assert "chunks of 1 MiB" in str(look["registry.large-layers"].message)
    assert "nginx" in str(look["registry.large-layers"].cause)
    assert "client_max_body_size" in look["registry.large-layers"].command
    refused = [line for line in (tmp_path / "nginx" / "access.log").read_text().splitlines() if '" 413 ' in line]
    assert len(refused) == 2, "16 and 4 MiB were announced, 1 MiB was let through"
    assert not list(registry.folder.rglob("_uploads/*/data")), "an upload is still open"


def test_a_limit_below_every_part_and_one_with_parts_forbidden(
    registry: RunningRegistry, certificates: Certificates, tmp_path: Path
) -> None:
    small = looked(tmp_path / "small", certificates, registry.host, limit="100k")
    assert small.levels == HEALTHY | {"registry.large-layers": "fail"}
    forbidden = "limit_except GET POST PUT DELETE { deny all; }"
    closed = looked(tmp_path / "closed", certificates, registry.host, limit="1m", more=forbidden)
    assert closed.levels == HEALTHY | {"registry.large-layers": "fail"}
    assert "403" in closed.says("registry.large-layers")


def test_a_proxy_with_nothing_behind_it(certificates: Certificates, tmp_path: Path) -> None:
    look = looked(tmp_path / "nginx", certificates, "127.0.0.1:1", limit="1m")
    assert look.levels == all_of("registry", "blocked") | {"registry.reachable": "fail"}
    assert "502" in look.says("registry.reachable")


@pytest.mark.program("htpasswd")
def test_with_passwords_and_the_limit_there_is_one_red_line(certificates: Certificates, tmp_path: Path) -> None:
    with docker_registry(tmp_path / "registry", auth=True) as closed:
        look = looked(tmp_path / "nginx", certificates, closed.host, limit="1m", password=PASSWORD)
    assert [name for name, level in look.levels.items() if level == "fail"] == ["registry.project"]
    assert {look.levels[check.name] for check in registry_trial.CHECKS} == {"blocked"}
