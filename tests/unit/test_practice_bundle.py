"""The practice bundle is what imgpkg writes (facts: image-push.md 1.1), read here by a reader that is not ours."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import subprocess
import tarfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from installer_tasks import releases
from installer_tasks.errors import Conflict
from installer_tasks.rehearsal.bundle import FULL, SMALL, STAMP, make_bundle
from installer_tasks.rehearsal.bundle_images import random_layer, stored_gzip

ROOT_LABEL = "dev.carvel.imgpkg.copy.root-bundle"
BUNDLE_LABEL = "dev.carvel.imgpkg.bundle"


def sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@dataclass
class Tar:
    """An imgpkg tar as Python's own tarfile reads it."""

    path: Path
    members: list[tarfile.TarInfo]
    content: dict[str, bytes]

    @property
    def elements(self) -> list[dict[str, Any]]:
        elements: list[dict[str, Any]] = json.loads(self.content["manifest.json"])
        return elements

    def images(self) -> Iterator[dict[str, Any]]:
        """Top elements and the children of indexes."""
        for element in self.elements:
            yield from [element["Image"]] if element["Image"] else element["ImageIndex"]["Images"]

    def layer(self, digest: str) -> bytes:
        return self.content[f"{digest.replace(':', '-')}.tar.gz"]

    def files(self, image: dict[str, Any]) -> dict[str, bytes]:
        """Of the only layer of a bundle."""
        (layer,) = image["Layers"]
        with tarfile.open(fileobj=io.BytesIO(gzip.decompress(self.layer(layer["Digest"])))) as tar:
            return {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]

    def bundles(self) -> dict[str, dict[str, bytes]]:
        """Digest to files."""
        found = {}
        for image in self.images():
            labels = json.loads(image["Config"]["Raw"])["config"].get("Labels") or {}
            if labels.get(BUNDLE_LABEL) == "true":
                found[image["Manifest"]["Digest"]] = self.files(image)
        return found


def read_tar(path: Path) -> Tar:
    with tarfile.open(path, "r:") as tar:
        members = tar.getmembers()
        content = {member.name: tar.extractfile(member).read() for member in members}  # type: ignore[union-attr]
    return Tar(path, members, content)


def digest_of(element: dict[str, Any]) -> str:
    return str(element["Image"]["Manifest"]["Digest"] if element["Image"] else element["ImageIndex"]["Digest"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("bundle") / "small", scale=SMALL)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> list[Tar]:
    return tars(make_bundle(tmp_path_factory.mktemp("bundle") / "full"))


def tars(folder: Path) -> list[Tar]:
    return [read_tar(path) for path in sorted(folder.rglob("*.tar"))]


@pytest.fixture(scope="module")
def small(folder: Path) -> list[Tar]:
    return tars(folder)


@pytest.fixture(scope="module")
def repository(folder: Path) -> Tar:
    return read_tar(folder / "packages" / "package-repository.tar")


def test_outer_layout_is_that_of_a_download(folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} == {
        "agent-images",
        "dependencies",
        "packages",
        "tanzu-cli-plugins",
        "tmc-sm",
        STAMP,
    }
    assert all(any((folder / name).glob("*.tar")) for name in ("agent-images", "dependencies", "packages"))
    assert gzip.decompress((folder / "tanzu-cli-plugins" / "tmc.tar.gz").read_bytes())


def test_program_says_what_it_is(folder: Path) -> None:
    program = folder / "tmc-sm"
    version = subprocess.run([program, "version"], capture_output=True, text=True, check=True)
    push = subprocess.run([program, "push-images", "harbor"], capture_output=True, text=True, check=False)
    assert version.stdout == "tmc-sm 1.4.1 (practice stand-in)\n"
    assert push.returncode == 2 and "practice stand-in" in push.stderr


def test_tars_are_flat_and_of_no_machine(small: list[Tar]) -> None:
    for tar in small:
        assert tar.members[0].name == "manifest.json"
        layers = [member.name for member in tar.members[1:]]
        assert layers == sorted(set(layers))
        for member in tar.members:
            assert member.isreg() and "/" not in member.name
            assert (member.mode, member.mtime, member.uid, member.gid, member.uname) == (0o644, 0, 0, 0, "")


def test_every_layer_is_what_its_name_says_and_is_needed(small: list[Tar]) -> None:
    for tar in small:
        layers = {name: content for name, content in tar.content.items() if name != "manifest.json"}
        assert all(f"{sha256(content).replace(':', '-')}.tar.gz" == name for name, content in layers.items())
        named = {f"{layer['Digest'].replace(':', '-')}.tar.gz" for image in tar.images() for layer in image["Layers"]}
        assert named == set(layers)


def test_elements_have_one_kind_and_are_sorted(small: list[Tar]) -> None:
    for tar in small:
        keys = []
        for element in tar.elements:
            assert set(element) == {"Image", "ImageIndex"}
            assert [value is None for value in element.values()].count(True) == 1
            image = element["Image"]
            keys.append(f"{digest_of(element)}/{image['Config']['Digest']}" if image else digest_of(element))
        assert keys == sorted(set(keys))


def test_manifests_and_configurations_are_kept_to_the_byte(small: list[Tar]) -> None:
    indented = 0
    for image in (image for tar in small for image in tar.images()):
        manifest, config = json.loads(image["Manifest"]["Raw"]), json.loads(image["Config"]["Raw"])
        assert sha256(image["Manifest"]["Raw"].encode()) == image["Manifest"]["Digest"]
        assert sha256(image["Config"]["Raw"].encode()) == image["Config"]["Digest"] == manifest["config"]["digest"]
        assert manifest["config"]["size"] == len(image["Config"]["Raw"])
        assert manifest["mediaType"] == image["Manifest"]["MediaType"]
        assert image["Refs"][0].endswith(f"@{image['Manifest']['Digest']}")
        listed = [(layer["mediaType"], layer["digest"], layer["size"]) for layer in manifest["layers"]]
        assert listed == [(layer["MediaType"], layer["Digest"], layer["Size"]) for layer in image["Layers"]]
        assert config["rootfs"]["diff_ids"] == [layer["DiffID"] for layer in image["Layers"]]
        indented += "\n" in image["Manifest"]["Raw"]
    assert indented  # so that whoever writes manifests anew is found out


def test_layers_unpack_to_their_diff_id_and_are_tars(small: list[Tar]) -> None:
    for tar in small:
        for layer in {layer["Digest"]: layer for image in tar.images() for layer in image["Layers"]}.values():
            packed = tar.layer(layer["Digest"])
            plain = gzip.decompress(packed)
            assert (len(packed), sha256(plain)) == (layer["Size"], layer["DiffID"])
            tarfile.open(fileobj=io.BytesIO(plain), mode="r:").close()


def test_indexes_hold_their_images(small: list[Tar]) -> None:
    indexes = [element["ImageIndex"] for tar in small for element in tar.elements if element["ImageIndex"]]
    assert indexes
    for index in indexes:
        raw = json.loads(index["Raw"])
        assert sha256(index["Raw"].encode()) == index["Digest"]
        assert raw["mediaType"] == index["MediaType"]
        assert {entry["platform"]["architecture"] for entry in raw["manifests"]} == {"amd64", "arm64"}
        listed = [(entry["digest"], entry["size"]) for entry in raw["manifests"]]
        assert listed == [
            (image["Manifest"]["Digest"], len(image["Manifest"]["Raw"].encode())) for image in index["Images"]
        ]
        assert {image["Tag"] for image in index["Images"]} == {index["Tag"]}
        assert index["Indexes"] is None


def test_package_repository_is_the_only_root_and_carries_the_release(repository: Tar) -> None:
    roots = [element for element in repository.elements if ROOT_LABEL in ((element["Image"] or {}).get("Labels") or {})]
    (root,) = roots
    assert root["Image"]["Tag"] == "1.4.1"
    assert root["Image"]["Labels"] == {ROOT_LABEL: ""}
    others = {element["Image"]["Tag"] for element in repository.elements if element["Image"]} - {"1.4.1"}
    assert others == {""}


def test_bundles_name_only_what_is_in_the_tar_and_the_root_leads_to_all(repository: Tar) -> None:
    here = {digest_of(element) for element in repository.elements}
    names: dict[str, set[str]] = {}
    for digest, files in repository.bundles().items():
        lock = yaml.safe_load(files[".imgpkg/images.yml"])
        assert (lock["apiVersion"], lock["kind"]) == ("imgpkg.carvel.dev/v1alpha1", "ImagesLock")
        names[digest] = {entry["image"].partition("@")[2] for entry in lock["images"]}
        assert names[digest] <= here
    (root,) = here - {digest for named in names.values() for digest in named}
    reached, waiting = set(), {root}
    while waiting:
        digest = waiting.pop()
        reached.add(digest)
        waiting |= names.get(digest, set()) - reached
    assert reached == here
    assert any(not named for named in names.values()), "a bundle without images is among them"


def test_packages_are_those_of_the_release(repository: Tar) -> None:
    release = releases.get("1.4.1")
    files = next(
        files for files in repository.bundles().values() if any(name.startswith("packages/") for name in files)
    )
    bundles = repository.bundles()
    expected = {(package.ref_name, package.version) for package in release.packages} | {(release.ref_name, "1.4.1")}
    seen = set()
    for ref_name, version in expected:
        metadata = yaml.safe_load(files[f"packages/{ref_name}/metadata.yml"])
        package = yaml.safe_load(files[f"packages/{ref_name}/{version}.yml"])
        assert (metadata["kind"], metadata["metadata"]["name"]) == ("PackageMetadata", ref_name)
        assert (package["kind"], package["metadata"]["name"]) == ("Package", f"{ref_name}.{version}")
        assert package["apiVersion"] == metadata["apiVersion"] == "data.packaging.carvel.dev/v1alpha1"
        seen.add((package["spec"]["refName"], package["spec"]["version"]))
        image = package["spec"]["template"]["spec"]["fetch"][0]["imgpkgBundle"]["image"]
        assert image.partition("@")[2] in bundles
    assert seen == expected and len(expected) == len(release.packages) + 1 == 15
    parent = yaml.safe_load(files[f"packages/{release.ref_name}/1.4.1.yml"])
    assert parent["spec"]["valuesSchema"]["openAPIv3"] == release.values_schema


def test_standard_repository_has_the_path_that_confuses_people(folder: Path) -> None:
    tar = read_tar(folder / "dependencies" / "tanzu-standard-repo.tar")
    root = next(element["Image"] for element in tar.elements if element["Image"]["Labels"])
    name = "498533941640.dkr.ecr.us-west-2.amazonaws.com/packages/standard/repo"
    assert root["Refs"][0].startswith(f"{name}@sha256:")
    assert (root["Tag"], root["OrigRef"]) == ("v2025.6.17", f"{name}:v2025.6.17")


def test_agents_are_single_images_with_tags(folder: Path) -> None:
    for path in (folder / "agent-images").glob("*.tar"):
        (element,) = read_tar(path).elements
        content = element["Image"] or element["ImageIndex"]
        assert content["Tag"].startswith("v1.")
        assert "/extensions/" in content["Refs"][0]


def test_size_sharing_and_oddities_of_the_full_bundle(full: list[Tar]) -> None:
    layers = {name: len(content) for tar in full for name, content in tar.content.items() if name != "manifest.json"}
    references = Counter(layer["Digest"] for tar in full for image in tar.images() for layer in image["Layers"])
    shared = sum(count for count in references.values() if count > 1) / references.total()
    elements = {digest_of(element) for tar in full for element in tar.elements}
    assert 30_000_000 < sum(layers.values()) < 50_000_000
    assert 50 <= len(elements) <= 75
    assert 0.4 < shared < 0.65
    assert max(layers.values()) <= 4 * 1024 * 1024
    doubled = [image for tar in full for image in tar.images() if len(image["Layers"]) > len(_digests(image))]
    assert doubled, "an image that has the same layer twice"
    empty = sha256(stored_gzip(bytes(1024)))
    assert references[empty] > 3, "the layer that holds nothing"


def _digests(image: dict[str, Any]) -> set[str]:
    return {layer["Digest"] for layer in image["Layers"]}


def test_small_bundle_is_small(small: list[Tar]) -> None:
    assert sum(tar.path.stat().st_size for tar in small) < 3_000_000


def test_the_same_to_the_byte(folder: Path, tmp_path: Path) -> None:
    again = make_bundle(tmp_path / "elsewhere", scale=SMALL)
    assert _bytes(again) == _bytes(folder)


def test_layer_bytes_do_not_depend_on_this_machine() -> None:
    """Pinned: a change here means that every practice image gets a new digest; then raise bundle.FORMAT."""
    assert random_layer("pinned", 70_000).digest == PINNED


PINNED = "sha256:ace8a8afabd30f4554fa67746427f21e54dc949f226369aaa3d7e7672e364cc8"


def _bytes(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("size", [0, 1, 65535, 65536, 200_000])
def test_stored_gzip_is_gzip(size: int) -> None:
    plain = os.urandom(size)
    assert gzip.decompress(stored_gzip(plain)) == plain


def test_made_once(tmp_path: Path) -> None:
    folder = make_bundle(tmp_path / "bundle", scale=SMALL)
    before = (folder / "packages").stat().st_ino
    make_bundle(folder, scale=SMALL)
    assert (folder / "packages").stat().st_ino == before


@pytest.mark.parametrize("damage", ["cut short", "file gone", "stamp unreadable", "other scale"])
def test_made_anew_when_it_is_not_the_one(tmp_path: Path, folder: Path, damage: str) -> None:
    mine = make_bundle(tmp_path / "bundle", scale=SMALL)
    tar = mine / "packages" / "package-repository.tar"
    if damage == "cut short":
        os.truncate(tar, 5000)
    elif damage == "file gone":
        tar.unlink()
    elif damage == "stamp unreadable":
        (mine / STAMP).write_text("{")
    else:
        make_bundle(mine, scale=FULL)
    assert _bytes(make_bundle(mine, scale=SMALL)) == _bytes(folder)
    assert {path.name for path in tmp_path.iterdir()} == {"bundle", ".bundle.lock"}


def test_what_an_interrupted_attempt_left_is_cleared(tmp_path: Path, folder: Path) -> None:
    (tmp_path / ".bundle.new" / "packages").mkdir(parents=True)
    assert _bytes(make_bundle(tmp_path / "bundle", scale=SMALL)) == _bytes(folder)
    assert not (tmp_path / ".bundle.new").exists()


def test_several_at_once_make_one(tmp_path: Path, folder: Path) -> None:
    with ThreadPoolExecutor(3) as pool:
        made = list(pool.map(lambda _: make_bundle(tmp_path / "bundle", scale=SMALL), range(3)))
    assert _bytes(made[0]) == _bytes(folder)


def test_a_persons_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(Conflict) as caught:
        make_bundle(tmp_path / "mine", scale=SMALL)
    assert caught.value.value == str(tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"


def test_unknown_release(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        make_bundle(tmp_path / "bundle", "0.0.1", scale=SMALL)
    assert list(tmp_path.iterdir()) == []
