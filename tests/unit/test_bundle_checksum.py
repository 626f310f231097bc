"""The vendor's SHA-256 as people have it: digits, and checksum files of every common tool."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest

from installer_tasks.errors import InputError
from installer_tasks.systems.bundle.checksum import Checksum, given, parse

NAME = "tmc_self_managed_1.4.1.tar"
DIGEST = hashlib.sha256(b"the download").hexdigest()
OTHER = hashlib.sha256(b"another one").hexdigest()
MD5 = hashlib.md5(b"the download", usedforsecurity=False).hexdigest()
SHA1 = hashlib.sha1(b"the download", usedforsecurity=False).hexdigest()
SHA512 = hashlib.sha512(b"the download").hexdigest()
NAMED = f"{DIGEST}  {NAME}"


@pytest.mark.parametrize(
    "value",
    [
        DIGEST,
        DIGEST.upper(),
        f"  {DIGEST}\n",
        f"sha256:{DIGEST}",
        f"SHA256: {DIGEST.upper()}",
        f"SHA-256:{DIGEST}",
        f"\ufeff{DIGEST}",
    ],
)
def test_digits_by_themselves(value: str) -> None:
    assert parse(value, [NAME]) == DIGEST
    assert parse(value) == DIGEST


@pytest.mark.parametrize(
    "value",
    [
        f"{DIGEST}  {NAME}",
        f"{DIGEST} *{NAME}\r\n",
        f"{DIGEST.upper()}  ./downloads/{NAME}",
        f"{DIGEST}\t{NAME}".replace("\t", " "),
        f"SHA256 ({NAME}) = {DIGEST}",
        f"SHA256({NAME})= {DIGEST}",
        f"SHA2-256(/srv/{NAME})= {DIGEST}",
        f"\\{DIGEST}  C:\\\\downloads\\\\{NAME}",
        f"{OTHER}  tmc_self_managed_1.4.0.tar\n\n# the line below\n{DIGEST}  {NAME}\n{OTHER}  README (1).txt\n",
        f"MD5 ({NAME}) = {MD5}\nSHA1 ({NAME}) = {SHA1}\nSHA256 ({NAME}) = {DIGEST}\nSHA512 ({NAME}) = {SHA512}\n",
    ],
)
def test_the_line_of_this_download_is_taken(value: str) -> None:
    assert parse(value, ["bundle-1.4.1.tar", NAME]) == NAMED


def test_a_name_with_blanks_and_signs_is_kept_whole() -> None:
    assert parse(f"SHA256 (tmc (copy) = 1.tar) = {DIGEST}") == f"{DIGEST}  tmc (copy) = 1.tar"
    assert given(parse(f"{DIGEST}  a  b.tar")) == Checksum(DIGEST, "a  b.tar")


def test_the_only_line_is_taken_when_nobody_knows_the_name() -> None:
    assert parse(f"{DIGEST}  whatever.tar") == f"{DIGEST}  whatever.tar"
    assert parse(f"{DIGEST}  a.tar\n{DIGEST}  b.tar") == f"{DIGEST}  a.tar"


WRONG = [
    ("", "neither a SHA-256 nor a checksum file"),
    ("not a digest", "neither"),
    ("<html><title>Sign in</title></html>", "neither"),
    (DIGEST[:-1], "64 digits; this has 63"),
    (f"sha256:{DIGEST}0", "64 digits; this has 65"),
    (MD5, "The checksum is MD5"),
    (f"md5:{MD5}", "The checksum is MD5"),
    (SHA1.upper(), "The checksum is SHA-1"),
    (SHA512, "The checksum is SHA-512"),
    (f"{MD5}  {NAME}", "The checksum is MD5"),
    (f"SHA1 ({NAME}) = {SHA1}", "The checksum is SHA-1"),
    (f"{DIGEST}  other.tar", f"does not list {NAME}"),
    (f"{DIGEST}  {NAME}\n{OTHER}  {NAME}", "two different"),
    ("0" * 6000, "too long"),
]


@pytest.mark.parametrize(("value", "says"), WRONG)
def test_what_is_wrong_is_named(value: str, says: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(value, [NAME])
    assert says in str(caught.value.cause)
    assert caught.value.field == "bundle.checksum"
    assert "SHA-256" in str(caught.value.remedy)


def test_several_files_and_no_name_to_choose_by() -> None:
    with pytest.raises(InputError) as caught:
        parse(f"{DIGEST}  a.tar\n{OTHER}  b.tar")
    assert "lists several files" in str(caught.value.cause)
    assert caught.value.value == "a.tar, b.tar"


@pytest.mark.parametrize("command", [["sha256sum"], ["sha256sum", "--binary"], ["sha256sum", "--tag"]])
def test_what_the_tools_really_print(command: list[str], tmp_path: Path) -> None:
    for name in (NAME, "other.tar", "back\\slash.tar"):
        (tmp_path / name).write_bytes(b"the download" if name == NAME else name.encode())
    names = sorted(path.name for path in tmp_path.iterdir())
    printed = subprocess.run([*command, *names], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert parse(printed, [NAME]) == NAMED
