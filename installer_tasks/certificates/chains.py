"""Judging certificates against each other: who signed whom, in which order, and whether that may be trusted."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

MAX_DEPTH = 10


@dataclass(frozen=True)
class ChainVerdict:
    """Whether a chain leads to a supplied authority, and if not why; `path` is as far as it was followed."""

    trusted: bool
    path: tuple[x509.Certificate, ...]
    reason: Text | None = None


def is_ca(certificate: x509.Certificate) -> bool:
    """Version 1 certificates have no constraints and are no authority to anybody today."""
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def path_length(certificate: x509.Certificate) -> int | None:
    """How many authorities may stand between this one and a server; None without a limit."""
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length
    except x509.ExtensionNotFound:
        return None


def has_expired(certificate: x509.Certificate, at: datetime | None = None) -> bool:
    return (at or datetime.now(UTC)) > certificate.not_valid_after_utc


def key_matches(certificate: x509.Certificate, key: PrivateKeyTypes) -> bool:
    """Whether this is the certificate's key."""
    return key.public_key() == certificate.public_key()


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
        problems.append(Text(_("The chain is upside down: the server's own certificate must come first.")))
    for number, (certificate, issuer) in enumerate(itertools.pairwise(chain), start=1):
        if not signed_by(certificate, issuer):
            problems.append(
                text(
                    _("Certificate %(number)d (%(subject)s) is not signed by the one after it (%(next)s)."),
                    number=number,
                    subject=certificate.subject.rfc4514_string(),
                    next=issuer.subject.rfc4514_string(),
                )
            )
    return tuple(problems)


def verify_chain(
    chain: Sequence[x509.Certificate], authorities: Sequence[x509.Certificate], at: datetime | None = None
) -> ChainVerdict:
    """Follow the chain from its first certificate to one of the authorities, as TLS clients do.

    1. Each certificate on the way must be valid now.
    2. It is trusted when it is one of the authorities, or is signed by one.
    3. Otherwise its signer is looked for among the rest of the chain, in any order.
    """
    now = at or datetime.now(UTC)
    path, current = [chain[0]], chain[0]
    for _step in range(MAX_DEPTH):
        if problem := _unfit(current, now, below=len(path) - 2):
            return ChainVerdict(False, tuple(path), problem)
        if current in authorities:
            return ChainVerdict(True, tuple(path))
        issuer = _issuer_among(current, (*authorities, *chain[1:]))
        if issuer is None or issuer in path:
            break
        path, current = [*path, issuer], issuer
    reason = text(
        _("%(subject)s is signed by %(issuer)s, which is not among the supplied authorities."),
        subject=current.subject.rfc4514_string() or "-",
        issuer=current.issuer.rfc4514_string() or "-",
    )
    return ChainVerdict(False, tuple(path), reason)


def _issuer_among(certificate: x509.Certificate, candidates: Sequence[x509.Certificate]) -> x509.Certificate | None:
    """A valid signer before one that has expired: renewed authorities often keep name and key."""
    signers = [candidate for candidate in candidates if signed_by(certificate, candidate)]
    return min(signers, key=has_expired, default=None)


def _unfit(certificate: x509.Certificate, now: datetime, *, below: int) -> Text | None:
    """Why this one breaks the chain; `below` is how many authorities it vouches for, -1 for the server's own."""
    subject = certificate.subject.rfc4514_string() or "-"
    if now > certificate.not_valid_after_utc:
        return text(
            _("%(subject)s expired on %(day)s."), subject=subject, day=f"{certificate.not_valid_after_utc:%Y-%m-%d}"
        )
    if now < certificate.not_valid_before_utc:
        return text(
            _("%(subject)s is valid only from %(day)s; compare the clocks."),
            subject=subject,
            day=f"{certificate.not_valid_before_utc:%Y-%m-%d}",
        )
    if below < 0:
        return None
    if not is_ca(certificate):
        return text(_("%(subject)s has signed, but is not a certificate authority."), subject=subject)
    limit = path_length(certificate)
    if limit is not None and below > limit:
        return text(_("%(subject)s may not vouch for %(count)d more authorities."), subject=subject, count=below)
    return None
