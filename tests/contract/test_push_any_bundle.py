"""Any bundle: what was pushed is what the bundle holds, and what skopeo would have pushed."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from installer_tasks.systems.bundle import find_archive, read_imgpkg_tar
from installer_tasks.systems.registry import Reference, push, verify
from tests.contract.docker_registry import RunningRegistry, docker_registry
from tests.unit.imgpkg_tar import DOCKER_MANIFEST, MadeImage, MadeIndex, digest, layer, write_imgpkg_tar

pytestmark = [pytest.mark.docker_registry, pytest.mark.program("docker-registry")]
SIZES = (0, 1, 511, 40_000, 1_100_000)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    with docker_registry(tmp_path_factory.mktemp("registry")) as running:
        yield running


@st.composite
def images(draw: st.DrawFn, name: str) -> MadeImage:
    """Layers from a small pool, so that they are shared, doubled inside one image, and sometimes none at all."""
    numbers = draw(st.lists(st.integers(0, len(SIZES) - 1), max_size=4))
    data = [layer(str(number), SIZES[number]) if number else b"" for number in numbers]
    return MadeImage(name, data, {"made": draw(st.text(max_size=3))}, tag=draw(st.sampled_from(["", "t"])))


@st.composite
def archives(draw: st.DrawFn) -> list[list[MadeImage | MadeIndex]]:
    made: list[list[MadeImage | MadeIndex]] = []
    for number in range(draw(st.integers(1, 3))):
        name = f"example.test/a{number}"
        plain = draw(st.lists(images(name), min_size=1, max_size=3, unique_by=lambda image: image.digest))
        for position, image in enumerate(plain):
            image.tag = f"{image.tag}{position}" if image.tag else ""
        elements: list[MadeImage | MadeIndex] = [*plain]
        if draw(st.booleans()):
            elements.append(MadeIndex(name, plain, tag="all"))
        made.append(elements)
    return made


_number = iter(range(10**6))


@settings(max_examples=12, deadline=None)
@given(made=archives())
def test_what_is_there_is_what_was_in_it(
    registry: RunningRegistry,
    tmp_path_factory: pytest.TempPathFactory,
    made: list[list[MadeImage | MadeIndex]],
) -> None:
    folder = tmp_path_factory.mktemp("any")
    read = [
        read_imgpkg_tar(write_imgpkg_tar(folder / f"{number}.tar", elements)).placed_at(f"r{number}")
        for number, elements in enumerate(made)
    ]
    target = Reference(registry.host, f"p{next(_number)}")
    client = registry.client()
    result = push(read, target, client)
    assert verify(read, target, client).is_complete
    unique = {blob.digest: blob.size for archive in read for blob in archive.blobs.values()}
    assert result.bytes_sent == sum(unique.values())
    assert result.blobs_sent == len(unique)
    for number, elements in enumerate(made):
        for element in elements:
            found = client.get_manifest(target.repository(f"r{number}"), element.digest)
            assert found is not None
            assert found.raw == element.manifest
    assert push(read, target, client).blobs_sent == 0
    client.close()


@pytest.mark.program("skopeo")
def test_the_same_by_digest_as_skopeo_copies(registry: RunningRegistry, tmp_path: Path) -> None:
    """One OCI layout with an index, pushed by both."""
    parts = [MadeImage("x/multi", [layer(name, 900)]) for name in ("amd64", "arm64")]
    index = MadeIndex("x/multi", parts)
    layout = tmp_path / "layout"
    (layout / "blobs" / "sha256").mkdir(parents=True)
    (layout / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    document = json.loads(index.manifest)
    for entry, architecture in zip(document["manifests"], ("amd64", "arm64"), strict=True):
        entry["platform"] = {"architecture": architecture, "os": "linux"}
    raw = json.dumps(document).encode()
    for data in (raw, *(part for image in parts for part in (image.manifest, image.config, *image.layers))):
        (layout / "blobs" / "sha256" / digest(data)[7:]).write_bytes(data)
    top = {"mediaType": document["mediaType"], "digest": digest(raw), "size": len(raw)}
    named = {**top, "annotations": {"org.opencontainers.image.ref.name": "1.0"}}
    (layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [named]}))

    theirs = f"docker://{registry.host}/skopeo/multi:1.0"
    command = [
        "skopeo",
        "copy",
        "-q",
        "--all",
        "--insecure-policy",
        "--dest-tls-verify=false",
        f"oci:{layout}:1.0",
        theirs,
    ]
    subprocess.run(command, check=True, capture_output=True)
    client = registry.client()
    archive = find_archive(layout)
    assert archive is not None
    push(archive.placed_at("multi"), Reference(registry.host, "ours"), client)
    assert client.head_manifest("ours/multi", "1.0") == client.head_manifest("skopeo/multi", "1.0") == digest(raw)
    for image in parts:
        assert client.head_manifest("ours/multi", image.digest) == image.digest
    assert DOCKER_MANIFEST in {entry["mediaType"] for entry in document["manifests"]}
    client.close()
