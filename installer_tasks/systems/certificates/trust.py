"""Whether a chain may be trusted, judged as Go does, which every pod of TMC-SM runs; `cryptography` judges again.

docs/consumers.md says where the three differ, and what was decided.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.x509 import verification

from installer_tasks.systems.certificates.chains import (
    has_expired,
    is_ca,
    is_version_1,
    may_sign,
    path_length,
    signed_by,
)
from installer_tasks.systems.certificates.extensions import extension
from installer_tasks.systems.certificates.go import rejection
from installer_tasks.systems.certificates.limits import for_servers, has_weak_signature, not_understood, violated
from installer_tasks.systems.certificates.subjects import issuer_of, subject_of
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _
from installer_tasks.text import mark_plural as ngettext

#: Certificates looked at before a chain is given up: cross-signed authorities can make very many paths.
MAX_LOOKS = 100
#: Of what the second judge says, what counts: it is stricter than Go in the rest, such as key sizes.
_CONSTRAINED = "name constraint"

Certificates = Sequence[x509.Certificate]
Path = tuple[x509.Certificate, ...]


@dataclass(frozen=True)
class ChainVerdict:
    """Whether a chain leads to a supplied authority, and if not why; `path` is as far as it was followed."""

    trusted: bool
    path: Path
    reason: Text | None = None


def verify_chain(chain: Certificates, authorities: Certificates, at: datetime | None = None) -> ChainVerdict:
    """Follow the chain from its first certificate to one of the authorities, as TLS clients do.

    1. Each certificate on the way must be valid now, and each above the first be an authority that may sign.
    2. Its signer is looked for among the authorities and the rest of the chain, in any order; every path is tried.
    3. A path that ends at an authority is judged as a whole: purposes and name constraints.
    """
    return _Search(chain, authorities, at or datetime.now(UTC)).follow((chain[0],))


class _Search:
    def __init__(self, chain: Certificates, authorities: Certificates, now: datetime) -> None:
        self._authorities = tuple(authorities)
        self._candidates = tuple(dict.fromkeys((*authorities, *chain[1:])))
        self._now = now
        self._looks = 0

    def follow(self, path: Path) -> ChainVerdict:
        current = path[-1]
        self._looks += 1
        supplied = current in self._authorities
        # Whoever supplies one of version 1, which cannot say that it is an authority, says so himself.
        below = -1 if supplied and is_version_1(current) else len(path) - 2
        if problem := _unfit(current, self._now, below=below):
            return ChainVerdict(False, path, problem)
        if supplied:
            problem = _unfit_together(path, self._now)
            return ChainVerdict(problem is None, path, problem)
        failure: ChainVerdict | None = None
        for issuer in self._issuers(path):
            if self._looks >= MAX_LOOKS:
                break
            found = self.follow((*path, issuer))
            if found.trusted:
                return found
            failure = failure or found
        return failure or ChainVerdict(False, path, _unsigned(current))

    def _issuers(self, path: Path) -> Iterator[x509.Certificate]:
        """Valid signers before expired ones: renewed authorities often keep name and key."""
        signers = [each for each in self._candidates if each not in path and signed_by(path[-1], each)]
        yield from sorted(signers, key=lambda each: has_expired(each, self._now))


def _unsigned(certificate: x509.Certificate) -> Text:
    return text(
        _("%(subject)s is signed by %(issuer)s, which is not among the CA certificates you entered."),
        subject=subject_of(certificate) or "-",
        issuer=issuer_of(certificate) or "-",
    )


def _unfit(certificate: x509.Certificate, now: datetime, *, below: int) -> Text | None:
    """Why this one breaks the chain; `below` is how many authorities it vouches for, -1 for the server's own."""
    subject = subject_of(certificate) or "-"
    if now > certificate.not_valid_after_utc:
        day = f"{certificate.not_valid_after_utc:%Y-%m-%d}"
        return text(_("%(subject)s expired on %(day)s."), subject=subject, day=day)
    if now < certificate.not_valid_before_utc:
        day = f"{certificate.not_valid_before_utc:%Y-%m-%d}"
        return text(_("%(subject)s is not valid before %(day)s; check the clocks."), subject=subject, day=day)
    if reason := rejection(certificate):
        return reason
    if found := not_understood(certificate):
        cause = _("%(subject)s has the critical extension %(extension)s, which Go does not understand.")
        return text(cause, subject=subject, extension=found)
    return _unfit_authority(certificate, subject, below) if below >= 0 else None


def _unfit_authority(certificate: x509.Certificate, subject: str, below: int) -> Text | None:
    if not is_ca(certificate):
        return text(_("%(subject)s signed a certificate, but is not a CA certificate."), subject=subject)
    if not may_sign(certificate):
        return text(_("%(subject)s may not sign certificates: its key usage lacks keyCertSign."), subject=subject)
    limit = path_length(certificate)
    if limit is not None and below > limit:
        return text(
            ngettext(
                "The path length of %(subject)s does not allow %(count)d CA below it.",
                "The path length of %(subject)s does not allow %(count)d CAs below it.",
            ),
            subject=subject,
            count=below,
        )
    return None


def _unfit_together(path: Path, now: datetime) -> Text | None:
    """Why a path that ends at a supplied authority is not to be trusted all the same."""
    for certificate in path[:-1]:
        if has_weak_signature(certificate):
            cause = _("%(subject)s is signed with MD5 or SHA-1, which Go, browsers and OpenSSL reject.")
            return text(cause, subject=subject_of(certificate) or "-")
    for certificate in path:
        if not for_servers(certificate):
            cause = _("%(subject)s is not for servers: its extended key usage lacks serverAuth.")
            return text(cause, subject=subject_of(certificate) or "-")
    return violated(path) or _second_judgement(path, now)


def _second_judgement(path: Path, now: datetime) -> Text | None:
    """What `cryptography` says of the names, on which rules written by hand are most easily wrong."""
    name = _server(path[0])
    if name is None or len(path) == 1:
        return None
    anything = verification.ExtensionPolicy.permit_all()
    agnostic = verification.Criticality.AGNOSTIC
    policy = (
        verification.PolicyBuilder()
        .store(verification.Store([path[-1]]))
        .time(now)
        .extension_policies(
            ca_policy=anything.require_present(x509.BasicConstraints, agnostic, None),
            ee_policy=anything.require_present(x509.SubjectAlternativeName, agnostic, None),
        )
    )
    try:
        policy.build_server_verifier(name).verify(path[0], list(path[1:-1]))
    except verification.VerificationError as error:
        if _CONSTRAINED in str(error) and "matched" in str(error):
            cause = _("An authority above %(subject)s may not sign for its names: name constraints exclude them.")
            return text(cause, subject=subject_of(path[0]) or "-")
    return None


def _server(certificate: x509.Certificate) -> verification.Subject | None:
    """A name that the certificate is for."""
    names = extension(certificate, x509.SubjectAlternativeName)
    for name in names or ():
        if isinstance(name, x509.DNSName):
            return x509.DNSName(name.value.replace("*", "any", 1))
        if isinstance(name, x509.IPAddress) and not hasattr(name.value, "prefixlen"):
            return name
    return None
