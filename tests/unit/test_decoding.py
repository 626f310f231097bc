"""Text files as people's programs write them: byte order marks, UTF-16, and what is named instead of guessed."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st

from installer_tasks import decoding
from installer_tasks.errors import InputError
from installer_tasks.systems import certificates
from tests.unit.x509 import make, same_extension_twice
from wizard import env, headless

ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32")
ROOT = make("root", ca=True)


@given(st.text(st.characters(codec="ascii", exclude_characters="\0"), min_size=4), st.sampled_from(ENCODINGS))
def test_text_is_read_in_whatever_encoding_it_says_it_has(text: str, encoding: str) -> None:
    plain = text if encoding.startswith("utf-16-") else text + "é密"
    assert decoding.decoded(plain.encode(encoding)) == plain


@pytest.mark.parametrize(("text", "encoding"), [("a\nb\nMüller\n", "latin-1"), ("a\nb\n密码\n", "gb18030")])
def test_an_older_encoding_is_named_with_its_line_and_nothing_of_it(text: str, encoding: str) -> None:
    with pytest.raises(InputError) as failure:
        decoding.decoded(text.encode(encoding), name="answers.yaml", field="dns.zone")
    error = failure.value
    assert (error.code, error.value, error.field) == ("not-utf-8", "answers.yaml", "dns.zone")
    assert "line 3" in str(error)
    assert "iconv" in str(error.remedy)
    assert "ller" not in repr(error.as_json())


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n\xff\xfe", bytes(range(256)), b"\xff\xfea\xd8"])
def test_what_is_no_text_is_said_to_be_none(content: bytes) -> None:
    with pytest.raises(InputError) as failure:
        decoding.decoded(content)
    assert failure.value.code == "not-text"


@given(st.binary(max_size=300))
def test_any_content_is_a_text_or_an_error_of_ours(content: bytes) -> None:
    try:
        decoding.decoded(content)
    except InputError as error:
        assert error.__cause__ is None  # it would hold the content
    assert isinstance(decoding.ascii_with_comments(content), str)


def answers_file(folder: Path, content: bytes = b"", **beside: bytes) -> Path:
    document = {key.replace("__", "."): {"file": key} for key in beside}
    for key, value in beside.items():
        (folder / key).write_bytes(value)
    path = folder / "answers.yaml"
    path.write_bytes(content or yaml.safe_dump(document).encode())
    return path


CERTIFICATES = {
    "PEM": ROOT.pem.encode(),
    "DER": ROOT.der,
    "PKCS#7": pkcs7.serialize_certificates([ROOT.certificate], Encoding.DER),
    "PowerShell": ROOT.pem.encode("utf-16"),
    "Latin-1 comment": "Müller\n".encode("latin-1") + ROOT.pem.encode(),
    "one line": ROOT.pem.replace("\n", " ").encode(),
}


@pytest.mark.parametrize("content", CERTIFICATES.values(), ids=CERTIFICATES)
def test_certificates_beside_an_answers_file_are_read_as_uploads_are(content: bytes, tmp_path: Path) -> None:
    keys = ("certificates.ca", "registry.ca", "identity.ca", "identity.ldap_ca")
    found = headless.read_answers(answers_file(tmp_path, **{key.replace(".", "__"): content for key in keys}))
    assert found == dict.fromkeys(keys, ROOT.pem)


def test_a_bad_certificate_beside_an_answers_file_names_answer_and_file(tmp_path: Path) -> None:
    with pytest.raises(InputError) as failure:
        headless.read_answers(answers_file(tmp_path, certificates__ca=same_extension_twice().der))
    error = failure.value
    assert (error.code, error.field, error.value) == (
        "pem-extension-twice",
        "certificates.ca",
        str(tmp_path / "certificates__ca"),
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_a_password_file_loses_the_mark_that_powershell_writes(encoding: str, tmp_path: Path) -> None:
    found = headless.read_answers(answers_file(tmp_path, registry__password="pass word\r\n".encode(encoding)))
    assert found == {"registry.password": "pass word"}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_an_answers_file_itself_may_be_written_so(encoding: str, tmp_path: Path) -> None:
    path = answers_file(tmp_path, "dns.zone: tmc.example.com  # the zone\n".encode(encoding))
    assert headless.read_answers(path) == {"dns.zone": "tmc.example.com"}


def test_an_answers_file_in_latin1_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError) as failure:
        headless.read_answers(answers_file(tmp_path, "# Für uns\ndns.zone: a\n".encode("latin-1")))
    assert (failure.value.code, failure.value.value) == ("not-utf-8", str(tmp_path / "answers.yaml"))


def test_a_setting_in_a_file_is_read_in_the_same_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "key"
    monkeypatch.setenv("X_KEY_FILE", str(path))
    path.write_bytes("canary\r\n".encode("utf-8-sig"))
    assert env.text("X_KEY") == "canary"
    path.write_bytes("canaryü".encode("latin-1"))
    with pytest.raises(ImproperlyConfigured, match="UTF-8") as failure:
        env.text("X_KEY")
    assert "canary" not in str(failure.value)


def test_what_is_read_as_a_certificate_is_written_as_pem() -> None:
    assert certificates.to_pem(certificates.parse_bundle(ROOT.der)) == ROOT.pem
