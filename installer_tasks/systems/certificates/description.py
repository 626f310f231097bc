"""What people compare of a certificate, as plain data. Never fails: servers present odd ones."""

from __future__ import annotations

import hashlib
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from installer_tasks.systems.certificates.chains import is_ca, path_length
from installer_tasks.systems.certificates.extensions import UNREADABLE, extension
from installer_tasks.systems.certificates.subjects import issuer_of, subject_of


def describe(certificate: x509.Certificate) -> dict[str, Any]:
    names = alternative_names(certificate)
    return {
        "subject": subject_of(certificate) or ", ".join(names),
        "issuer": issuer_of(certificate),
        "not_before": certificate.not_valid_before_utc.isoformat(),
        "not_after": certificate.not_valid_after_utc.isoformat(),
        "sans": names,
        "is_ca": is_ca(certificate),
        "path_length": path_length(certificate),
        "key": _key_kind(certificate),
        "sha256": hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest(),
    }


def alternative_names(certificate: x509.Certificate) -> list[str]:
    """DNS names and IP addresses that the certificate is for."""
    names = extension(certificate, x509.SubjectAlternativeName)
    if names is None:
        return []
    addresses = [str(address) for address in names.get_values_for_type(x509.IPAddress)]
    return [*names.get_values_for_type(x509.DNSName), *addresses]


def _key_kind(certificate: x509.Certificate) -> str:
    try:
        key = certificate.public_key()
    except UNREADABLE:
        return "unknown"
    match key:
        case rsa.RSAPublicKey() | dsa.DSAPublicKey():
            return f"{'RSA' if isinstance(key, rsa.RSAPublicKey) else 'DSA'} {key.key_size}"
        case ec.EllipticCurvePublicKey():
            return f"EC {key.curve.name}"
        case ed25519.Ed25519PublicKey():
            return "Ed25519"
        case ed448.Ed448PublicKey():
            return "Ed448"
    return "unknown"
