"""The practice certificate authority: made on first use in its own folder, signs every certificate of the estate."""

from __future__ import annotations

import contextlib
import fcntl
import ipaddress
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from installer_tasks.errors import Invalid
from installer_tasks.text import mark as _
from installer_tasks.text import text

SUBJECT = "TMC-SM practice CA"
CA_LIFETIME = timedelta(days=3650)
LIFETIME = timedelta(days=90)
CLOCK_SKEW = timedelta(minutes=5)
#: A common name longer than this is not valid X.509; the names are in the SAN anyway.
MAX_COMMON_NAME = 64


@dataclass(frozen=True)
class Issued:
    """A certificate with its key. `chain_pem` is the certificate followed by its issuer, as servers present it."""

    cert_pem: str
    chain_pem: str
    key_pem: str = field(repr=False)


class PracticeCA:
    """Signs certificates that are real and valid for whoever trusts `ca_pem`."""

    def __init__(self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey, ca_file: Path) -> None:
        self._certificate = certificate
        self._key = key
        self.ca_file = ca_file
        self.ca_pem = _pem(certificate)

    @classmethod
    def load_or_create(cls, folder: Path) -> PracticeCA:
        """The authority of this folder. Processes that come at the same time get the same one."""
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        ca_file, key_file = folder / "ca.crt", folder / "ca.key"
        with _alone(folder):
            if not (ca_file.exists() and key_file.exists()):
                key = ec.generate_private_key(ec.SECP256R1())
                _write(key_file, _key_pem(key), 0o600)
                _write(ca_file, _pem(_self_signed(key)), 0o644)
        certificate, loaded = _load(ca_file, key_file)
        return cls(certificate, loaded, ca_file)

    @property
    def key_pem(self) -> str:
        return _key_pem(self._key)

    def issue(
        self,
        names: Sequence[str],
        *,
        common_name: str = "",
        client: bool = False,
        organizations: Sequence[str] = (),
        lifetime: timedelta = LIFETIME,
    ) -> Issued:
        """A certificate for these DNS names and IP addresses; for signing in as a user with `client`.

        `organizations` are a Kubernetes user's groups. A negative `lifetime` gives one that has expired by that much.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _subject(common_name or (names[0] if names else ""), organizations)
        usages = [ExtendedKeyUsageOID.CLIENT_AUTH] if client else []
        builder = self._builder(subject, key, lifetime)
        if names:
            usages.append(ExtendedKeyUsageOID.SERVER_AUTH)
            builder = builder.add_extension(_alternatives(names), critical=not list(subject))
        if usages:
            builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        certificate = _pem(builder.sign(self._key, hashes.SHA256()))
        return Issued(certificate, certificate + self.ca_pem, _key_pem(key))

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, lifetime: timedelta
    ) -> x509.CertificateBuilder:
        end = datetime.now(UTC) + lifetime
        start = min(datetime.now(UTC), end) - CLOCK_SKEW
        own_id = self._certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        return (
            _signed_for(subject, key, self._certificate.subject, start, end)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(ca=False), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own_id), critical=False)
        )

    def issue_files(
        self, folder: Path, name: str, sans: Sequence[str], *, lifetime: timedelta = LIFETIME
    ) -> tuple[Path, Path]:
        """A server certificate as `<name>.crt` (with its chain) and `<name>.key` in `folder`."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        issued = self.issue(sans, lifetime=lifetime)
        cert_file, key_file = folder / f"{name}.crt", folder / f"{name}.key"
        _write(key_file, issued.key_pem, 0o600)
        _write(cert_file, issued.chain_pem, 0o644)
        return cert_file, key_file


def _self_signed(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    now = datetime.now(UTC)
    # A number of its own, so that a browser never takes two practice authorities for one.
    name = _subject(f"{SUBJECT} {x509.random_serial_number() % 16**6:06x}", ("Practice estate",))
    return (
        _signed_for(name, key, name, now - CLOCK_SKEW, now + CA_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
        .add_extension(_key_usage(ca=True), critical=True)
        .sign(key, hashes.SHA256())
    )


def _signed_for(
    subject: x509.Name, key: ec.EllipticCurvePrivateKey, issuer: x509.Name, start: datetime, end: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _subject(common_name: str, organizations: Sequence[str]) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, name) for name in organizations]
    if 0 < len(common_name) <= MAX_COMMON_NAME:
        attributes.append(x509.NameAttribute(NameOID.COMMON_NAME, common_name))
    return x509.Name(attributes)


def _alternatives(names: Sequence[str]) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([_alternative(name) for name in names])


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _key_usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


def _key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _write(path: Path, content: str, mode: int) -> None:
    """Whole or not at all, and never readable by others meanwhile."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(content)
    draft.replace(path)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _load(ca_file: Path, key_file: Path) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    try:
        certificate = x509.load_pem_x509_certificate(ca_file.read_bytes())
        key = load_pem_private_key(key_file.read_bytes(), password=None)
    except ValueError as error:
        raise _damaged(ca_file) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise _damaged(ca_file)
    return certificate, key


def _damaged(ca_file: Path) -> Invalid:
    return Invalid(
        text(_("The practice CA in %(folder)s is damaged."), folder=str(ca_file.parent)),
        value=str(ca_file),
        remedy=text(_("Delete this folder; the next start creates a new CA.")),
        code="practice-ca-damaged",
    )
