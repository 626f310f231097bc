from __future__ import annotations

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from installer_tasks.local.redaction import MASK, Redactor
from installer_tasks.local.secrets import Box, KeyringError, keyring, new_data_key
from tests.answers import ANSWERS, CANARIES

SECRET = 'p@ss/word+"1&é'


def redactor() -> Redactor:
    return Redactor(value for value in ANSWERS.values() if "canary" in value)


@pytest.mark.parametrize("canary", CANARIES)
@pytest.mark.parametrize(
    "encode",
    [
        str,
        lambda value: base64.b64encode(value.encode()).decode(),
        lambda value: base64.b64encode(f"user:{value}".encode()).decode(),
        lambda value: quote(value, safe=""),
        json.dumps,
    ],
    ids=["plain", "base64", "basic-auth", "url", "json"],
)
def test_redactor_finds_every_encoding(canary: str, encode) -> None:
    line = redactor().clean(f"before {encode(canary)} after")
    assert MASK in line
    assert canary not in line
    # What is left of base64 must not decode to a useful part of the secret.
    assert encode(canary)[4:-4] not in line


@given(st.text(min_size=8, max_size=40), st.text(max_size=5), st.text(max_size=5))
def test_redactor_finds_base64_at_any_offset(secret: str, before: str, after: str) -> None:
    if not secret.strip() or "\n" in secret:
        return
    encoded = base64.b64encode((before + secret.strip() + after).encode()).decode()
    cleaned = Redactor([secret]).clean(encoded)
    assert cleaned != encoded


def test_redactor_cleans_pem_lines_of_a_key() -> None:
    pem = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAbcdefghijklmno\n-----END PRIVATE KEY-----\n"
    assert "abcdefgh" not in Redactor([pem]).clean("leaked MC4CAQAwBQYDK2VwBCIEIAbcdefghijklmno here").lower()


def test_redactor_cleans_inside_data() -> None:
    cleaned = redactor().clean_data({"a": ["x canary-client-secret"], "b": {"c": 1}})
    assert cleaned == {"a": [f"x {MASK}"], "b": {"c": 1}}


def test_redactor_leaves_short_and_ordinary_words() -> None:
    assert Redactor(["abc", ""]).clean("abcdef") == "abcdef"


def test_keyring_is_made_once_with_mode_0600(tmp_path: Path) -> None:
    path = tmp_path / "keyring"
    sealed = keyring(path).encrypt(b"x")
    assert path.stat().st_mode & 0o777 == 0o600
    assert keyring(path).decrypt(sealed) == b"x"


def test_keyring_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "keyring"
    keyring(path)
    path.chmod(0o644)
    with pytest.raises(KeyringError) as caught:
        keyring(path)
    assert "chmod 600" in str(caught.value.remedy)


def test_newest_key_seals_and_older_ones_still_open(tmp_path: Path) -> None:
    path = tmp_path / "keyring"
    old = keyring(path)
    sealed = old.encrypt(b"x")
    path.write_text(f"# newest first\n{Fernet.generate_key().decode()}\n{path.read_text()}")
    assert keyring(path).decrypt(sealed) == b"x"
    with pytest.raises(Exception):  # noqa: B017 - the old ring must not open what the new key sealed
        old.decrypt(keyring(path).encrypt(b"y"))


def test_a_box_opens_only_its_own_column_and_workspace(tmp_path: Path) -> None:
    ring = keyring(tmp_path / "keyring")
    box, other = Box(ring, new_data_key(ring)), Box(ring, new_data_key(ring))
    sealed = box.seal("Answer.sealed", SECRET)
    assert SECRET not in sealed
    assert box.open("Answer.sealed", sealed) == SECRET
    for wrong, column in ((box, "Run.sealed_plan"), (other, "Answer.sealed")):
        with pytest.raises(KeyringError):
            wrong.open(column, sealed)


def test_fingerprints_tell_change_and_are_keyed(tmp_path: Path) -> None:
    ring = keyring(tmp_path / "keyring")
    box, other = Box(ring, new_data_key(ring)), Box(ring, new_data_key(ring))
    assert box.fingerprint("a") == box.fingerprint("a") != box.fingerprint("b")
    assert box.fingerprint("a") != other.fingerprint("a")


def test_many_that_start_at_once_agree_on_one_keyring(tmp_path: Path) -> None:
    path = tmp_path / "keyring"
    with ThreadPoolExecutor(16) as pool:
        rings = list(pool.map(lambda _: keyring(path), range(64)))
    sealed = rings[0].encrypt(b"x")
    assert all(ring.decrypt(sealed) == b"x" for ring in rings)
    assert [file.name for file in tmp_path.iterdir()] == ["keyring"]
