"""What a certificate may be used for, and how strong it is: as plain data, for those who judge it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa

from installer_tasks.systems.certificates.chains import may_sign, signed_by
from installer_tasks.systems.certificates.description import describe
from installer_tasks.systems.certificates.extensions import UNREADABLE
from installer_tasks.systems.certificates.limits import for_servers


def anatomy(certificate: x509.Certificate, at: datetime | None = None) -> dict[str, Any]:
    """Like `describe`, with usages, strength, and the days that are left on `at`, now by default."""
    now = at or datetime.now(UTC)
    return {
        **describe(certificate),
        "may_sign": may_sign(certificate),
        "for_servers": for_servers(certificate),
        "self_signed": is_self_signed(certificate),
        "signature": signature_hash(certificate),
        "bits": _bits(certificate),
        "days_left": (certificate.not_valid_after_utc - now).days,
        "started": certificate.not_valid_before_utc <= now,
        "hours": round((certificate.not_valid_after_utc - certificate.not_valid_before_utc).total_seconds() / 3600),
    }


def is_self_signed(certificate: x509.Certificate) -> bool:
    return signed_by(certificate, certificate)


def signature_hash(certificate: x509.Certificate) -> str:
    """`sha256`; "" where the algorithm has none, as Ed25519, or is not known."""
    try:
        found = certificate.signature_hash_algorithm
    except UNREADABLE:
        return ""
    return found.name if found else ""


def _bits(certificate: x509.Certificate) -> int:
    """Of an RSA or DSA key, in the sense that browsers count; of others that of a comparable RSA key."""
    try:
        key = certificate.public_key()
    except UNREADABLE:
        return 0
    if isinstance(key, rsa.RSAPublicKey | dsa.DSAPublicKey):
        return key.key_size
    return key.key_size * 12 if isinstance(key, ec.EllipticCurvePublicKey) else 3072
