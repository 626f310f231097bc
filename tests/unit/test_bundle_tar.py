"""Tar headers: offsets are right, and what no image archive needs is refused."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from installer_tasks.errors import InstallerError
from installer_tasks.systems.bundle import CutShort, Damaged, UnsafeArchive
from installer_tasks.systems.bundle.model import BlobReader
from installer_tasks.systems.bundle.tar import MAX_EXTENDED, looks_like_tar, read_entries


def write(path: Path, *members: tarfile.TarInfo, tar_format: int = tarfile.USTAR_FORMAT) -> Path:
    with tarfile.open(path, "w:", format=tar_format) as archive:
        for member in members:
            archive.addfile(member, io.BytesIO(member.name.encode().ljust(member.size, b".")[: member.size]))
    return path


def member(name: str, size: int = 10, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.size, made.type, made.linkname = size, kind, link
    return made


@pytest.mark.parametrize("tar_format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_names_and_offsets(tmp_path: Path, tar_format: int) -> None:
    long = "/".join(["folder"] * 20) + "/" + "n" * 90
    names = ["a", "b" * 100, long, "empty", "ünïcode"]
    made = [member(name, 0 if name == "empty" else 700) for name in names]
    entries = read_entries(write(tmp_path / "a.tar", *made, tar_format=tar_format))
    assert list(entries) == names
    for name in names[:3]:
        with BlobReader(entries[name].source) as reader:
            assert reader.read(0, 700) == name.encode().ljust(700, b".")


def test_a_layer_of_twelve_gigabytes(tmp_path: Path) -> None:
    """Sparse on this disk: header, a hole, and the next entry after it."""
    size = 12 << 30
    path = tmp_path / "big.tar"
    with path.open("wb") as file:
        file.write(member("huge", size).tobuf(tarfile.GNU_FORMAT))
        file.seek(512 + size)
        file.write(member("after", 3).tobuf() + b"abc".ljust(512, b"\0") + bytes(1024))
    entries = read_entries(path)
    assert entries["huge"].source.size == size
    with BlobReader(entries["after"].source) as reader:
        assert reader.read(0, 3) == b"abc"


@pytest.mark.parametrize(
    "bad",
    [
        member("../outside"),
        member("a/../../outside"),
        member("/etc/passwd"),
        member("a\\b"),
        member("link", 0, tarfile.SYMTYPE, "/etc/passwd"),
        member("link", 0, tarfile.LNKTYPE, "good"),
        member("device", 0, tarfile.CHRTYPE),
        member("pipe", 0, tarfile.FIFOTYPE),
        member("good"),
    ],
    ids=lambda made: f"{made.name}-{made.type!r}",
)
def test_what_no_archive_needs_is_refused(tmp_path: Path, bad: tarfile.TarInfo) -> None:
    with pytest.raises(UnsafeArchive) as caught:
        read_entries(write(tmp_path / "a.tar", member("good"), bad))
    assert bad.name in str(caught.value.cause)


@pytest.mark.parametrize("headers", [{"GNU.sparse.major": "1"}, {"path": "../up"}, {"size": "99999999999999999999"}])
def test_extended_headers_are_no_way_around(tmp_path: Path, headers: dict[str, str]) -> None:
    made = member("good")
    made.pax_headers = headers
    with pytest.raises((UnsafeArchive, Damaged)):
        read_entries(write(tmp_path / "a.tar", made, tar_format=tarfile.PAX_FORMAT))


def test_an_extended_header_of_any_size_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    with path.open("wb") as file:
        file.write(member("x", MAX_EXTENDED + 1, tarfile.XHDTYPE).tobuf())
        file.truncate(MAX_EXTENDED * 3)
    with pytest.raises(UnsafeArchive):
        read_entries(path)


def test_a_header_that_is_none(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tar", member("a", 512), member("b"))
    data = bytearray(path.read_bytes())
    data[1024 + 5] ^= 1
    path.write_bytes(data)
    with pytest.raises(Damaged):
        read_entries(path)


@pytest.mark.parametrize("keep", [512 + 3, 512 + 600, 1024 + 512 + 100])
def test_cut_short(tmp_path: Path, keep: int) -> None:
    path = write(tmp_path / "a.tar", member("a", 700), member("b", 700))
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(CutShort):
        read_entries(path)


def test_what_looks_like_a_tar(tmp_path: Path) -> None:
    assert looks_like_tar(write(tmp_path / "a.tar", member("a")))
    (tmp_path / "b").write_bytes(b"short")
    assert not looks_like_tar(tmp_path / "b")


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_damage_gets_past_the_typed_errors(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Bytes of a good tar changed, cut and doubled at random: entries or a typed error, nothing else."""
    folder = tmp_path_factory.mktemp("fuzz")
    path = write(
        folder / "a.tar", member("a", 30), member("b" * 120, 600), member("c", 0), tar_format=tarfile.PAX_FORMAT
    )
    content = bytearray(path.read_bytes())
    for _change in range(data.draw(st.integers(1, 6))):
        position = data.draw(st.integers(0, len(content) - 1))
        content[position] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        entries = read_entries(path, links=True)
    except InstallerError:
        return
    length = path.stat().st_size
    assert all(
        0 <= entry.source.offset <= entry.source.offset + entry.source.size <= length for entry in entries.values()
    )
