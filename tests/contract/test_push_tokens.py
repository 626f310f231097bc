"""docker-registry with its own token authentication: it checks signatures, scopes and lives itself."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from installer_tasks.systems.bundle import Archive, ReleaseBundle, read_imgpkg_tar, read_release_bundle
from installer_tasks.systems.registry import PushOptions, Reference, RegistryClient, errors, push, verify
from tests.contract.docker_registry import docker_registry
from tests.contract.token_service import PASSWORD, USERNAME, token_service
from tests.unit.imgpkg_tar import MadeImage, layer, write_imgpkg_tar, write_release

pytestmark = [pytest.mark.docker_registry, pytest.mark.program("docker-registry")]


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> ReleaseBundle:
    return read_release_bundle(write_release(tmp_path_factory.mktemp("release")))


def test_tokens_of_twenty_seconds(tmp_path: Path, release: ReleaseBundle) -> None:
    with (
        token_service(tmp_path / "tokens", said=20) as service,
        docker_registry(tmp_path / "registry", tokens=service.configuration()) as registry,
    ):
        client = RegistryClient(registry.host, USERNAME, PASSWORD, plain_http=True)
        target = Reference(registry.host, "deep/tmc")
        push(release, target, client)
        assert verify(release, target, client).is_complete
        assert push(release, target, client).blobs_sent == 0
        client.close()
    repositories = {image.repository for archive in release.archives for image in archive.images}
    assert any(len(scopes) == 2 for scopes in service.given), "a mount's scopes are asked for together"
    assert len(service.given) <= 4 * len(repositories) + 4, "tokens are kept, not asked for with each request"


def test_tokens_that_the_registry_refuses_in_mid_push(tmp_path: Path) -> None:
    "The service says 20 s, the registry grants about one: each later refusal is returned with a new token."
    archive = _many_small(tmp_path)
    with (
        token_service(tmp_path / "tokens", said=20, real=1.5) as service,
        docker_registry(tmp_path / "registry", tokens=service.configuration()) as registry,
    ):
        client = RegistryClient(registry.host, USERNAME, PASSWORD, plain_http=True)
        target = Reference(registry.host, "tmc")
        begun = time.monotonic()
        rounds = 0
        while time.monotonic() - begun < 3:  # so long that tokens must have died, however fast this machine is
            rounds += 1
            options = PushOptions(control_threads=1, body_threads=1)
            push(archive.placed_at(f"app-{rounds}"), target, client, options=options)
        assert verify(archive.placed_at("app-1"), target, client).is_complete
        client.close()
    assert len(service.given) > len(set(service.given)), "tokens for the same scopes were replaced"


def test_a_wrong_password(tmp_path: Path, release: ReleaseBundle) -> None:
    with (
        token_service(tmp_path / "tokens") as service,
        docker_registry(tmp_path / "registry", tokens=service.configuration()) as registry,
    ):
        client = RegistryClient(registry.host, USERNAME, "wr0ng", plain_http=True)
        with pytest.raises(errors.Unauthorized) as caught:
            push(release, Reference(registry.host, "tmc"), client)
        client.close()
    assert "wr0ng" not in str(caught.value.as_json())
    assert service.given == []


def _many_small(folder: Path) -> Archive:
    layers = [layer(f"{number}", 500) for number in range(60)]
    return read_imgpkg_tar(write_imgpkg_tar(folder / "app.tar", [MadeImage("example.test/app", layers, tag="1")]))
