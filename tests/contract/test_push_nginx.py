"""A real nginx in front with its usual limit of 1 MiB for bodies: other tools stop at 413, ours goes on in parts."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from installer_tasks.systems.bundle import read_imgpkg_tar
from installer_tasks.systems.registry import Reference, RegistryClient, push, verify
from tests.bench.content import TAG, make_layouts
from tests.contract.docker_registry import RunningRegistry, docker_registry
from tests.contract.nginx import nginx
from tests.unit.imgpkg_tar import MadeImage, layer, write_imgpkg_tar

pytestmark = [
    pytest.mark.docker_registry,
    pytest.mark.program("docker-registry"),
    pytest.mark.program("nginx"),
]


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[RunningRegistry]:
    with docker_registry(tmp_path / "registry") as running:
        yield running


def test_a_push_succeeds_in_parts(registry: RunningRegistry, tmp_path: Path) -> None:
    layers = [layer("large", 9_000_000), layer("middle", 2_500_000), layer("small", 30_000)]
    image = MadeImage("example.test/app", layers, tag="1")
    archive = read_imgpkg_tar(write_imgpkg_tar(tmp_path / "app.tar", [image])).placed_at("app")
    with nginx(tmp_path / "nginx", registry.host) as host:
        client, target = RegistryClient(host, plain_http=True), Reference(host, "tmc")
        push(archive, target, client)
        assert verify(archive, target, client).missing == ()
        client.close()
    # what nginx refused never came here: parts of at most a mebibyte did
    assert sum(line.startswith("PATCH") for line in registry.requests()) >= 9
    refused = (tmp_path / "nginx" / "access.log").read_text().count('" 413 ')
    assert 1 <= refused <= 2 * 6, "the size is learned once, by those bodies that were on their way"


@pytest.mark.program("skopeo")
def test_the_limit_is_real(registry: RunningRegistry, tmp_path: Path) -> None:
    layout = next(make_layouts(tmp_path / "content", 1, 8_000_000).iterdir())
    with nginx(tmp_path / "nginx", registry.host) as host:
        command = ["skopeo", "--insecure-policy", "copy", "-q", "--dest-tls-verify=false"]
        done = subprocess.run(
            [*command, f"oci:{layout}:{TAG}", f"docker://{host}/tmc/app:1"], capture_output=True, text=True, check=False
        )
    assert done.returncode != 0
    assert "413" in done.stderr
