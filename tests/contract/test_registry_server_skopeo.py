"""The practice registry passes for a registry to skopeo, with Basic and with tokens."""

from __future__ import annotations

import base64
import gzip
import io
import json
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from installer_tasks.rehearsal.registry import RegistryServer
from tests.contract.registry_client import (
    OCI_INDEX,
    OCI_MANIFEST,
    Certificates,
    descriptor,
    digest_of,
    image_manifest,
    make_certificates,
)
from tests.waiting import PATIENCE

pytestmark = pytest.mark.program("skopeo")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture(params=["token", "basic"])
def registry(request: pytest.FixtureRequest, tmp_path: Path, certificates: Certificates) -> Iterator[RegistryServer]:
    folder = tmp_path / "registry"
    with RegistryServer(folder, certificates.certificate, certificates.key, auth=request.param) as server:
        server.create_project("tmc", public=False)
        yield server


@pytest.fixture
def auth_file(registry: RegistryServer, tmp_path: Path) -> Path:
    user = registry.users["robot$tmc+pusher"]
    auth = base64.b64encode(f"{user.name}:{user.password}".encode()).decode()
    path = tmp_path / "auth.json"
    path.write_text(json.dumps({"auths": {registry.host: {"auth": auth}}}))
    path.chmod(0o600)
    return path


def skopeo(*arguments: object, auth_file: Path) -> subprocess.CompletedProcess[str]:
    command = ["skopeo", *map(str, arguments), "--authfile", str(auth_file)]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)


def layer(name: str, size: int) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        entry = tarfile.TarInfo(name)
        entry.size = size
        tar.addfile(entry, io.BytesIO(b"x" * size))
    return gzip.compress(archive.getvalue(), mtime=0)


def write_layout(folder: Path) -> str:
    """An OCI layout with an index of two platforms that share a layer; the index's digest."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def put(content: bytes) -> bytes:
        (blobs / digest_of(content).partition(":")[2]).write_bytes(content)
        return content

    shared, entries = put(layer("shared", 200_000)), []
    for platform in ("amd64", "arm64"):
        own = put(layer(platform, 1000))
        diff_ids = [digest_of(gzip.decompress(content)) for content in (shared, own)]
        document: dict[str, Any] = {"architecture": platform, "os": "linux"}
        config = put(json.dumps({**document, "rootfs": {"type": "layers", "diff_ids": diff_ids}}).encode())
        manifest = put(image_manifest(config, shared, own))
        entries.append({**descriptor(OCI_MANIFEST, manifest), "platform": document})
    index = put(json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}).encode())
    top = {**descriptor(OCI_INDEX, index), "annotations": {"org.opencontainers.image.ref.name": "v1"}}
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [top]}))
    (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    return digest_of(index)


def test_copy_inspect_list_and_copy_back(
    registry: RegistryServer, certificates: Certificates, auth_file: Path, tmp_path: Path
) -> None:
    digest = write_layout(tmp_path / "layout")
    source, image = f"oci:{tmp_path / 'layout'}:v1", f"docker://{registry.host}/tmc/some/image"
    trust = certificates.folder

    pushed = skopeo("copy", "--all", source, f"{image}:v1", "--dest-cert-dir", trust, auth_file=auth_file)
    again = skopeo("copy", "--all", source, f"{image}:v2", "--dest-cert-dir", trust, auth_file=auth_file)
    raw = skopeo("inspect", "--raw", f"{image}:v1", "--cert-dir", trust, auth_file=auth_file)
    shown = skopeo("inspect", f"{image}@{digest}", "--cert-dir", trust, auth_file=auth_file)
    tags = skopeo("list-tags", image, "--cert-dir", trust, auth_file=auth_file)
    back = skopeo(
        "copy", "--all", f"{image}:v1", f"oci:{tmp_path / 'back'}:v1", "--src-cert-dir", trust, auth_file=auth_file
    )

    assert pushed.returncode == again.returncode == 0, pushed.stderr + again.stderr
    assert digest_of(raw.stdout.encode()) == digest
    assert json.loads(shown.stdout)["Digest"] == digest, shown.stderr
    assert json.loads(tags.stdout)["Tags"] == ["v1", "v2"]
    assert back.returncode == 0, back.stderr
    assert _blobs(tmp_path / "back") == _blobs(tmp_path / "layout")
    assert set(registry.received.values()) == {1}


def _blobs(layout: Path) -> set[str]:
    return {path.name for path in (layout / "blobs" / "sha256").iterdir()}


def test_wrong_password_and_missing_project_are_refused(
    registry: RegistryServer, certificates: Certificates, auth_file: Path, tmp_path: Path
) -> None:
    write_layout(tmp_path / "layout")
    source, trust = f"oci:{tmp_path / 'layout'}:v1", certificates.folder
    missing = f"docker://{registry.host}/missing/image:v1"

    no_project = skopeo("copy", source, missing, "--dest-cert-dir", trust, auth_file=auth_file)
    auth_file.write_text(json.dumps({"auths": {registry.host: {"auth": base64.b64encode(b"admin:wrong").decode()}}}))
    image = f"docker://{registry.host}/tmc/image:v1"
    wrong = skopeo("copy", source, image, "--dest-cert-dir", trust, auth_file=auth_file)

    assert no_project.returncode != 0
    assert wrong.returncode != 0 and "unauthorized" in wrong.stderr.lower()


def test_unknown_ca_is_refused(registry: RegistryServer, auth_file: Path) -> None:
    result = skopeo("inspect", f"docker://{registry.host}/tmc/image:v1", auth_file=auth_file)
    assert result.returncode != 0 and "certificate" in result.stderr
