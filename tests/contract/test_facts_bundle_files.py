"""Files of a download that would stay behind in silence: each is named, with why it is not read and what to do."""

from __future__ import annotations

import gzip
import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from installer_tasks.rehearsal.bundle import SMALL, make_bundle
from installer_tasks.systems.bundle import NotABundle, read_bundle, read_release_bundle
from tests.contract.looks import Look, look_at
from tests.contract.test_facts_bundle import WELL
from tests.unit.imgpkg_tar import MadeImage, bundle, layer, package_repository, write_imgpkg_tar, write_release

PASS, WARN, FAIL = "pass", "warn", "fail"
AGENT = Path("agent-images", "agent-updater.tar")


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("bundle") / "practice", scale=SMALL)


@pytest.fixture
def mine(healthy: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(healthy, tmp_path / "mine"))


def looked(path: Path) -> Look:
    return look_at("bundle", {"bundle.path": str(path), "bundle.release": "1.4.1"})


def _emptied(name: str) -> Callable[[Path], Path]:
    def spoil(folder: Path) -> Path:
        shutil.rmtree(folder / name)
        (folder / name).mkdir()
        return folder / name

    return spoil


def _partial(folder: Path) -> Path:
    return (folder / AGENT).rename(folder / f"{AGENT}.part")


def _partial_of_zeros(folder: Path) -> Path:
    """As a download manager leaves it: room taken, nothing written."""
    (folder / AGENT).rename(folder / f"{AGENT}.crdownload")
    (folder / f"{AGENT}.crdownload").write_bytes(bytes(4096))
    return folder / f"{AGENT}.crdownload"


def _no_bytes(folder: Path) -> Path:
    (folder / AGENT).write_bytes(b"")
    return folder / AGENT


def _only_zeros(folder: Path) -> Path:
    (folder / AGENT).write_bytes(bytes((folder / AGENT).stat().st_size))
    return folder / AGENT


def _gzipped(folder: Path) -> Path:
    packed = folder / f"{AGENT}.gz"
    packed.write_bytes(gzip.compress((folder / AGENT).read_bytes()))
    (folder / AGENT).unlink()
    return packed


def _gzipped_under_the_old_name(folder: Path) -> Path:
    (folder / AGENT).write_bytes(gzip.compress((folder / AGENT).read_bytes()))
    return folder / AGENT


def _error_page(folder: Path) -> Path:
    """What a proxy sent instead of the file."""
    (folder / AGENT).write_text("<!DOCTYPE html><title>Access denied</title>")
    return folder / AGENT


def _first_bytes(folder: Path) -> Path:
    (folder / AGENT).write_bytes((folder / AGENT).read_bytes()[:300])
    return folder / AGENT


def _unpacked(folder: Path) -> Path:
    data = folder / AGENT
    with tarfile.open(data) as archive:
        archive.extractall(folder / "unpacking", filter="data")
    data.unlink()
    return (folder / "unpacking").rename(data)


def _an_empty_folder_in_its_place(folder: Path) -> Path:
    (folder / AGENT).unlink()
    (folder / AGENT).mkdir()
    return folder / AGENT


def _a_link_out(folder: Path) -> Path:
    (folder / AGENT).rename(folder.parent / "elsewhere.tar")
    (folder / AGENT).symlink_to(folder.parent / "elsewhere.tar")
    return folder / AGENT


def _a_link_to_nothing(folder: Path) -> Path:
    (folder / AGENT).unlink()
    (folder / AGENT).symlink_to("not-there.tar")
    return folder / AGENT


def _a_pipe(folder: Path) -> Path:
    (folder / AGENT).unlink()
    os.mkfifo(folder / AGENT)
    return folder / AGENT


def _an_archive_of_no_images(folder: Path) -> Path:
    (folder / AGENT).unlink()
    with tarfile.open(folder / AGENT, "w") as archive:
        archive.add(__file__, "notes.txt")
    return folder / AGENT


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (_emptied("dependencies"), "contains no archive"),
        (_emptied("agent-images"), "contains no archive"),
        (_partial, "not ended"),
        (_partial_of_zeros, "not ended"),
        (_no_bytes, "is empty"),
        (_only_zeros, "zeros"),
        (_gzipped, "gunzip"),
        (_gzipped_under_the_old_name, "compressed"),
        (_error_page, "not an archive"),
        (_first_bytes, "not an archive"),
        (_unpacked, "was unpacked"),
        (_an_empty_folder_in_its_place, "is empty"),
        (_a_link_out, "symbolic link"),
        (_a_link_to_nothing, "symbolic link"),
        (_a_pipe, "not a regular file"),
        (_an_archive_of_no_images, "no image"),
    ],
    ids=lambda value: getattr(value, "__name__", "").strip("_"),
)
def test_what_would_be_left_out_is_named(mine: Path, spoil: Callable[[Path], Path], says: str) -> None:
    spoilt = spoil(mine)
    look = looked(mine)
    assert look.levels == WELL | {"bundle.files": FAIL}
    assert look["bundle.files"].value == str(spoilt)
    assert says in look.says("bundle.files") + look["bundle.files"].command


def test_every_one_of_several_is_named(mine: Path) -> None:
    spoilt = {_no_bytes(mine), _emptied("dependencies")(mine)}
    found = looked(mine)["bundle.files"]
    assert {entry["file"] for entry in found.evidence["left_out"]} == {str(path) for path in spoilt}
    assert set(found.value.split(", ")) == {str(path) for path in spoilt}
    assert "2 " in str(found.message)


def test_notes_and_checksums_are_told_and_refuse_nothing(mine: Path) -> None:
    (mine / "dependencies" / "README.txt").write_text("Read me first.\n")
    (mine / "agent-images" / "SHA256SUMS").write_text("0" * 64 + "  agent-updater.tar\n")
    look = looked(mine)
    assert look.levels == WELL | {"bundle.files": WARN}
    assert "README.txt" in look["bundle.files"].value


def test_a_large_file_of_no_kind_is_no_note(mine: Path) -> None:
    (mine / "dependencies" / "inspection-images").write_bytes(os.urandom(2 << 20))
    assert looked(mine)["bundle.files"].level == FAIL


def test_a_link_to_an_archive_that_is_read_anyway_leaves_nothing_out(mine: Path) -> None:
    (mine / "agent-images" / "latest.tar").symlink_to("agent-updater.tar")
    assert looked(mine)["bundle.files"].level == WARN


@pytest.fixture
def for_others() -> Iterator[Path]:
    """A folder that other users may enter; pytest's own may not."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_what_the_installer_may_not_read_is_named_itself(healthy: Path, for_others: Path) -> None:
    folder = Path(shutil.copytree(healthy, for_others / "release"))
    (folder / AGENT).chmod(0)
    (folder / "dependencies").chmod(0)
    other = pytest.importorskip("pwd").getpwnam("nobody").pw_uid
    before = os.geteuid()
    if before == 0:
        os.seteuid(other)
    try:
        release = read_release_bundle(folder)
    finally:
        os.seteuid(before)
    told = {str(entry.path): str(entry.why) for entry in release.left_out}
    assert told[str(folder / AGENT)] == told[str(folder / "dependencies")] == "unreadable"


def test_without_a_repository_the_files_that_might_hold_it_are_named(mine: Path) -> None:
    path = mine / "packages" / "package-repository.tar"
    path.write_bytes(gzip.compress(path.read_bytes()))
    with pytest.raises(NotABundle) as caught:
        read_release_bundle(mine)
    assert path.name in str(caught.value.cause)
    assert "compressed" in str(caught.value.cause)


def test_a_folder_of_compressed_archives_is_no_riddle(tmp_path: Path) -> None:
    (tmp_path / "only").mkdir()
    made = write_imgpkg_tar(tmp_path / "made.tar", package_repository())
    (tmp_path / "only" / "made.tar.gz").write_bytes(gzip.compress(made.read_bytes()))
    with pytest.raises(NotABundle) as caught:
        read_bundle(tmp_path / "only")
    assert "compressed" in str(caught.value.cause)


def test_one_name_with_two_contents_is_refused(tmp_path: Path) -> None:
    """A new download over an old one: the registry would keep whichever came last."""
    folder = write_release(tmp_path / "release")
    other = MadeImage("extensions.example.test/agents/agent", [layer("older", 5000)], tag="0.1.0")
    write_imgpkg_tar(folder / "agent-images" / "agent-old.tar", [other])
    look = looked(folder)
    assert look["bundle.one-content"].level == FAIL
    assert look["bundle.one-content"].value == "extensions.example.test/agents/agent:0.1.0"
    says = look.says("bundle.one-content")
    assert "agent.tar" in says
    assert "agent-old.tar" in says


def test_the_same_content_twice_is_no_matter(tmp_path: Path) -> None:
    folder = write_release(tmp_path / "release")
    shutil.copy(folder / "agent-images" / "agent.tar", folder / "agent-images" / "agent-again.tar")
    assert looked(folder)["bundle.one-content"].level == PASS


PACKAGE = """\
apiVersion: data.packaging.carvel.dev/v1alpha1
kind: Package
spec:
  refName: tmc.tanzu.vmware.com
  version: 1.4.1
  template: {{spec: {{fetch: [{{imgpkgBundle: {{image: "{image}"}}}}]}}}}
"""


def test_what_a_package_fetches_is_there_though_no_list_names_it(tmp_path: Path) -> None:
    """The lock file of the repository is one thing that names images; its packages are the other."""
    fetched = bundle("extensions.example.test/tmc/stack", [MadeImage("e.test/one", [layer("one", 3000)])])
    for there in (True, False):
        files = {"packages/tmc.tanzu.vmware.com/1.4.1.yml": PACKAGE.format(image=fetched.reference).encode()}
        root = bundle("extensions.example.test/tmc/package-repository", [], files, tag="1.4.1", root=True)
        folder = write_release(tmp_path / str(there))
        elements = [root, fetched, MadeImage("e.test/one", [layer("one", 3000)])] if there else [root]
        write_imgpkg_tar(folder / "packages" / "package-repository.tar", [*elements])
        found = looked(folder)["bundle.images-complete"]
        assert found.level == (PASS if there else FAIL), str(found.message)
        assert there or found.value == fetched.reference
