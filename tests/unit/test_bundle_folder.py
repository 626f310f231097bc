"""An unpacked release: found by content, placed where the vendor's tool puts it, refused when it is none."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from installer_tasks.rehearsal.bundle import SMALL, make_bundle
from installer_tasks.systems.bundle import CutShort, MixedReleases, NotABundle, read_release_bundle
from installer_tasks.systems.bundle.folder import repository_name
from tests.unit.imgpkg_tar import package_repository, write_imgpkg_tar, write_release


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_release(tmp_path / "release")


def test_what_is_in_it(folder: Path) -> None:
    release = read_release_bundle(folder)
    assert release.version == "1.4.1"
    assert release.program == folder / "tmc-sm"
    assert len(release.archives) == 3
    assert release.root_digest == package_repository()[0].digest
    unique = {name: blob.size for archive in release.archives for name, blob in archive.blobs.items()}
    assert release.total_bytes == sum(unique.values())
    # 6 images and 2 images of locations, 2 and 1, 1
    assert release.image_count == 12


def test_where_everything_goes(folder: Path) -> None:
    release = read_release_bundle(folder)
    places = {image.repository for archive in release.archives for image in archive.images}
    assert places == {
        "package-repository",
        "498533941640.dkr.ecr.us-west-2.amazonaws.com/packages/standard/repo",
        "extensions.example.test/agents/agent",
    }
    tags = {tag for image in release.repository.images for tag in image.tags}
    assert "1.4.1" in tags


def test_archives_are_found_by_content_at_any_depth(folder: Path) -> None:
    deep = folder / "dependencies" / "some" / "where"
    deep.mkdir(parents=True)
    (folder / "packages" / "package-repository.tar").rename(deep / "no-ending")
    (folder / "packages" / "notes.txt").write_text("not an archive")
    assert read_release_bundle(folder).repository.path == deep / "no-ending"


def test_the_practice_bundle_is_a_release(tmp_path: Path) -> None:
    release = read_release_bundle(make_bundle(tmp_path / "practice", scale=SMALL))
    assert release.version == "1.4.1"
    assert all(archive.missing == () for archive in release.archives)


@pytest.mark.parametrize("absent", ["agent-images", "dependencies", "packages"])
def test_a_folder_without_its_parts_is_named(folder: Path, absent: str) -> None:
    shutil.rmtree(folder / absent)
    with pytest.raises(NotABundle) as caught:
        read_release_bundle(folder)
    assert absent in str(caught.value.cause)
    assert caught.value.value == str(folder)
    assert caught.value.field == "bundle.path"


def test_no_folder_a_file_and_an_empty_layout(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for name in ("agent-images", "dependencies", "packages"):
        (tmp_path / "empty" / name).mkdir(parents=True)
    for path in (tmp_path / "nowhere", tmp_path / "file", tmp_path / "empty"):
        with pytest.raises(NotABundle):
            read_release_bundle(path)


def test_an_archive_cut_short_is_named(folder: Path) -> None:
    path = folder / "dependencies" / "standard.tar"
    path.write_bytes(path.read_bytes()[:-30_000])
    with pytest.raises(CutShort) as caught:
        read_release_bundle(folder)
    assert caught.value.value == str(path)


def test_two_releases_over_each_other(folder: Path) -> None:
    write_imgpkg_tar(folder / "packages" / "older.tar", package_repository("1.3.0"))
    with pytest.raises(MixedReleases) as caught:
        read_release_bundle(folder)
    assert "1.3.0, 1.4.1" in str(caught.value.cause)


def test_links_out_of_the_folder_are_not_followed(folder: Path, tmp_path: Path) -> None:
    other = write_imgpkg_tar(tmp_path / "other.tar", package_repository("1.3.0"))
    (folder / "packages" / "link.tar").symlink_to(other)
    assert read_release_bundle(folder).version == "1.4.1"


def test_an_origin_becomes_a_repository_name() -> None:
    assert repository_name("Registry.example:5000/A/b") == "registry.example_5000/a/b"
