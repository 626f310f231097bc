"""What Go's reader of certificates rejects although ours takes it: no pod of TMC-SM can use such a certificate."""

from __future__ import annotations

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from installer_tasks.systems.certificates.extensions import UNREADABLE
from installer_tasks.text import Text
from installer_tasks.text import mark as _

_CURVES = ("secp224r1", "secp256r1", "secp384r1", "secp521r1")


def rejection(certificate: x509.Certificate) -> Text | None:
    """Why no version of Go takes this certificate."""
    try:
        list(certificate.extensions)
    except UNREADABLE:
        return Text(_("It has an extension twice, or one that cannot be read."))
    return None if _knows_curve(certificate) else Text(_("Its key is on an elliptic curve that Go does not support."))


def newer_rejection(certificate: x509.Certificate) -> Text | None:
    """Why versions from 1.23 on do not take it; which one is in a pod, nobody tells."""
    if certificate.serial_number < 0:
        return Text(_("Its serial number is negative, which Go 1.23 and later reject."))
    return None


def _knows_curve(certificate: x509.Certificate) -> bool:
    try:
        key = certificate.public_key()
    except UNREADABLE:
        return False
    return not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name in _CURVES
