"""Whether a chain is trusted: our judgement beside Go's, over authorities of every kind, in every order."""

from __future__ import annotations

import ipaddress
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from installer_tasks.systems import certificates
from tests.oracle.asking import Oracle
from tests.unit.x509 import (
    CLIENT,
    SERVER,
    Made,
    constrained,
    make,
    negative_serial,
    same_extension_twice,
    signed_with_sha1,
    usable_for,
    version_1,
)

pytestmark = [pytest.mark.oracle, pytest.mark.program("go")]
Extra = tuple[x509.ExtensionType, bool]
ANY = ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE
NAMES = ("tmc.example", "a.tmc.example", "*.tmc.example", "corp.example", "x.corp.example", "10.1.2.3", "")
LIMITS = ("tmc.example", ".tmc.example", "a.tmc.example", "example", "corp.example", "TMC.EXAMPLE", "")
often = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def usage(sign: bool) -> Extra:
    return x509.KeyUsage(True, False, False, False, False, sign, sign, False, False), True


def addresses(network: str, excluded: bool) -> Extra:
    names = [x509.IPAddress(ipaddress.ip_network(network))]
    return x509.NameConstraints(None if excluded else names, names if excluded else None), True


PURPOSES: list[list[Extra]] = [
    [],
    [usable_for(SERVER)],
    [usable_for(CLIENT)],
    [usable_for(CLIENT, SERVER)],
    [usable_for(ANY)],
]
CONSTRAINTS: list[list[Extra]] = [
    [],
    *([constrained(limit)] for limit in LIMITS),
    *([constrained(excluded=[limit])] for limit in LIMITS),
    [constrained("tmc.example", "corp.example")],
    [constrained("tmc.example", excluded=["a.tmc.example"])],
    [addresses("10.0.0.0/8", excluded=False)],
    [addresses("10.0.0.0/8", excluded=True)],
    [(x509.NameConstraints([x509.RFC822Name("corp.example")], None), True)],
    [(x509.NameConstraints([x509.DirectoryName(x509.Name([]))], None), True)],
    [(x509.NameConstraints([x509.DirectoryName(x509.Name([]))], None), False)],
]
UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4.5"), b"\x05\x00")


@st.composite
def kinds(draw: st.DrawFn, *, ca: bool) -> dict[str, Any]:
    """How one certificate of a chain is made; half of them without any fault."""
    plain = draw(st.booleans())
    if plain:
        return {"ca": ca}
    usages = draw(st.sampled_from([[], [usage(True)], [usage(False)]]))
    odd = draw(st.sampled_from([[], [], [], [(UNKNOWN, False)], [(UNKNOWN, True)]]))
    constraints = draw(st.sampled_from(CONSTRAINTS)) if ca else []
    when = draw(st.sampled_from([{}, {}, {}, {"end": timedelta(hours=-1)}, {"start": timedelta(hours=1)}]))
    return {
        "ca": ca and draw(st.integers(0, 9)) > 0,
        "constraints": draw(st.integers(0, 9)) > 0,
        "path_length": draw(st.sampled_from([None, None, 0, 1])) if ca else None,
        "extra": [*usages, *draw(st.sampled_from(PURPOSES)), *constraints, *odd],
        **when,
    }


@dataclass
class World:
    chain: list[x509.Certificate] = field(default_factory=list)
    roots: list[x509.Certificate] = field(default_factory=list)


def _made(name: str, issuer: Made | None, kind: dict[str, Any], **more: Any) -> Made:
    if not kind["ca"]:
        kind = {**kind, "path_length": None}
    return make(name, issuer, **{**kind, **more})


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """A chain of up to four, some of it supplied, the rest presented in any order, with doubles and renewals."""
    world, authorities = World(), list[Made]()
    for number in range(draw(st.integers(1, 3))):
        above = authorities[-1] if authorities else None
        authorities.append(_made(f"authority {number}", above, draw(kinds(ca=True))))
        if draw(st.integers(0, 4)) == 0:  # the same name and key once more, as after a renewal or a cross-signature
            twin = _made(f"authority {number}", above, draw(kinds(ca=True)), key=authorities[-1].key)
            world.roots.append(twin.certificate) if draw(st.booleans()) else world.chain.append(twin.certificate)
    leaf = _made("leaf", authorities[-1], draw(kinds(ca=False)), dns=draw(st.sampled_from(NAMES)))
    for authority in authorities:
        where = draw(st.sampled_from(["root", "presented", "presented", "both", "absent"]))
        if where in ("root", "both") or (authority is authorities[0] and where != "absent"):
            world.roots.append(authority.certificate)
        if where in ("presented", "both"):
            world.chain.append(authority.certificate)
    if draw(st.integers(0, 19)) == 0:
        world.roots.append(leaf.certificate)
    random.Random(draw(st.integers(0, 99))).shuffle(world.chain)
    world.chain.insert(0, leaf.certificate)
    return world


@given(world=worlds())
@often
def test_we_trust_what_go_trusts_and_nothing_else(oracle: Oracle, world: World) -> None:
    now = datetime.now(UTC)
    words = oracle.trusts(world.chain, world.roots, now)
    verdict = certificates.verify_chain(world.chain, world.roots, now)
    event("trusted" if verdict.trusted else "not trusted")
    assert verdict.trusted == (not words), (words, str(verdict.reason))
    assert verdict.trusted == (verdict.reason is None)


ROOT = make("root", ca=True)
CASES: dict[str, tuple[Made, Made, Made | None]] = {
    "foreign name constraints": (
        corp := make("corp root", ca=True, extra=[constrained("corp.example")]),
        make("leaf", corp, dns="tmc.example"),
        None,
    ),
    "an intermediate for clients": (
        ROOT,
        make("leaf", mail := make("mail", ROOT, ca=True, extra=[usable_for(CLIENT)]), dns="tmc.example"),
        mail,
    ),
    "key usage without signing": (
        mute := make("mute", ca=True, extra=[usage(False)]),
        make("leaf", mute, dns="tmc.example"),
        None,
    ),
    "a critical extension that nobody knows": (
        ROOT,
        make("leaf", ROOT, dns="tmc.example", extra=[(UNKNOWN, True)]),
        None,
    ),
    "a curve that Go lacks": (
        brain := make("brainpool", ca=True, key=ec.generate_private_key(ec.BrainpoolP256R1())),
        make("leaf", brain, dns="tmc.example"),
        None,
    ),
}


@pytest.mark.parametrize(("root", "leaf", "between"), CASES.values(), ids=CASES)
def test_what_go_refuses_we_refuse_with_words(oracle: Oracle, root: Made, leaf: Made, between: Made | None) -> None:
    chain = [leaf.certificate, *([between.certificate] if between else [])]
    assert oracle.trusts(chain, [root.certificate])
    verdict = certificates.verify_chain(chain, [root.certificate])
    assert not verdict.trusted
    assert str(verdict.reason)


def agreed(oracle: Oracle, chain: list[x509.Certificate], roots: list[x509.Certificate]) -> bool:
    words = oracle.trusts(chain, roots)
    verdict = certificates.verify_chain(chain, roots)
    assert verdict.trusted == (not words), (words, str(verdict.reason))
    return verdict.trusted


def test_version_1(oracle: Oracle) -> None:
    """An old root is one, an old intermediate is none."""
    old = version_1(make("old root", ca=True))
    leaf = make("leaf", old, dns="tmc.example")
    assert agreed(oracle, [leaf.certificate], [old.certificate])
    between = version_1(make("between", ROOT), ROOT)
    below = make("leaf", between, dns="tmc.example")
    assert not agreed(oracle, [below.certificate, between.certificate], [ROOT.certificate])
    assert agreed(oracle, [version_1(make("leaf", ROOT), ROOT).certificate], [ROOT.certificate])


@pytest.mark.parametrize("bits", [1024, 2048])
def test_keys_and_hashes(oracle: Oracle, bits: int) -> None:
    key = rsa.generate_private_key(65537, bits)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "rsa root")])
    root = signed_with_sha1("rsa root", name, key, ca=True)
    root = (
        x509.CertificateBuilder(name, name, key.public_key(), 7, root.not_valid_before_utc, root.not_valid_after_utc)
        .add_extension(x509.BasicConstraints(True, None), True)
        .sign(key, hashes.SHA256())
    )
    assert not agreed(oracle, [signed_with_sha1("leaf", name, key)], [root])


def test_what_go_does_not_read_is_not_trusted(oracle: Oracle) -> None:
    leaf = same_extension_twice(signer=ROOT, dns="tmc.example")
    assert "duplicate extension" in oracle.trusts([leaf.certificate], [ROOT.certificate])
    assert not certificates.verify_chain([leaf.certificate], [ROOT.certificate]).trusted


def test_a_negative_serial_number_is_told_apart(oracle: Oracle) -> None:
    """Decided: which Go is in a pod nobody tells, so a check warns of what Go 1.23 and later reject."""
    leaf = negative_serial(signer=ROOT, dns="tmc.example")
    assert "negative serial" in oracle.trusts([leaf.certificate], [ROOT.certificate])
    assert certificates.verify_chain([leaf.certificate], [ROOT.certificate]).trusted
    assert certificates.newer_rejection(leaf.certificate)
