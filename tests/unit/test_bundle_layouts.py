"""OCI layouts and docker archives: what skopeo writes is read, links are followed with care, lies are refused."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from installer_tasks.systems.bundle import Archive, Damaged, UnsafeArchive, find_archive, verify
from installer_tasks.systems.bundle.docker import read_docker_archive
from installer_tasks.systems.bundle.oci import read_oci_folder, read_oci_tar
from tests.unit.imgpkg_tar import (
    DOCKER_MANIFEST,
    MadeImage,
    MadeIndex,
    add_entry,
    digest,
    layer,
    package_repository,
    write_imgpkg_tar,
)


def write_layout(folder: Path, *made: MadeImage | MadeIndex, annotations: list[dict[str, str]] | None = None) -> Path:
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    entries = []
    for number, top in enumerate(made):
        images = top.images if isinstance(top, MadeIndex) else [top]
        for data in (
            top.manifest,
            *(part for image in images for part in (image.manifest, image.config, *image.layers)),
        ):
            (blobs / digest(data)[7:]).write_bytes(data)
        entry: dict[str, Any] = {"digest": top.digest, "size": len(top.manifest), "mediaType": DOCKER_MANIFEST}
        entries.append({**entry, "annotations": annotations[number] if annotations else {}})
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": entries}))
    return folder


IMAGE = MadeImage("x/app", [layer("a", 900), layer("b", 50)])
INDEX = MadeIndex("x/multi", [IMAGE, MadeImage("x/multi", [layer("arm", 70)])])


def test_a_layout_as_folder_and_as_tar(tmp_path: Path) -> None:
    folder = write_layout(tmp_path / "layout", IMAGE, INDEX)
    with tarfile.open(tmp_path / "layout.tar", "w:") as archive:
        archive.add(folder, ".")
    as_folder, as_tar = find_archive(folder), find_archive(tmp_path / "layout.tar")
    assert as_folder is not None
    assert as_tar is not None
    for found in (as_folder, as_tar):
        assert {image.digest for image in found.images} == {IMAGE.digest, INDEX.digest}
        assert found.missing == ()
        assert found.manifests[IMAGE.digest].raw == IMAGE.manifest
        assert verify(found).is_sound


@pytest.mark.parametrize(
    ("annotations", "repository", "tag"),
    [
        ({"org.opencontainers.image.ref.name": "1.0"}, "", "1.0"),
        ({"org.opencontainers.image.ref.name": "host:5000/a/b:1.0"}, "host:5000/a/b", "1.0"),
        ({"io.containerd.image.name": "host/a/b:2", "org.opencontainers.image.ref.name": "2"}, "host/a/b", "2"),
        ({"org.opencontainers.image.ref.name": "host:5000/a/b"}, "host:5000/a/b", ""),
        ({"org.opencontainers.image.ref.name": "no tag at all!"}, "", ""),
        ({}, "", ""),
    ],
)
def test_names_of_images(tmp_path: Path, annotations: dict[str, str], repository: str, tag: str) -> None:
    (image,) = read_oci_folder(write_layout(tmp_path / "l", IMAGE, annotations=[annotations])).images
    assert (image.repository, image.tags) == (repository, (tag,) if tag else ())


def test_two_tags_of_one_image(tmp_path: Path) -> None:
    names = [{"org.opencontainers.image.ref.name": tag} for tag in ("1", "latest")]
    (image,) = read_oci_folder(write_layout(tmp_path / "l", IMAGE, IMAGE, annotations=names)).images
    assert image.tags == ("1", "latest")


def test_a_layout_without_some_platforms_says_so(tmp_path: Path) -> None:
    folder = write_layout(tmp_path / "l", INDEX)
    (folder / "blobs" / "sha256" / INDEX.images[1].digest[7:]).unlink()
    assert [item.digest for item in read_oci_folder(folder).missing] == [INDEX.images[1].digest]


def test_a_layout_with_wrong_content(tmp_path: Path) -> None:
    for number, (path, data) in enumerate(
        [
            ("index.json", b"{}"),
            ("index.json", b'{"manifests":[{"digest":"sha256:../../../etc/passwd"}]}'),
            (f"blobs/sha256/{IMAGE.digest[7:]}", b"{}"),
            (f"blobs/sha256/{digest(IMAGE.layers[0])[7:]}", b"short"),
        ]
    ):
        folder = write_layout(tmp_path / str(number), IMAGE)
        (folder / path).write_bytes(data)
        with pytest.raises(Damaged):
            read_oci_folder(folder)


def test_links_in_layouts_are_refused(tmp_path: Path) -> None:
    folder = write_layout(tmp_path / "l", IMAGE)
    blob = folder / "blobs" / "sha256" / digest(IMAGE.layers[0])[7:]
    blob.rename(tmp_path / "elsewhere")
    blob.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UnsafeArchive):
        read_oci_folder(folder)
    with tarfile.open(tmp_path / "l.tar", "w:") as archive:
        archive.add(folder, ".")
    with pytest.raises(UnsafeArchive):
        read_oci_tar(tmp_path / "l.tar")


def docker_archive(
    path: Path, layers: dict[str, bytes | str], diff_ids: list[str], tags: list[str] | None = None
) -> Path:
    """An archive whose layers are bytes, or the target of a symbolic link."""
    config = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": diff_ids}})
    name = f"{hashlib.sha256(config.encode()).hexdigest()}.json"
    with tarfile.open(path, "w:", format=tarfile.USTAR_FORMAT) as archive:
        add_entry(archive, name, config.encode())
        for layer_name, content in layers.items():
            if isinstance(content, bytes):
                add_entry(archive, layer_name, content)
            else:
                link = tarfile.TarInfo(layer_name)
                link.type, link.linkname = tarfile.SYMTYPE, content
                archive.addfile(link)
        listing = [{"Config": name, "RepoTags": tags or ["host:5000/a/app:1"], "Layers": list(layers)}]
        add_entry(archive, "manifest.json", json.dumps(listing).encode())
    return path


PLAIN = gzip.decompress(layer("plain", 700))


def test_docker_layers_as_they_lie_there(tmp_path: Path) -> None:
    packed = gzip.compress(PLAIN, mtime=0)
    path = docker_archive(tmp_path / "d.tar", {"one/layer.tar": PLAIN, "two.tar": packed}, [digest(PLAIN)] * 2)
    found = find_archive(path)
    assert found is not None
    assert found.kind == "docker-archive"
    (image,) = found.images
    assert (image.repository, image.tags) == ("host:5000/a/app", ("1",))
    types = {blob.digest: blob.media_type for blob in found.manifests[image.digest].blobs[1:]}
    assert types[digest(PLAIN)] == "application/vnd.oci.image.layer.v1.tar"
    assert types[digest(packed)] == "application/vnd.oci.image.layer.v1.tar+gzip"
    assert verify(found).is_sound


def test_a_docker_layer_that_is_a_link_to_another(tmp_path: Path) -> None:
    layers: dict[str, bytes | str] = {"one/layer.tar": PLAIN, "two/layer.tar": "../one/layer.tar"}
    found = read_docker_archive(docker_archive(tmp_path / "d.tar", layers, [digest(PLAIN)] * 2))
    assert found.missing == ()
    assert len(found.blobs) == 2


@pytest.mark.parametrize(
    ("layers", "count", "kind"),
    [
        ({"a.tar": "b.tar", "b.tar": "a.tar"}, 2, UnsafeArchive),
        ({"a.tar": "../../../etc/passwd"}, 1, Damaged),
        ({"a.tar": PLAIN}, 2, Damaged),
    ],
    ids=["circle", "outside", "other-number"],
)
def test_docker_archives_that_lie(
    tmp_path: Path, layers: dict[str, bytes | str], count: int, kind: type[Exception]
) -> None:
    with pytest.raises(kind):
        read_docker_archive(docker_archive(tmp_path / "d.tar", layers, [digest(PLAIN)] * count))


def test_a_docker_layer_with_other_bytes_is_found_by_verify(tmp_path: Path) -> None:
    found = read_docker_archive(docker_archive(tmp_path / "d.tar", {"a.tar": PLAIN + bytes(512)}, [digest(PLAIN)]))
    assert not verify(found).is_sound


@pytest.mark.program("skopeo")
@pytest.mark.parametrize("kind", ["oci", "oci-archive", "docker-archive"])
def test_what_skopeo_writes(tmp_path: Path, kind: str) -> None:
    """From one image in skopeo's `dir:` form to each of the three, and back through our readers."""
    source = tmp_path / "dir"
    source.mkdir()
    (source / "version").write_text("Directory Transport Version: 1.1\n")
    (source / "manifest.json").write_bytes(IMAGE.manifest)
    for data in (IMAGE.config, *IMAGE.layers):
        (source / digest(data)[7:]).write_bytes(data)
    destination = tmp_path / "out"
    command = [shutil.which("skopeo") or "skopeo", "copy", "-q", "--insecure-policy", f"dir:{source}"]
    subprocess.run([*command, f"{kind}:{destination}:example.test/app:1.0"], check=True, capture_output=True)
    found = find_archive(destination)
    assert found is not None
    assert len(found.images) == 1
    assert found.images[0].tags == ("1.0",)
    assert found.missing == ()
    assert verify(found).is_sound


def test_what_is_no_archive(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello" * 500)
    with tarfile.open(tmp_path / "plain.tar", "w:") as archive:
        archive.addfile(tarfile.TarInfo("file"), io.BytesIO())
    (tmp_path / "packed.tgz").write_bytes(layer("x", 10))
    for path in (tmp_path / "text", tmp_path / "plain.tar", tmp_path / "packed.tgz", tmp_path, tmp_path / "nowhere"):
        assert find_archive(path) is None


def test_the_kind_of_each(tmp_path: Path) -> None:
    imgpkg = find_archive(write_imgpkg_tar(tmp_path / "i.tar", package_repository()))
    assert isinstance(imgpkg, Archive)
    assert imgpkg.kind == "imgpkg"
