"""What we read of a PEM is what Go reads of what we write; where we read more than Go does, Go reads our rewriting."""

from __future__ import annotations

import base64
import re

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from installer_tasks.errors import InputError
from installer_tasks.systems import certificates
from installer_tasks.systems.certificates import armor
from installer_tasks.systems.certificates.go import newer_rejection, rejection
from tests.oracle.asking import Oracle
from tests.unit.test_certificate_forms import READ, REFUSED
from tests.unit.x509 import make, negative_serial

pytestmark = [pytest.mark.oracle, pytest.mark.program("go")]
ROOT, OTHER = make("root", ca=True), make("other", ca=True)
BEGIN, END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
often = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def ours(source: str | bytes) -> list[bytes] | None:
    try:
        return [each.public_bytes(Encoding.DER) for each in certificates.parse_bundle(source)]
    except InputError:
        return None


@pytest.mark.parametrize(("source", "count"), READ.values(), ids=READ)
def test_go_reads_what_we_make_of_every_form(oracle: Oracle, source: str | bytes, count: int) -> None:
    found = certificates.parse_bundle(source)
    written = oracle.blocks(certificates.to_pem(found))
    assert [der for _label, der in written] == ours(source)
    assert len(written) == count
    for certificate in found:
        # What Go rejects although it is read, a check warns of.
        assert bool(oracle.reads(certificate.public_bytes(Encoding.DER))) == (certificate.serial_number < 0)


#: What a consumer in Go would take of a text that we refuse whole.
STRICTER = {
    "a second block without END": "what is cut short is missing somewhere",
    "a first block without END": "as above",
    "an END without BEGIN": "as above",
    "four hyphens": "as above",
    "four hyphens on both lines": "as above",
    "dashes of a word processor": "as above",
    "a block without both lines": "as above",
    "the same extension twice, second": "Go would use the first alone",
}


@pytest.mark.parametrize(("source", "code"), REFUSED.values(), ids=REFUSED)
def test_go_reads_nothing_of_what_we_refuse(
    oracle: Oracle, source: str | bytes, code: str, request: pytest.FixtureRequest
) -> None:
    taken = [der for label, der in oracle.blocks(source) if label == "CERTIFICATE" and not oracle.reads(der)]
    assert bool(taken) == (request.node.callspec.id in STRICTER), code


def _texts() -> st.SearchStrategy[str]:
    piece = st.sampled_from(
        [
            ROOT.pem,
            OTHER.pem,
            ROOT.pem.rstrip("\n"),
            BEGIN,
            END,
            "\n",
            "\r\n",
            " ",
            "\t",
            "# note",
            "subject=CN",
            "-----",
        ]
    )
    body = st.sampled_from([ROOT.pem, OTHER.pem]).flatmap(
        lambda pem: st.sampled_from(["\n", "\r\n", " \n", "\n ", "\n\n", " ", ""]).map(
            lambda end: re.sub("\n", lambda _: end, pem)
        )
    )
    return st.lists(piece | body, max_size=6).map("".join)


@given(text=_texts())
@often
def test_what_go_reads_we_read_or_say_why_not(oracle: Oracle, text: str) -> None:
    """Never fewer certificates than Go without a word, and never others."""
    go = [der for label, der in oracle.blocks(text) if label == "CERTIFICATE" and not oracle.reads(der)]
    found = ours(text)
    if found is not None:
        left = iter(found)
        assert all(der in left for der in go)  # in their order
        assert len(found) == len(re.findall("-----BEGIN CERTIFICATE-----", text))
    assert [block.der() for block in armor.blocks_as_go(text)] == [der for _label, der in oracle.blocks(text)]


@given(noise=st.binary(min_size=1, max_size=3), place=st.integers(min_value=0))
@often
def test_what_go_rejects_of_a_damaged_certificate_we_refuse_or_warn_of(
    oracle: Oracle, noise: bytes, place: int
) -> None:
    der = bytearray(ROOT.der)
    at = place % (len(der) - len(noise))
    der[at : at + len(noise)] = noise
    words = oracle.reads(bytes(der))
    found = ours(bytes(der))
    if words and found is not None:
        (certificate,) = certificates.parse_bundle(bytes(der))
        assert rejection(certificate) or newer_rejection(certificate), words


def test_a_negative_serial_number_is_what_go_rejects(oracle: Oracle) -> None:
    assert "negative serial" in oracle.reads(negative_serial(ca=True).der)
    assert base64.b64encode(ROOT.der)
