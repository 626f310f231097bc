"""What people have in place of a PEM file: every form that can mean one thing only is read, the others are named."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    pkcs7,
    pkcs12,
)
from hypothesis import given
from hypothesis import strategies as st

from installer_tasks.errors import InputError
from installer_tasks.systems import certificates
from tests.unit.x509 import Made, latin1_name, make, negative_serial, same_extension_twice

ROOT = make("root", ca=True)
ISSUING = make("issuing", ROOT, ca=True)
BOTH = (ISSUING.certificate, ROOT.certificate)
BODY = "".join(ROOT.pem.splitlines()[1:-1])
BEGIN, END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
KEY = ROOT.key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()


def twice(content: str | bytes) -> str:
    once = base64.b64encode(content.encode() if isinstance(content, str) else content)
    return base64.b64encode(once).decode()


def once(content: str | bytes) -> str:
    return base64.b64encode(content.encode() if isinstance(content, str) else content).decode()


def refused(source: str | bytes) -> InputError:
    with pytest.raises(InputError) as failure:
        certificates.parse_bundle(source, field="registry.ca")
    error = failure.value
    assert error.field == "registry.ca"
    assert error.remedy != InputError.default_remedy
    return error


READ: dict[str, tuple[str | bytes, int]] = {
    "blanks for line ends": (ROOT.pem.replace("\n", " "), 1),
    "no line ends": (ROOT.pem.replace("\n", ""), 1),
    "line ends spelled out": (ROOT.pem.replace("\n", "\\n"), 1),
    "line ends spelled out as in Windows": (ROOT.pem.replace("\n", "\\r\\n"), 1),
    "tabs and indentation": (ROOT.pem.replace("\n", "\n\t    "), 1),
    "no-break and zero-width spaces": (ROOT.pem.replace("\n", "\u200b\xa0\n"), 1),
    "quoted": (f'"{ROOT.pem}"', 1),
    "run together": (ISSUING.pem.rstrip("\n") + ROOT.pem, 2),
    "run together on one line": ((ISSUING.pem + ROOT.pem).replace("\n", ""), 2),
    "both spelled out": ((ISSUING.pem + ROOT.pem).replace("\n", "\\n"), 2),
    "escapes of HTML": (re.sub(r"[+/=]", lambda sign: f"&#{ord(sign[0])};", ROOT.pem), 1),
    "DER": (ROOT.der, 1),
    "UTF-8 with mark": (b"\xef\xbb\xbf" + ROOT.pem.encode(), 1),
    "UTF-16 as PowerShell writes it": (ROOT.pem.encode("utf-16"), 1),
    "UTF-16 big-endian": (b"\xfe\xff" + ROOT.pem.encode("utf-16-be"), 1),
    "UTF-16 without mark": (ROOT.pem.encode("utf-16-le"), 1),
    "UTF-16 big-endian without mark": (ROOT.pem.encode("utf-16-be"), 1),
    "comment in Latin-1": ("friendlyName: Müller\n".encode("latin-1") + ROOT.pem.encode(), 1),
    "comment in GBK": ("# 根证书\n".encode("gbk") + ROOT.pem.encode(), 1),
    "comment in UTF-8": ("# NetLock Főtanúsítvány\n".encode() + ROOT.pem.encode(), 1),
    "PKCS#7, PEM": (pkcs7.serialize_certificates(list(BOTH), Encoding.PEM), 2),
    "PKCS#7, DER": (pkcs7.serialize_certificates(list(BOTH), Encoding.DER), 2),
    "PKCS#7 as certutil -encode labels it": (
        f"{BEGIN}\n{once(pkcs7.serialize_certificates(list(BOTH), Encoding.DER))}\n{END}\n",
        2,
    ),
    "X509 CERTIFICATE": (ROOT.pem.replace("CERTIFICATE", "X509 CERTIFICATE"), 1),
    "base64 without BEGIN and END": (BODY, 1),
    "base64 without BEGIN and END, in lines": ("\r\n".join(ROOT.pem.splitlines()[1:-1]), 1),
    "base64 of the file, as kubectl shows a Secret": (once(ISSUING.pem + ROOT.pem), 2),
    "base64 of base64": (twice(ROOT.pem), 1),
    "base64 of base64 of DER": (twice(ROOT.der), 1),
    "base64 of PKCS#7": (once(pkcs7.serialize_certificates(list(BOTH), Encoding.DER)), 2),
    "with headers inside": (ROOT.pem.replace(BEGIN, f"{BEGIN}\nX-Comment: by hand\n"), 1),
    "T61String": (latin1_name(0x14).pem, 1),
    "a negative serial number": (negative_serial(ca=True).pem, 1),
}


@pytest.mark.parametrize(("source", "count"), READ.values(), ids=READ)
def test_what_can_mean_one_thing_only_is_read(source: str | bytes, count: int) -> None:
    found = certificates.parse_bundle(source)
    assert len(found) == count
    if count == 2:
        assert set(found) == set(BOTH)
    written = certificates.to_pem(found)
    assert certificates.parse_bundle(written) == found
    if isinstance(source, str):
        assert certificates.parse_bundle(source.encode()) == found


def test_a_name_in_t61string_is_shown_as_latin1() -> None:
    (found,) = certificates.parse_bundle(latin1_name(0x14).pem)
    told = certificates.describe(found)
    assert told["subject"] == told["issuer"] == "O=Müller AG"
    assert certificates.verify_chain((found,), (found,)).trusted


REFUSED: dict[str, tuple[str | bytes, str]] = {
    "an EC key on one line, cut": (KEY.replace("\n", " ")[:-30], "pem-is-key"),
    "a key without BEGIN": (KEY.partition("\n")[2], "pem-is-key"),
    "a key whose BEGIN is damaged": (KEY.replace("-----BEGIN", "—–BEGIN"), "pem-is-key"),
    "a key before a certificate": (KEY.replace("\n", "") + ROOT.pem, "pem-is-key"),
    "an encrypted key": (ROOT.key_pem(b"passphrase"), "pem-is-key"),
    "a key in DER": (
        ROOT.key.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption()),
        "pem-is-key",
    ),
    "an encrypted key in DER": (
        ROOT.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, BestAvailableEncryption(b"passphrase")),
        "pem-is-key",
    ),
    "base64 of a key": (once(KEY), "pem-is-key"),
    "base64 of base64 of a key": (twice(KEY), "pem-is-key"),
    "a key labelled as a certificate": (f"{BEGIN}\n{''.join(KEY.splitlines()[1:-1])}\n{END}", "pem-is-key"),
    "a key store": (
        pkcs12.serialize_key_and_certificates(b"x", ROOT.key, ROOT.certificate, None, BestAvailableEncryption(b"p")),
        "pem-key-store",
    ),
    "a public key": (
        ROOT.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "pem-wrong-kind",
    ),
    "a public key in DER": (
        ROOT.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        "pem-wrong-kind",
    ),
    "a second block without END": (ROOT.pem + ISSUING.pem.replace(END, ""), "pem-cut-short"),
    "a first block without END": (ISSUING.pem.replace(END, "") + ROOT.pem, "pem-cut-short"),
    "an END without BEGIN": (ROOT.pem + ISSUING.pem.replace(BEGIN, ""), "pem-cut-short"),
    "four hyphens": (ROOT.pem + ISSUING.pem.replace(BEGIN, BEGIN[1:]), "pem-cut-short"),
    "four hyphens on both lines": (ROOT.pem + ISSUING.pem.replace("-----", "----"), "pem-marker"),
    "dashes of a word processor": (ROOT.pem + ISSUING.pem.replace("-----", "—–"), "pem-marker"),
    "BEGIN without hyphens before it": (ISSUING.pem.replace("-----BEGIN", "BEGIN", 1).replace(END, ""), "pem-marker"),
    "END cut": (ROOT.pem.replace(END, "-----END CERTIFICATE--"), "pem-marker"),
    "a block without both lines": (ROOT.pem + "\n".join(ISSUING.pem.splitlines()[1:-1]), "pem-stray"),
    "DER opened as text": (ROOT.der.decode("utf-8", "replace"), "pem-replaced"),
    "DER opened as text and saved": (ROOT.der.decode("utf-8", "replace").encode(), "pem-replaced"),
    "two in DER": (ROOT.der + ROOT.der, "pem-unreadable"),
    "half a DER": (ROOT.der[:200], "pem-unreadable"),
    "OpenSSL's own form": (ROOT.pem.replace("CERTIFICATE", "TRUSTED CERTIFICATE"), "pem-wrong-kind"),
    "Latin-1 marked as UTF-8": (latin1_name(0x0C).pem, "pem-name-encoding"),
    "the same extension twice": (same_extension_twice().pem, "pem-extension-twice"),
    "the same extension twice, second": (ROOT.pem + same_extension_twice().pem, "pem-extension-twice"),
}


@pytest.mark.parametrize(("source", "code"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_read_is_named(source: str | bytes, code: str) -> None:
    assert refused(source).code == code


def test_the_extension_that_stands_twice_is_named() -> None:
    error = refused(ROOT.pem + same_extension_twice().pem)
    assert "Certificate 2 has the extension basicConstraints (2.5.29.19) twice" in str(error)
    assert "Go, and so every pod" in str(error)


def test_openssls_own_form_comes_with_the_command_that_converts_it() -> None:
    assert "openssl x509 -in" in str(refused(ROOT.pem.replace("CERTIFICATE", "TRUSTED CERTIFICATE")).remedy)


CANARY = "S3CRETCANARYS3CRETCANARY"


def _mangled() -> st.SearchStrategy[str]:
    """Keys and canaries in every kind of broken frame."""
    keys = (KEY, KEY.replace("\n", " "), KEY.replace("\n", ""))
    frames = (
        f"-----BEGIN {CANARY}-----",
        f"-----END {CANARY}-----",
        "-----BEGIN ",
        "—–BEGIN CERTIFICATE—–",
        BEGIN,
        END,
    )
    piece = st.sampled_from([*keys, *frames, ROOT.pem, BODY, CANARY, "\n", " ", "\\n", "-----", "&#43;"])
    changes: list[Callable[[str], str]] = [str, html.escape, once, twice]
    return st.tuples(st.lists(piece, max_size=6).map("".join), st.sampled_from(changes)).map(lambda it: it[1](it[0]))


@given(_mangled())
def test_no_message_repeats_anything_of_the_input(source: str) -> None:
    for content in (source, source.encode(), source.encode("utf-16")):
        try:
            certificates.parse_bundle(content)
        except InputError as error:
            shown = f"{error!r} {error.as_json()} {error.__cause__!r}"
            assert CANARY not in shown
            assert all(shown.find(word) < 0 for word in re.findall(r"[A-Za-z0-9+/]{20,}", source + KEY))


@given(st.binary(min_size=1, max_size=6), st.integers(min_value=0))
def test_a_damaged_der_ends_as_a_certificate_or_as_an_error_of_ours(noise: bytes, place: int) -> None:
    """Whatever the library raises, at once or when a part is asked for."""
    der = bytearray(ROOT.der)
    at = place % (len(der) - len(noise))
    der[at : at + len(noise)] = noise
    try:
        (found,) = certificates.parse_bundle(bytes(der))
    except InputError:
        return
    assert certificates.describe(found)["sha256"]


def test_reading_takes_time_in_proportion_to_the_size() -> None:
    """Hyphens and blanks by the hundred thousand: patterns that go back would take minutes."""
    for source in (
        "-" * 400_000,
        "-----BEGIN " * 40_000,
        "BEGIN CERTIFICATE " * 40_000,
        "MI" + "A" * 500_000,
        " " * 500_000,
    ):
        with pytest.raises(InputError):
            certificates.parse_bundle(source)


def test_a_key_is_found_among_other_blocks_and_written_anew() -> None:
    key, pem = certificates.read_key(ROOT.pem + KEY.replace("\n", " "))
    assert (pem, certificates.key_matches(ROOT.certificate, key)) == (KEY, True)


def test_made_certificates_are_what_they_say() -> None:
    assert negative_serial(ca=True).certificate.serial_number < 0
    assert isinstance(same_extension_twice(), Made)
