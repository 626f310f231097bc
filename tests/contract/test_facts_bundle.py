"""The bundle's collector and checks on folders as people point to them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from installer_tasks.preflight.checks import BY_NAME
from installer_tasks.preflight.checks.base import Facts, judge
from installer_tasks.preflight.facts.bundle_parts import MOST_NAMES, Shape
from installer_tasks.rehearsal.bundle import SMALL, make_bundle
from installer_tasks.systems.bundle.folder import read_release_bundle
from installer_tasks.systems.bundle.model import FileSource
from tests.contract.looks import Look, all_of, look_at

PASS, FAIL, BLOCKED = "pass", "fail", "blocked"
#: Of a folder alone nothing shows where it came from.
WELL = all_of("bundle", PASS) | {"bundle.checksum": "warn"}
NOT_A_BUNDLE = all_of("bundle", BLOCKED) | {"bundle.readable": FAIL, "bundle.disk-free": PASS}


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("bundle") / "practice", scale=SMALL)


@pytest.fixture
def mine(healthy: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(healthy, tmp_path / "mine"))


def looked(path: Path, release: str = "1.4.1") -> Look:
    return look_at("bundle", {"bundle.path": str(path), "bundle.release": release})


def test_a_healthy_bundle_raises_nothing(healthy: Path) -> None:
    look = looked(healthy)
    assert look.levels == WELL
    contents = look.facts["contents"]["value"]
    assert contents["release"] == "1.4.1"
    assert contents["images"] == read_release_bundle(healthy).image_count > 0
    assert look.facts["digests"]["value"]["verified"] > 0


@pytest.mark.parametrize("kind", ["absent", "empty", "other", "file"])
def test_what_is_not_a_bundle_is_one_red_line_that_names_the_path(kind: str, tmp_path: Path) -> None:
    path = tmp_path / kind
    if kind == "file":
        path.write_bytes(b"not unpacked")
    elif kind != "absent":
        path.mkdir()
        if kind == "other":
            (path / "photos").mkdir()
    look = looked(path)
    assert look.levels == NOT_A_BUNDLE
    assert look["bundle.readable"].value == str(path)
    assert look["bundle.at-rest"].evidence == {"blocked_by": "bundle.readable"}


@pytest.mark.parametrize("path", ["/srv/\0tmc", "~nobody-of-this-name/tmc", "/" + "a" * 5000])
def test_a_path_that_cannot_be_one_is_a_failure_with_words(path: str) -> None:
    look = look_at("bundle", {"bundle.path": path, "bundle.release": "1.4.1"})
    assert look.levels == NOT_A_BUNDLE


def test_folders_without_archives_are_no_bundle(healthy: Path, tmp_path: Path) -> None:
    for name in ("agent-images", "dependencies", "packages"):
        (tmp_path / "hollow" / name).mkdir(parents=True)
    assert looked(tmp_path / "hollow").levels == NOT_A_BUNDLE


def test_an_archive_cut_short_names_the_file(mine: Path) -> None:
    archive = next((mine / "packages").glob("*.tar"))
    with archive.open("r+b") as file:
        file.truncate(archive.stat().st_size // 2)
    look = looked(mine)
    assert look.levels == NOT_A_BUNDLE
    assert archive.name in look.says("bundle.readable")


def test_one_flipped_byte_in_a_layer_is_found(mine: Path) -> None:
    bundle = read_release_bundle(mine)
    blobs = [blob for archive in bundle.archives for blob in archive.blobs.values()]
    blob = max((blob for blob in blobs if isinstance(blob.source, FileSource)), key=lambda item: item.size)
    assert isinstance(blob.source, FileSource)
    path, place = blob.source.path, blob.source.offset + blob.size // 2
    with path.open("r+b") as file:
        file.seek(place)
        byte = file.read(1)[0]
        file.seek(place)
        file.write(bytes([byte ^ 1]))
    look = looked(mine)
    assert look.levels == WELL | {"bundle.intact": FAIL}
    assert look["bundle.intact"].value == blob.digest
    assert path.name in look.says("bundle.intact")


def test_the_wrong_release_chosen(healthy: Path) -> None:
    look = looked(healthy, "1.3.0")
    of_that_release = {"bundle.packages": BLOCKED, "bundle.values-known": BLOCKED}
    assert look.levels == WELL | {"bundle.release-known": FAIL} | of_that_release
    assert look["bundle.release-known"].value == "1.3.0"
    assert "1.4.1" in str(look["bundle.release-known"].remedy)


def test_little_room_is_said_before_it_is_gone(healthy: Path) -> None:
    room = looked(healthy).facts["room"]["value"]
    for free, level in ((room["free"], PASS), (500 * 1024**2, "warn"), (5 * 1024**2, FAIL)):
        facts = Facts({"bundle": {"room": {"ok": True, "value": {**room, "free": free}}}}, {})
        assert judge(BY_NAME["bundle.disk-free"], facts, frozenset()).level == level


def test_a_schema_that_repeats_itself_without_end_is_flattened_once() -> None:
    whole: dict[str, object] = {"type": "object"}
    whole["properties"] = {"again": whole, "more": whole}
    shape = Shape()
    shape.walk(whole, "", 0)
    assert len(shape.names) <= MOST_NAMES
