"""Readers of archives on documents and bytes that nobody would write: a typed error or a right result, in little memory."""

from __future__ import annotations

import copy
import json
import tarfile
import tracemalloc
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from installer_tasks.errors import InstallerError
from installer_tasks.systems.bundle import find_archive, read_bundle, read_imgpkg_tar
from installer_tasks.systems.bundle.folder import repository_name
from installer_tasks.systems.bundle.manifests import digest_of, parse_manifest
from installer_tasks.systems.bundle.oci import read_oci_folder
from installer_tasks.systems.registry.plan import make_plan
from installer_tasks.systems.registry.reference import Reference
from tests.unit.imgpkg_tar import MadeImage, MadeIndex, add_entry, digest, layer, package_repository, write_imgpkg_tar

ENOUGH = 16 << 20  #: bytes of memory for reading an archive of some kilobytes, whatever it claims
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=8),
    st.just("sha256:" + "0" * 64),
)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
Path_ = tuple[str | int, ...]


def places(document: Any, so_far: Path_ = ()) -> Iterator[Path_]:
    """Every place in a document that can be replaced."""
    yield so_far
    for key, value in (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    ):
        yield from places(value, (*so_far, key))


def changed(data: st.DataObject, document: Any) -> Any:
    """The document with something else, or nothing, in one or two places."""
    made = copy.deepcopy(document)
    for _change in range(data.draw(st.integers(1, 2))):
        at = data.draw(st.sampled_from(sorted(places(made), key=repr)))
        if not at:
            return data.draw(anything)
        inner = made
        for key in at[:-1]:
            inner = inner[key]
        if isinstance(inner, dict) and data.draw(st.booleans()):
            del inner[at[-1]]
        else:
            inner[at[-1]] = data.draw(anything)
        if not isinstance(made, dict | list):
            return made
    return made


IMAGE = MadeImage("example.test/app", [layer("a", 300), layer("b", 50)], tag="1")
INDEX = MadeIndex("example.test/app", [IMAGE], tag="all")


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_manifests(data: st.DataObject) -> None:
    document = changed(data, json.loads(data.draw(st.sampled_from([IMAGE.manifest, INDEX.manifest]))))
    raw = json.dumps(document).encode()
    with suppress(InstallerError):
        manifest = parse_manifest(Path("x"), raw, digest_of(raw))
        assert manifest.raw == raw


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_listings_of_imgpkg(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    elements = package_repository(size=200, images=1)
    listing = [
        {"Image": None, "ImageIndex": element.element()}
        if isinstance(element, MadeIndex)
        else {"Image": element.element()}
        for element in elements
    ]
    path = tmp_path_factory.mktemp("fuzz") / "a.tar"
    with tarfile.open(path, "w:") as archive:
        add_entry(archive, "manifest.json", json.dumps(changed(data, listing)).encode())
        add_entry(archive, f"{digest(layer('shared', 200)).replace(':', '-')}.tar.gz", layer("shared", 200))
    with suppress(InstallerError):
        read_imgpkg_tar(path)


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_oci_layouts(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("fuzz")
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    (folder / "oci-layout").write_text("{}")
    raw = json.dumps(changed(data, json.loads(IMAGE.manifest))).encode()
    for content in (raw, IMAGE.config, *IMAGE.layers):
        (blobs / digest(content)[7:]).write_bytes(content)
    named = {"org.opencontainers.image.ref.name": "1"}
    index = {"manifests": [{"digest": digest(raw), "size": len(raw), "mediaType": "", "annotations": named}]}
    (folder / "index.json").write_text(json.dumps(changed(data, index) if data.draw(st.booleans()) else index))
    with suppress(InstallerError):
        read_oci_folder(folder)


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_docker_archives(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    config = json.dumps(changed(data, json.loads(IMAGE.config))).encode()
    listing = [{"Config": "c.json", "RepoTags": ["app:1"], "Layers": ["a/layer.tar", "b/layer.tar"]}]
    path = tmp_path_factory.mktemp("fuzz") / "a.tar"
    with tarfile.open(path, "w:") as archive:
        add_entry(archive, "manifest.json", json.dumps(changed(data, listing)).encode())
        add_entry(archive, "c.json", config)
        for name, content in zip("ab", IMAGE.layers, strict=True):
            add_entry(archive, f"{name}/layer.tar", content)
    with suppress(InstallerError):
        find_archive(path)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_bytes_in_little_memory(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Single bytes of a real archive changed, mostly in headers, where sizes and kinds are."""
    path = write_imgpkg_tar(tmp_path_factory.mktemp("fuzz") / "a.tar", package_repository(size=200, images=1))
    content = bytearray(path.read_bytes())
    for _change in range(data.draw(st.integers(1, 6))):
        record = data.draw(st.integers(0, len(content) // 512 - 1))
        content[record * 512 + data.draw(st.integers(0, 511))] = data.draw(st.integers(0, 255))
        _sum_right(content, record * 512)
    path.write_bytes(content)
    tracemalloc.start()
    try:
        with suppress(InstallerError):
            find_archive(path)
        assert tracemalloc.get_traced_memory()[1] < ENOUGH
    finally:
        tracemalloc.stop()


def _sum_right(content: bytearray, at: int) -> None:
    """A header whose checksum is right again is read on, which is where it gets interesting."""
    if content[at + 257 : at + 262] == b"ustar":
        content[at + 148 : at + 156] = b" " * 8
        content[at + 148 : at + 156] = b"%06o\0 " % sum(content[at : at + 512])


def test_ten_thousand_images(tmp_path: Path) -> None:
    """Read and planned in little memory: a kilobyte or two for each."""
    folder = tmp_path / "many"
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    shared = MadeImage("x/y", [layer("a", 100)])
    for content in (shared.config, *shared.layers):
        (blobs / digest(content)[7:]).write_bytes(content)
    entries = []
    for number in range(10_000):
        raw = json.dumps({**json.loads(shared.manifest), "annotations": {"number": str(number)}}).encode()
        (blobs / digest(raw)[7:]).write_bytes(raw)
        named = {"io.containerd.image.name": f"example.test/app-{number}:1"}
        entries.append({"digest": digest(raw), "size": len(raw), "annotations": named})
    (folder / "oci-layout").write_text("{}")
    (folder / "index.json").write_text(json.dumps({"manifests": entries}))
    tracemalloc.start()
    try:
        plan = make_plan(read_bundle(folder), Reference.parse("registry.example.com/tmc"))
        assert tracemalloc.get_traced_memory()[1] < 10_000 * 8192
    finally:
        tracemalloc.stop()
    assert len(plan.images) == 10_000
    assert plan.total_bytes == len(shared.config) + len(shared.layers[0])


@settings(max_examples=200)
@given(st.text(max_size=60))
def test_every_name_becomes_one_that_registries_take(origin: str) -> None:
    name = repository_name(origin)
    if name:
        assert Reference.parse(f"registry.example.com/tmc/{name}").path == f"tmc/{name}"


@pytest.mark.parametrize(
    ("origin", "name"),
    [
        ("registry.example.com:5000/a/b", "registry.example.com_5000/a/b"),
        ("My Image (1)", "my_image__1"),
        ("a..b/__c__/-d-", "a-b/c/d"),
        ("../../etc", "etc"),
        ("a__b---c", "a__b---c"),
    ],
)
def test_names_that_need_changing(origin: str, name: str) -> None:
    assert repository_name(origin) == name


def test_an_archive_with_a_name_that_registries_do_not_take(tmp_path: Path) -> None:
    from tests.unit.test_bundle_layouts import write_layout

    folder = write_layout(tmp_path / "My App (final)", IMAGE)
    plan = make_plan(read_bundle(folder), Reference.parse("registry.example.com/tmc"))
    assert [image.repository for image in plan.images] == ["tmc/my_app__final"]


def test_nothing_to_push_says_so(tmp_path: Path) -> None:
    (tmp_path / "readme.txt").write_text("hello")
    for path in (tmp_path, tmp_path / "readme.txt", tmp_path / "absent"):
        with pytest.raises(InstallerError) as caught:
            read_bundle(path)
        assert str(path) in str(caught.value.cause)


def test_a_folder_of_archives(tmp_path: Path) -> None:
    write_imgpkg_tar(tmp_path / "one.tar", [MadeImage("example.test/one", [layer("a", 10)], tag="1")])
    write_imgpkg_tar(tmp_path / "deep" / "two.tar", [MadeImage("example.test/two", [layer("b", 10)], tag="1")])
    (tmp_path / "notes.txt").write_text("no archive")
    plan = make_plan(read_bundle(tmp_path), Reference.parse("registry.example.com/tmc"))
    assert {image.repository for image in plan.images} == {"tmc/example.test/one", "tmc/example.test/two"}


@pytest.mark.parametrize("odd", [[], float("nan"), float("inf"), "many"])
def test_an_index_with_odd_values_beside_the_digest_is_no_crash(tmp_path: Path, odd: object) -> None:
    """Found by the fuzzer."""
    digest = f"sha256:{'0' * 64}"
    (tmp_path / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    entry = {"digest": digest, "size": odd, "annotations": odd}
    (tmp_path / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    with pytest.raises(InstallerError):
        read_oci_folder(tmp_path)
