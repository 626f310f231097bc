"""Certificates of every shape for tests: chains, wrong orders, expired ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

from installer_tasks.systems.directory import ber


@dataclass(frozen=True)
class Made:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    def key_pem(self, password: bytes = b"") -> str:
        encryption = BestAvailableEncryption(password) if password else NoEncryption()
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption).decode()


def make(
    name: str,
    issuer: Made | None = None,
    *,
    ca: bool = False,
    path_length: int | None = None,
    start: timedelta = timedelta(days=-1),
    end: timedelta = timedelta(days=1),
    constraints: bool = True,
    dns: str = "",
    key: ec.EllipticCurvePrivateKey | None = None,
    extra: Sequence[tuple[x509.ExtensionType, bool]] = (),
    organization: str = "",
) -> Made:
    """A certificate signed by `issuer`, or by itself; with an old `key` it is a renewed one."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    kind = x509.NameOID.ORGANIZATION_NAME if organization else x509.NameOID.COMMON_NAME
    subject = x509.Name([x509.NameAttribute(kind, organization or name)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + start)
        .not_valid_after(now + end)
    )
    if constraints:
        builder = builder.add_extension(x509.BasicConstraints(ca, path_length), critical=True)
    if dns:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(dns)]), critical=False)
    for value, critical in extra:
        builder = builder.add_extension(value, critical)
    return Made(builder.sign(issuer.key if issuer else key, hashes.SHA256()), key)


_ECDSA_WITH_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")
#: An extension that nobody knows, of the same length as basic constraints.
_PLACEHOLDER = x509.ObjectIdentifier("2.5.29.99")


def patched(made: Made, signer: Made | None, *changes: tuple[bytes, bytes]) -> Made:
    """The same certificate with these bytes changed and a signature that fits: what no builder makes."""
    signed = made.certificate.tbs_certificate_bytes
    for old, new in changes:
        assert old in signed and len(old) == len(new)
        signed = signed.replace(old, new)
    return _signed_anew(made, signer, signed)


def _signed_anew(made: Made, signer: Made | None, signed: bytes) -> Made:
    signature = (signer or made).key.sign(signed, ec.ECDSA(hashes.SHA256()))
    der = ber.sequence(signed, _ECDSA_WITH_SHA256, ber.tlv(0x03, b"\0" + signature))
    return Made(x509.load_der_x509_certificate(der), made.key)


def same_extension_twice(signer: Made | None = None, **options: Any) -> Made:
    """As openssl req -x509 -addext of OpenSSL 1.1.1 writes it."""
    constraints = x509.BasicConstraints(True, None).public_bytes()
    second = x509.UnrecognizedExtension(_PLACEHOLDER, constraints)
    made = make("twice", signer, ca=True, extra=[(second, True)], **options)
    return patched(made, signer, (b"\x06\x03\x55\x1d\x63", b"\x06\x03\x55\x1d\x13"))


def latin1_name(tag: int) -> Made:
    """A name with bytes of Latin-1 under this tag: 0x14 is a T61String, 0x0c a UTF8String."""
    made = make("", ca=True, organization="Mxller AG")
    return patched(made, None, (b"\x0c\x09Mxller AG", bytes((tag,)) + "\x09Müller AG".encode("latin-1")))


def negative_serial(name: str = "negative", signer: Made | None = None, **options: Any) -> Made:
    made = make(name, signer, **options)
    serial = made.certificate.serial_number
    size = serial.bit_length() // 8 + 1
    old = serial.to_bytes(size, "big")
    return patched(
        made, signer, (b"\x02" + bytes((size,)) + old, b"\x02" + bytes((size,)) + bytes((old[0] | 0x80,)) + old[1:])
    )


def constrained(*permitted: str, excluded: Sequence[str] = ()) -> tuple[x509.ExtensionType, bool]:
    """Name constraints, for `extra`."""
    inside = [x509.DNSName(name) for name in permitted] or None
    outside = [x509.DNSName(name) for name in excluded] or None
    return x509.NameConstraints(inside, outside), True


def usable_for(*usages: x509.ObjectIdentifier) -> tuple[x509.ExtensionType, bool]:
    """Extended key usage, for `extra`."""
    return x509.ExtendedKeyUsage(usages), False


SERVER, CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH


def version_1(made: Made, signer: Made | None = None) -> Made:
    """The same without version and extensions, as `openssl x509 -req -signkey` makes it of a request."""
    whole = ber.Reader(made.certificate.tbs_certificate_bytes).inside(ber.SEQUENCE)
    parts = []
    while whole.more:
        tag = whole.tag
        content = whole.take()
        if tag not in (0xA0, 0xA3):
            parts.append(ber.tlv(tag, content))
    return _signed_anew(made, signer, ber.sequence(*parts))


def signed_with_sha1(name: str, issuer: x509.Name, key: rsa.RSAPrivateKey, *, ca: bool = False) -> x509.Certificate:
    """What no builder signs any more."""
    made = make(name, ca=ca, dns="tmc.example")
    builder = x509.CertificateBuilder(issuer, made.certificate.subject, made.key.public_key(), 1)
    for each in made.certificate.extensions:
        builder = builder.add_extension(each.value, each.critical)
    dated = builder.not_valid_before(made.certificate.not_valid_before_utc).not_valid_after(
        made.certificate.not_valid_after_utc
    )
    signed = dated.sign(key, hashes.SHA256()).tbs_certificate_bytes.replace(_RSA_WITH + b"\x0b", _RSA_WITH + b"\x05")
    algorithm = ber.sequence(ber.tlv(0x06, _RSA_WITH[2:] + b"\x05"), ber.tlv(0x05, b""))
    signature = key.sign(signed, padding.PKCS1v15(), hashes.SHA1())
    return x509.load_der_x509_certificate(ber.sequence(signed, algorithm, ber.tlv(0x03, b"\0" + signature)))


_RSA_WITH = bytes.fromhex("06092a864886f70d0101")
