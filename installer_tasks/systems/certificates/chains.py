"""What a certificate says of itself, and who signed whom in which order."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from installer_tasks.systems.certificates.extensions import UNREADABLE, extension
from installer_tasks.systems.certificates.subjects import subject_of
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _


def is_ca(certificate: x509.Certificate) -> bool:
    """One of version 1 cannot say so; Go, OpenSSL and browsers take it as a root, and as nothing else."""
    constraints = extension(certificate, x509.BasicConstraints)
    if constraints is None:
        return is_version_1(certificate) and signed_by(certificate, certificate)
    return constraints.ca


def is_version_1(certificate: x509.Certificate) -> bool:
    return certificate.version is x509.Version.v1


def may_sign(certificate: x509.Certificate) -> bool:
    """Whether its key usage lets it sign certificates; without that extension it may."""
    usage = extension(certificate, x509.KeyUsage)
    return usage is None or usage.key_cert_sign


def path_length(certificate: x509.Certificate) -> int | None:
    """How many authorities may stand between this one and a server; None without a limit."""
    constraints = extension(certificate, x509.BasicConstraints)
    return constraints.path_length if constraints else None


def has_expired(certificate: x509.Certificate, at: datetime | None = None) -> bool:
    return (at or datetime.now(UTC)) > certificate.not_valid_after_utc


def key_matches(certificate: x509.Certificate, key: PrivateKeyTypes) -> bool:
    """Whether this is the certificate's key."""
    try:
        return key.public_key() == certificate.public_key()
    except UNREADABLE:
        return False


def signed_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def order_problems(chain: Sequence[x509.Certificate]) -> tuple[Text, ...]:
    """What is wrong with the order: a server's own certificate first, then each one's signer."""
    problems = []
    if len(chain) > 1 and is_ca(chain[0]) and not is_ca(chain[-1]):
        problems.append(Text(_("The certificates are in reverse order; put the server's own certificate first.")))
    for number, (certificate, issuer) in enumerate(itertools.pairwise(chain), start=1):
        if not signed_by(certificate, issuer):
            problems.append(
                text(
                    _("Certificate %(number)d (%(subject)s) is not signed by the next one (%(next)s)."),
                    number=number,
                    subject=subject_of(certificate),
                    next=subject_of(issuer),
                )
            )
    return tuple(problems)
