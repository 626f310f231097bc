"""Certificates as people supply them and as servers present them."""

from __future__ import annotations

import ssl
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from installer_tasks.errors import InputError, TlsFailure, Unreachable
from installer_tasks.rehearsal.ca import Issued, PracticeCA
from installer_tasks.systems import certificates
from tests import hostile
from tests.unit.x509 import Made, make
from tests.waiting import PATIENCE


@pytest.fixture(scope="module")
def root() -> Made:
    return make("root", ca=True)


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> PracticeCA:
    return PracticeCA.load_or_create(tmp_path_factory.mktemp("ca"))


def refused(source: str | bytes, **options: int) -> InputError:
    with pytest.raises(InputError) as failure:
        certificates.parse_bundle(source, field="registry.ca", **options)
    assert failure.value.field == "registry.ca"
    assert str(failure.value.remedy)
    return failure.value


def test_a_bundle_is_read_with_what_openssl_writes_around_it(root: Made) -> None:
    leaf = make("leaf", root)
    pem = f"\ufeffBag Attributes: x\r\n{root.pem}\nsubject=CN = leaf\n  {leaf.pem.replace(chr(10), chr(13) + chr(10))}"
    assert certificates.parse_bundle(pem) == (root.certificate, leaf.certificate)
    assert certificates.parse_bundle(pem.encode()) == (root.certificate, leaf.certificate)


def test_a_key_in_place_of_a_certificate_is_said_to_be_one_and_not_repeated(root: Made) -> None:
    secret = root.key_pem().splitlines()[1]
    for source in (root.key_pem(), root.pem + root.key_pem(), root.key_pem(b"passphrase")):
        error = refused(source)
        assert error.code == "pem-is-key"
        assert "private key" in str(error)
        assert secret not in repr(error.as_json())


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("", "pem-none"),
        ("hello", "pem-none"),
        ("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n", "pem-wrong-kind"),
        ("-----BEGIN PKCS7-----\nAAAA\n-----END PKCS7-----\n", "pem-unreadable"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "pem-unreadable"),
        ("-----BEGIN CERTIFICATE-----\n@@@@\n-----END CERTIFICATE-----\n", "pem-unreadable"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n", "pem-cut-short"),
        (b"\x89PNG\r\n\x1a\n\xff\xfe", "pem-binary"),
        ("A" * (1 << 20) + "A", "pem-too-large"),
    ],
)
def test_what_is_no_bundle_is_named(source: str | bytes, code: str) -> None:
    assert refused(source).code == code


def test_a_bundle_of_too_many_is_refused(root: Made) -> None:
    assert refused(root.pem * 3, limit=2).code == "pem-too-many"
    assert len(certificates.parse_bundle(root.pem * 3, limit=3)) == 3


@given(st.text(max_size=200) | st.binary(max_size=200))
def test_whatever_is_uploaded_ends_as_an_error_of_ours(source: str | bytes) -> None:
    with pytest.raises(InputError):
        certificates.parse_bundle(source)


def test_a_damaged_certificate_is_named_by_its_number(root: Made) -> None:
    lines = root.pem.splitlines()
    lines[3] = lines[3][::-1]
    assert "Certificate 2 " in str(refused(root.pem + "\n".join(lines) + "\n"))


def test_keys_are_read_and_compared(root: Made) -> None:
    other = make("other")
    key = certificates.parse_key(root.key_pem())
    assert certificates.key_matches(root.certificate, key)
    assert not certificates.key_matches(other.certificate, key)
    locked = root.key_pem(b"canary-passphrase")
    assert certificates.key_matches(root.certificate, certificates.parse_key(locked, password="canary-passphrase"))


@pytest.mark.parametrize(("password", "code"), [("", "pem-key-passphrase"), ("canary-wrong", "pem-key-unreadable")])
def test_a_locked_key_is_said_to_be_locked(root: Made, password: str, code: str) -> None:
    with pytest.raises(InputError) as failure:
        certificates.parse_key(root.key_pem(b"passphrase"), password=password)
    assert failure.value.code == code
    assert "canary" not in repr(failure.value.as_json())


def test_a_certificate_in_place_of_a_key_is_said_to_be_one(root: Made) -> None:
    with pytest.raises(InputError) as failure:
        certificates.parse_key(root.pem)
    assert "not a key" in str(failure.value)


def test_a_certificate_is_described_as_plain_data(ca: PracticeCA) -> None:
    (leaf,) = certificates.parse_bundle(ca.issue(["tmc.example", "127.0.0.1"]).cert_pem)
    (authority,) = certificates.parse_bundle(ca.ca_pem)
    found = certificates.describe(leaf)
    assert found["sans"] == ["tmc.example", "127.0.0.1"]
    assert found["issuer"] == certificates.describe(authority)["subject"]
    assert (found["is_ca"], certificates.describe(authority)["is_ca"]) == (False, True)
    assert certificates.describe(authority)["path_length"] == 1
    assert found["key"] == "EC secp256r1"
    assert len(found["sha256"]) == 64
    assert found["not_before"] < found["not_after"]


def test_a_chain_is_followed_to_the_supplied_authority(root: Made) -> None:
    middle = make("middle", root, ca=True)
    leaf = make("leaf", middle)
    chain = (leaf.certificate, middle.certificate)
    assert certificates.verify_chain(chain, (root.certificate,)).trusted
    assert certificates.verify_chain(chain[:1], (middle.certificate,)).trusted  # an intermediate that was supplied
    assert certificates.verify_chain(
        (leaf.certificate, root.certificate, middle.certificate), (root.certificate,)
    ).trusted
    verdict = certificates.verify_chain(chain[:1], (root.certificate,))
    assert not verdict.trusted
    assert "CN=middle" in str(verdict.reason)


def test_another_authority_of_the_same_name_is_not_trusted(root: Made) -> None:
    namesake = make("root", ca=True)
    verdict = certificates.verify_chain((make("leaf", root).certificate,), (namesake.certificate,))
    assert not verdict.trusted


@pytest.mark.parametrize(
    ("middle", "leaf", "reason"),
    [
        ({}, {"end": timedelta(hours=-1)}, "CN=leaf expired"),
        ({}, {"start": timedelta(hours=1)}, "clocks"),
        ({"end": timedelta(hours=-1)}, {}, "CN=middle expired"),
        ({"ca": False}, {}, "CN=middle signed a certificate, but is not a CA certificate"),
        ({"constraints": False}, {}, "CN=middle signed a certificate, but is not a CA certificate"),
    ],
)
def test_a_chain_with_an_unfit_member_is_not_trusted(
    root: Made, middle: dict[str, object], leaf: dict[str, object], reason: str
) -> None:
    between = make("middle", root, **{"ca": True, **middle})  # type: ignore[arg-type]
    chain = (make("leaf", between, **leaf).certificate, between.certificate)  # type: ignore[arg-type]
    verdict = certificates.verify_chain(chain, (root.certificate,))
    assert not verdict.trusted
    assert reason in str(verdict.reason)


def test_an_authority_vouches_for_no_more_than_its_path_length() -> None:
    top = make("top", ca=True, path_length=0)
    middle = make("middle", top, ca=True)
    chain = (make("leaf", middle).certificate, middle.certificate)
    assert "The path length of CN=top does not allow 1 CA below it." in str(
        certificates.verify_chain(chain, (top.certificate,)).reason
    )
    assert certificates.verify_chain((make("leaf", top).certificate,), (top.certificate,)).trusted


def test_the_valid_one_of_a_renewed_authority_counts() -> None:
    old = make("root", ca=True, end=timedelta(hours=-1))
    renewed = make("root", ca=True, key=old.key)
    chain = (make("leaf", old).certificate,)
    assert certificates.verify_chain(chain, (old.certificate, renewed.certificate)).trusted
    assert not certificates.verify_chain(chain, (old.certificate,)).trusted


def test_the_order_of_a_chain_is_judged(root: Made) -> None:
    middle = make("middle", root, ca=True)
    leaf = make("leaf", middle)
    assert certificates.order_problems([leaf.certificate, middle.certificate, root.certificate]) == ()
    upside_down = certificates.order_problems([root.certificate, middle.certificate, leaf.certificate])
    assert "in reverse order" in str(upside_down[0])
    skipped = certificates.order_problems([leaf.certificate, root.certificate])
    assert "CN=leaf" in str(skipped[0])


def test_the_context_verifies_and_takes_the_customers_authority(ca: PracticeCA) -> None:
    context = certificates.ssl_context(ca.ca_pem)
    assert context.check_hostname
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert len(context.get_ca_certs()) == len(certificates.ssl_context().get_ca_certs()) + 1
    with pytest.raises(InputError) as failure:
        certificates.ssl_context("not a certificate", field="identity.ca")
    assert failure.value.field == "identity.ca"


def test_a_server_is_verified_and_its_chain_told(ca: PracticeCA, tmp_path: Path) -> None:
    with hostile.serving(hostile.silent, ca.issue(["localhost", "console.tmc.example"]), tmp_path) as port:
        found = certificates.verify_endpoint("localhost", port, ca_pem=ca.ca_pem)
        elsewhere = certificates.verify_endpoint("127.0.0.1", port, server_name="console.tmc.example", ca_pem=ca.ca_pem)
    assert found.protocol.startswith("TLSv1.")
    assert found.chain == elsewhere.chain
    assert certificates.describe(found.chain[0])["sans"] == ["localhost", "console.tmc.example"]
    assert certificates.verify_chain(found.chain, certificates.parse_bundle(ca.ca_pem)).trusted


def test_an_intermediate_alone_is_trusted_as_go_does(root: Made, tmp_path: Path) -> None:
    """Only the issuing authority was supplied, not the root above it; and it has no key identifiers."""
    middle = make("middle", root, ca=True)
    leaf = make("leaf", middle, dns="localhost")
    issued = Issued(leaf.pem, leaf.pem, leaf.key_pem())
    with hostile.serving(hostile.silent, issued, tmp_path) as port:
        assert certificates.verify_endpoint("localhost", port, ca_pem=middle.pem).chain
        with pytest.raises(TlsFailure) as failure:
            certificates.verify_endpoint("localhost", port, ca_pem=root.pem)
    assert failure.value.code == "tls-unknown-ca"


def failed(port: int, ca_pem: str) -> TlsFailure:
    with pytest.raises(TlsFailure) as failure:
        certificates.verify_endpoint("localhost", port, ca_pem=ca_pem, timeout=PATIENCE)
    assert failure.value.value == f"localhost:{port}"
    assert str(failure.value.remedy)
    return failure.value


def test_an_unknown_authority_is_named(ca: PracticeCA, root: Made, tmp_path: Path) -> None:
    with hostile.serving(hostile.silent, ca.issue(["localhost"]), tmp_path) as port:
        error = failed(port, root.pem)
    assert error.code == "tls-unknown-ca"
    assert "TMC-SM practice CA" in error.detail


def test_an_expired_certificate_is_told_with_its_dates(ca: PracticeCA, tmp_path: Path) -> None:
    issued = ca.issue(["localhost"], lifetime=timedelta(days=-2))
    with hostile.serving(hostile.silent, issued, tmp_path) as port:
        error = failed(port, ca.ca_pem)
    assert error.code == "tls-expired"
    assert "valid: " in error.detail


@pytest.mark.parametrize("name", ["other.example", "127.0.0.2"])
def test_a_certificate_for_another_name_is_told_with_its_names(ca: PracticeCA, tmp_path: Path, name: str) -> None:
    with hostile.serving(hostile.silent, ca.issue([name]), tmp_path) as port:
        error = failed(port, ca.ca_pem)
        with pytest.raises(TlsFailure) as by_address:
            certificates.verify_endpoint("127.0.0.1", port, ca_pem=ca.ca_pem)
    assert error.code == by_address.value.code == "tls-wrong-name"
    assert name in error.detail


@pytest.mark.parametrize("behaviour", [hostile.plain_http, hostile.garbage])
def test_what_speaks_no_tls_is_told_apart(ca: PracticeCA, tmp_path: Path, behaviour: hostile.Behaviour) -> None:
    with hostile.serving(behaviour, None, tmp_path) as port:
        assert failed(port, ca.ca_pem).code == "tls-none"


def test_a_server_that_says_nothing_is_left_at_the_deadline(ca: PracticeCA, tmp_path: Path) -> None:
    with hostile.serving(hostile.silent, None, tmp_path) as port, pytest.raises(Unreachable) as failure:
        certificates.verify_endpoint("localhost", port, ca_pem=ca.ca_pem, timeout=0.5)
    assert failure.value.code == "unreachable-timeout"


def test_what_a_server_presents_is_seen_also_when_it_is_not_trusted(ca: PracticeCA, tmp_path: Path) -> None:
    with hostile.serving(hostile.silent, ca.issue(["other.example"]), tmp_path) as port:
        chain = certificates.peer_chain("127.0.0.1", port, server_name="other.example")
    assert [certificates.is_ca(item) for item in chain] == [False, True]
