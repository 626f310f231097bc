"""The imgpkg tar: read where it lies, byte for byte, and refused when it is not what it should be."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from installer_tasks.errors import Cancelled, InstallerError
from installer_tasks.systems.bundle import (
    CutShort,
    Damaged,
    FileSource,
    NotABundle,
    UnsafeArchive,
    read_imgpkg_tar,
    verify,
)
from installer_tasks.systems.bundle.lock import MAX_BUNDLE_LAYER
from installer_tasks.systems.bundle.model import BlobReader
from tests.unit.imgpkg_tar import (
    MadeImage,
    MadeIndex,
    add_entry,
    bundle,
    digest,
    file_layer,
    layer,
    layers_of,
    package_repository,
    write_imgpkg_tar,
)


def one_image(**changes: Any) -> MadeImage:
    return MadeImage("example.test/app", [layer("a", 2000), layer("b", 500)], **changes)


def test_manifests_are_kept_byte_for_byte(tmp_path: Path) -> None:
    image = one_image(tag="1.0")
    archive = read_imgpkg_tar(write_imgpkg_tar(tmp_path / "a.tar", [image]))
    assert archive.manifests[image.digest].raw == image.manifest
    assert archive.images[0].tags == (f"{image.digest.replace(':', '-')}.imgpkg", "1.0")
    assert archive.origin == "example.test/app"


def test_layers_are_found_at_their_offset(tmp_path: Path) -> None:
    elements = package_repository()
    archive = read_imgpkg_tar(write_imgpkg_tar(tmp_path / "a.tar", elements))
    for name, data in layers_of(elements).items():
        source = archive.blobs[name].source
        assert isinstance(source, FileSource)
        with BlobReader(source) as reader:
            assert b"".join(reader.blocks()) == data


def test_a_shared_layer_counts_once(tmp_path: Path) -> None:
    shared = layer("shared", 9000)
    images = [MadeImage(f"example.test/{name}", [shared, layer(name, 10)]) for name in "abc"]
    archive = read_imgpkg_tar(write_imgpkg_tar(tmp_path / "a.tar", [*images]))
    sizes = {digest(data): len(data) for image in images for data in (*image.layers, image.config)}
    assert archive.total_bytes == sum(sizes.values())


def test_children_of_an_index_are_found(tmp_path: Path) -> None:
    index = MadeIndex("example.test/multi", [one_image(), MadeImage("example.test/multi", [layer("arm", 10)])])
    archive = read_imgpkg_tar(write_imgpkg_tar(tmp_path / "a.tar", [index]))
    assert {image.digest for image in archive.images} == {index.digest}
    assert set(archive.manifests) == {index.digest, *(image.digest for image in index.images)}
    assert [child.digest for child in archive.manifests[index.digest].children] == [
        image.digest for image in index.images
    ]
    assert archive.missing == ()


def test_the_root_bundle_is_the_labelled_one(tmp_path: Path) -> None:
    elements = package_repository("1.4.1")
    archive = read_imgpkg_tar(write_imgpkg_tar(tmp_path / "a.tar", list(reversed(elements))))
    assert (archive.root, archive.tag) == (elements[0].digest, "1.4.1")


def test_the_root_bundle_is_found_without_label(tmp_path: Path) -> None:
    inner = one_image()
    nested = bundle("example.test/nested", [inner])
    root = bundle("example.test/root", [nested])
    archive = read_imgpkg_tar(write_imgpkg_tar(tmp_path / "a.tar", [inner, nested, root]))
    assert archive.root == root.digest


def test_each_bundle_gets_its_image_of_locations(tmp_path: Path) -> None:
    """What imgpkg reads: one Docker layer with image-locations.yml, naming images as the lock does."""
    inner, nested_image = one_image(), MadeImage("example.test/other", [layer("c", 5)])
    nested = bundle("example.test/nested", [nested_image])
    root = bundle("example.test/root", [inner, nested])
    archive = read_imgpkg_tar(write_imgpkg_tar(tmp_path / "a.tar", [root, nested, inner, nested_image]))
    tags = {tag: image.digest for image in archive.images for tag in image.tags if "locations" in tag}
    assert set(tags) == {f"{made.digest.replace(':', '-')}.image-locations.imgpkg" for made in (root, nested)}

    manifest = archive.manifests[tags[f"{root.digest.replace(':', '-')}.image-locations.imgpkg"]]
    (packed,) = manifest.blobs[1:]
    assert packed.media_type == "application/vnd.docker.image.rootfs.diff.tar.gzip"
    with BlobReader(archive.blobs[packed.digest].source) as reader:
        content = gzip.decompress(b"".join(reader.blocks()))
    with tarfile.open(fileobj=io.BytesIO(content)) as opened:
        file = opened.extractfile("image-locations.yml")
        assert file is not None
        locations = yaml.safe_load(file.read())
    assert locations["kind"] == "ImageLocations"
    assert locations["apiVersion"] == "imgpkg.carvel.dev/v1alpha1"
    assert locations["images"] == [
        {"image": inner.reference, "isBundle": False},
        {"image": nested.reference, "isBundle": True},
    ]


def test_images_of_locations_are_the_same_each_time(tmp_path: Path) -> None:
    path = write_imgpkg_tar(tmp_path / "a.tar", package_repository())
    assert read_imgpkg_tar(path) == read_imgpkg_tar(path)


def test_a_layer_that_is_not_in_the_tar_is_reported(tmp_path: Path) -> None:
    image = one_image()
    absent = digest(image.layers[0])
    archive = read_imgpkg_tar(write_imgpkg_tar(tmp_path / "a.tar", [image], leave_out=absent))
    assert [(item.digest, item.size, item.needed_by) for item in archive.missing] == [
        (absent, len(image.layers[0]), image.digest)
    ]


def test_a_foreign_layer_may_be_absent(tmp_path: Path) -> None:
    image = one_image()
    document = json.loads(image.manifest)
    document["layers"][0]["mediaType"] = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
    image.__dict__["manifest"] = json.dumps(document).encode()
    archive = read_imgpkg_tar(write_imgpkg_tar(tmp_path / "a.tar", [image], leave_out=digest(image.layers[0])))
    assert archive.missing == ()


@pytest.mark.parametrize("cut", [1, 700, 1500])
def test_a_tar_cut_short_says_how_much_is_missing(tmp_path: Path, cut: int) -> None:
    path = write_imgpkg_tar(tmp_path / "a.tar", [one_image()])
    whole = path.read_bytes().rstrip(b"\0")
    path.write_bytes(whole[:-cut])
    with pytest.raises(CutShort) as caught:
        read_imgpkg_tar(path)
    assert caught.value.field == "bundle.path"
    assert "a.tar" in str(caught.value.cause)


def test_wrong_bytes_of_the_right_size_are_found_by_verify(tmp_path: Path) -> None:
    image = one_image()
    path = write_imgpkg_tar(tmp_path / "a.tar", [image])
    archive = read_imgpkg_tar(path)
    assert verify(archive).is_sound
    source = archive.blobs[digest(image.layers[1])].source
    assert isinstance(source, FileSource)
    with path.open("r+b") as file:
        file.seek(source.offset)
        file.write(bytes(source.size))
    result = verify(archive)
    assert [(item.digest, item.file) for item in result.damaged] == [(digest(image.layers[1]), str(path))]


def test_verify_counts_and_can_be_cancelled(tmp_path: Path) -> None:
    archive = read_imgpkg_tar(write_imgpkg_tar(tmp_path / "a.tar", [one_image()]))
    counted: list[int] = []
    assert verify(archive, on_bytes=counted.append).bytes_read == sum(counted) == archive.total_bytes
    with pytest.raises(Cancelled):
        verify(archive, cancelled=lambda: True)


def write_raw(path: Path, listing: object, layers: dict[str, bytes] | None = None) -> Path:
    with tarfile.open(path, "w:", format=tarfile.USTAR_FORMAT) as archive:
        add_entry(archive, "manifest.json", listing if isinstance(listing, bytes) else json.dumps(listing).encode())
        for name, data in (layers or {}).items():
            add_entry(archive, f"{name.replace(':', '-')}.tar.gz", data)
    return path


def changed(image: MadeImage, *keys: str, value: object) -> list[dict[str, Any]]:
    """The listing of one image with one value changed."""
    element = image.element()
    place = element
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    return [{"Image": element, "ImageIndex": None}]


ELEMENT = one_image()
WRONG = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    "listing",
    [
        b"not json",
        b"[" * 100_000,
        {},
        [None],
        [{}],
        [{"Image": {}}],
        [{"Image": None, "ImageIndex": {"Images": "x"}}],
        [{"ImageIndex": {"Images": [7]}}],
        changed(ELEMENT, "Manifest", "Digest", value=WRONG),
        changed(ELEMENT, "Manifest", "Digest", value="sha256:../../etc/passwd"),
        changed(ELEMENT, "Manifest", "Raw", value=7),
        changed(ELEMENT, "Manifest", "Raw", value="{}"),
        changed(ELEMENT, "Config", "Digest", value=WRONG),
        changed(ELEMENT, "Config", "Raw", value="{}"),
        changed(ELEMENT, "Config", value=None),
        changed(ELEMENT, "Refs", value="x"),
        changed(ELEMENT, "Refs", value=[None]),
        changed(ELEMENT, "Labels", value=1),
    ],
    ids=range(18),
)
def test_a_listing_that_lies_is_damaged(tmp_path: Path, listing: object) -> None:
    path = write_raw(tmp_path / "a.tar", listing, layers_of([ELEMENT]))
    with pytest.raises(Damaged):
        read_imgpkg_tar(path)


def test_a_layer_of_another_size_is_damaged(tmp_path: Path) -> None:
    element = [{"Image": ELEMENT.element()}]
    layers = {name: data + b"x" for name, data in layers_of([ELEMENT]).items()}
    with pytest.raises(Damaged):
        read_imgpkg_tar(write_raw(tmp_path / "a.tar", element, layers))


def test_an_ordinary_tar_is_no_archive_of_images(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w:") as archive:
        add_entry(archive, "readme.txt", b"hello")
    with pytest.raises(NotABundle):
        read_imgpkg_tar(path)


def test_a_bundle_that_unpacks_to_gigabytes_is_refused(tmp_path: Path) -> None:
    bomb = gzip.compress(bytes(MAX_BUNDLE_LAYER + 10), compresslevel=9)
    image = MadeImage("example.test/bomb", [bomb], {"dev.carvel.imgpkg.bundle": "true"})
    with pytest.raises(Damaged):
        read_imgpkg_tar(write_imgpkg_tar(tmp_path / "a.tar", [image]))


@pytest.mark.parametrize(
    "lock", [b"images: [", b"images: [{image: no-digest}]", b"images: [3]", b"!!python/object:os.system {}"]
)
def test_a_lock_that_makes_no_sense_is_damaged(tmp_path: Path, lock: bytes) -> None:
    made = MadeImage("example.test/b", [file_layer({".imgpkg/images.yml": lock})], {"dev.carvel.imgpkg.bundle": "true"})
    with pytest.raises(Damaged):
        read_imgpkg_tar(write_imgpkg_tar(tmp_path / "a.tar", [made]))


def test_every_refusal_says_what_to_do(tmp_path: Path) -> None:
    path = write_raw(tmp_path / "a.tar", b"no")
    with pytest.raises(InstallerError) as caught:
        read_imgpkg_tar(path)
    assert str(caught.value.cause)
    assert str(caught.value.remedy)
    assert caught.value.value == str(path)
    assert not isinstance(caught.value, UnsafeArchive)
