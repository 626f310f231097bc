"""Certificates for tests, made once in a process: small keys, short names."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


@dataclass(frozen=True)
class BlobPlacement:
    certificate: str
    key: str
    encrypted_key: str


@functools.cache
def self_signed(name: str) -> BlobPlacement:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return BlobPlacement(
        certificate.public_bytes(serialization.Encoding.PEM).decode(),
        _key(key, serialization.NoEncryption()),
        _key(key, serialization.BestAvailableEncryption(b"passphrase")),
    )


def _key(key: ec.EllipticCurvePrivateKey, encryption: serialization.KeySerializationEncryption) -> str:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption).decode()
