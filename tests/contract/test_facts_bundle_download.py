"""The downloaded file: its digest against the vendor's, the folder against the file, and what is read only once."""

from __future__ import annotations

import hashlib
import os
import resource
import shutil
import tarfile
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest

from installer_tasks.preflight.facts import PAUSE, bundle, bundle_download, observing
from installer_tasks.preflight.facts.base import Observations, Reading
from installer_tasks.rehearsal.bundle import SMALL, make_bundle, make_download
from installer_tasks.systems.bundle import download
from installer_tasks.systems.bundle.download import Why, read_download
from tests.contract.looks import Look, look_at

PASS, WARN, FAIL = "pass", "warn", "fail"
NAME = "tmc_self_managed_1.4.1.tar"


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMC_INSTALLER_STATE", str(tmp_path / "state"))


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("bundle") / "practice", scale=SMALL)


@pytest.fixture
def mine(unpacked: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(unpacked, tmp_path / "mine"))


@pytest.fixture
def archive(mine: Path, tmp_path: Path) -> Path:
    make_download(mine, tmp_path / NAME)
    return tmp_path / NAME


def digest_of(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def looked(folder: Path, archive: Path | str = "", checksum: str = "") -> Look:
    answers = {"bundle.path": str(folder), "bundle.archive": str(archive), "bundle.checksum": checksum}
    return look_at("bundle", {**answers, "bundle.release": "1.4.1"})


def test_the_vendors_digest_and_the_folder_of_the_download(mine: Path, archive: Path) -> None:
    for checksum in (digest_of(archive), f"{digest_of(archive)}  {NAME}"):
        look = looked(mine, archive, checksum)
        assert set(look.levels.values()) == {PASS}
        assert f"{NAME} has the vendor's SHA-256" in look.says("bundle.checksum")
    read = look.facts["download"]["value"]
    assert (read["sha256"], read["size"]) == (digest_of(archive), archive.stat().st_size)
    assert read["compared"] == len(download.release_files(mine)) > 3


def test_another_digest_is_told_with_both(mine: Path, archive: Path) -> None:
    wrong = hashlib.sha256(b"another").hexdigest()
    look = looked(mine, archive, wrong)
    assert look.levels["bundle.checksum"] == FAIL
    assert digest_of(archive) in look.says("bundle.checksum") and wrong in look.says("bundle.checksum")
    assert "belongs to other.tar" in looked(mine, archive, f"{wrong}  other.tar").says("bundle.checksum")


def test_without_a_checksum_the_digest_is_told_to_compare_it(mine: Path, archive: Path) -> None:
    look = looked(mine, archive)
    assert look.levels["bundle.checksum"] == WARN
    assert look["bundle.checksum"].value == digest_of(archive)


@pytest.mark.parametrize("checksum", ["", "ab" * 32])
def test_an_unpacked_folder_proves_only_itself(mine: Path, checksum: str) -> None:
    look = looked(mine, "", checksum)
    content = look.facts["contents"]["value"]["content"]
    assert look.levels["bundle.checksum"] == WARN
    assert "cannot be calculated" in look.says("bundle.checksum") and content in look.says("bundle.checksum")


def test_the_content_is_the_same_wherever_it_is_unpacked_and_another_when_an_image_is(
    unpacked: Path, mine: Path
) -> None:
    def content() -> str:
        return str(looked(mine).facts["contents"]["value"]["content"])

    before = content()
    assert looked(unpacked).facts["contents"]["value"]["content"] == before
    next((mine / "agent-images").glob("*.tar")).unlink()
    assert content() != before


def changed(folder: Path, name: str) -> None:
    """Without another size or time of change."""
    file = folder / name
    about = file.stat()
    with file.open("r+b") as stream:
        stream.seek(-1, os.SEEK_END)
        stream.write(b"\1")
    os.utime(file, ns=(about.st_atime_ns, about.st_mtime_ns))


def test_the_folder_is_compared_byte_by_byte(mine: Path, archive: Path) -> None:
    first, second, third = sorted(download.release_files(mine))[:3]
    changed(mine, first)
    (mine / second).unlink()
    (mine / "packages" / "more.tar").write_bytes(b"planted")
    (mine / third).rename(mine / "elsewhere")
    (mine / third).symlink_to(mine / "elsewhere")
    found = read_download(archive, mine)
    assert {each.file: each.why for each in found.differences} == {
        first: Why.CHANGED,
        second: Why.ABSENT,
        third: Why.LINK,
        "packages/more.tar": Why.ADDED,
    }


def test_the_program_is_part_of_the_release_and_other_files_are_not(mine: Path, archive: Path) -> None:
    (mine / "notes.txt").write_text("ours")
    shutil.rmtree(mine / "tanzu-cli-plugins")
    assert read_download(archive, mine).differences == ()
    (mine / "tmc-sm").write_text("#!/bin/sh\n")
    assert [each.file for each in read_download(archive, mine).differences] == ["tmc-sm"]


def test_a_change_after_the_first_look_is_seen_though_size_and_time_are_the_same(mine: Path, archive: Path) -> None:
    checksum = digest_of(archive)
    assert looked(mine, archive, checksum).levels["bundle.checksum"] == PASS
    changed(mine, "packages/package-repository.tar")
    look = looked(mine, archive, checksum)
    assert look.levels["bundle.checksum"] == FAIL
    assert "packages/package-repository.tar differs from the download" in look.says("bundle.checksum")


def test_the_file_is_read_once_while_nothing_changes(
    mine: Path, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    times: list[Path] = []

    def counted(archive: Path, folder: Path, **more: object) -> download.Download:
        times.append(archive)
        return read_download(archive, folder, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(bundle_download.download, "read_download", counted)
    for checksum in ("", digest_of(archive), "ab" * 32):
        looked(mine, archive, checksum)
    assert len(times) == 1
    changed(archive.parent, NAME)
    assert looked(mine, archive, "").facts["download"]["value"]["sha256"] == digest_of(archive)
    assert len(times) == 2


def test_a_release_in_a_folder_of_the_tar(mine: Path, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "inside.tar", "w") as archive:
        archive.add(mine, "./tmc-sm-1.4.1")
    found = read_download(tmp_path / "inside.tar", mine)
    assert (found.differences, found.compared) == ((), len(download.release_files(mine)))


def test_hard_links_have_the_bytes_of_what_they_name(mine: Path, tmp_path: Path) -> None:
    first = min(download.release_files(mine))
    os.link(mine / first, mine / "dependencies" / "linked.tar")
    with tarfile.open(tmp_path / "linked.tar", "w") as archive:
        archive.add(mine, ".")
    assert read_download(tmp_path / "linked.tar", mine).differences == ()
    (mine / "dependencies" / "linked.tar").unlink()
    (mine / "dependencies" / "linked.tar").write_bytes(b"other")
    found = read_download(tmp_path / "linked.tar", mine).differences
    assert [(each.file, each.why) for each in found] == [("dependencies/linked.tar", Why.CHANGED)]


@pytest.mark.parametrize("kind", ["cut", "gone", "folder", "pipe", "gzip", "empty"])
def test_what_is_no_download(kind: str, mine: Path, archive: Path) -> None:
    checksum = digest_of(archive)
    if kind == "cut":
        os.truncate(archive, archive.stat().st_size // 2)
    elif kind in ("gzip", "empty"):
        archive.write_bytes(b"\x1f\x8b" if kind == "gzip" else b"")
        checksum = digest_of(archive)
    else:
        archive.unlink()
        if kind != "gone":
            (archive.mkdir if kind == "folder" else lambda: os.mkfifo(archive))()
    look = looked(mine, archive, checksum)
    assert look.levels["bundle.checksum"] == (WARN if kind in ("gzip", "empty") else FAIL)
    says = {"cut": "is truncated", "gzip": "not an uncompressed tar", "empty": "not an uncompressed tar"}
    assert says.get(kind, "Cannot read") in look.says("bundle.checksum")


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """A sparse gigabyte; its digest is that of so many zeros."""
    for name in ("agent-images", "dependencies", "packages"):
        (tmp_path / "folder" / name).mkdir(parents=True)
    large = tmp_path / "large.tar"
    with large.open("wb") as file:
        file.truncate(1 << 30)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seen = 0

    def count(more: int) -> None:
        nonlocal seen
        seen += more

    found = read_download(large, tmp_path / "folder", on_bytes=count)
    assert (found.size, seen) == (1 << 30, 1 << 30)
    assert found.sha256 == "49bc20df15e412a64472421e13fe86ff1c5165e18b2afccf160d4dc19fe68a14"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 * 1024


def test_who_waits_hears_how_far_it_is(mine: Path, archive: Path) -> None:
    answers = {"bundle.path": str(mine), "bundle.archive": str(archive), "bundle.engine": "native"}
    heard: list[tuple[str, Reading]] = []

    def collect(given: Mapping[str, str], observations: Observations) -> None:
        """One that takes longer than the pause between two looks at it."""
        bundle.collect(given, observations)
        threading.Event().wait(2 * PAUSE)

    looks = observing(answers, ["bundle"], {"bundle": collect}, tell=lambda *each: heard.append(each))
    *_before, (_facts, whole) = looks
    size = archive.stat().st_size
    assert whole and heard[-1] == ("bundle", Reading(NAME, size, size))
