"""The certificate with which `up` serves HTTPS: a person's own, or one made here and named by its fingerprint."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from installer_tasks.errors import InputError
from installer_tasks.local import state_folder
from installer_tasks.text import mark as _
from installer_tasks.text import text

#: Browsers accept no longer life; a new one is made when less than this is left at a start.
LIFE, LEFT = timedelta(days=397), timedelta(days=30)


@dataclass(frozen=True)
class Files:
    certificate: Path
    key: Path

    @property
    def fingerprint(self) -> str:
        """As browsers show it: SHA-256 of the certificate, in pairs."""
        return _load(self.certificate).fingerprint(hashes.SHA256()).hex(":").upper()

    def trusted(self) -> ssl.SSLContext:
        """For our own look at our own server: this certificate and no other, under whatever name."""
        context = ssl.create_default_context(cafile=str(self.certificate))
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.check_hostname = False
        return context


def given(certificate: Path, key: Path) -> Files:
    """A person's own. Raises InputError when the two cannot serve together."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=_no_password)
    except (OSError, ssl.SSLError, ValueError) as error:
        raise InputError(
            text(_("The certificate and the key cannot be used together: %(why)s"), why=str(error)),
            value=f"{certificate}, {key}",
            remedy=text(_("Name a PEM certificate with its chain, and its key without a passphrase.")),
            field="tls",
        ) from error
    return Files(certificate, key)


def made(folder: Path, names: Iterable[str]) -> Files:
    """The one in the state folder; made anew when it is for other names, or ends soon."""
    place = state_folder.private_folder(folder / "tls")
    files, wanted = Files(place / "certificate.pem", place / "key.pem"), list(dict.fromkeys(names))
    if not (files.key.exists() and files.certificate.exists() and _serves(_load(files.certificate), wanted)):
        _make(files, wanted)
    return files


def _serves(certificate: x509.Certificate, names: list[str]) -> bool:
    alternative = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return set(alternative) == set(map(_general, names)) and certificate.not_valid_after_utc - LEFT > datetime.now(UTC)


def _make(files: Files, names: list[str]) -> None:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "TMC-SM installer")])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + LIFE - timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName(map(_general, names)), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    _write(files.key, pem)
    _write(files.certificate, made.public_bytes(serialization.Encoding.PEM))


def _write(path: Path, content: bytes) -> None:
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    draft.replace(path)


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name.strip("[]")))
    except ValueError:
        return x509.DNSName(name.encode("idna").decode())


def _load(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def _no_password() -> str:
    """Instead of asking at the terminal."""
    raise ValueError("the key has a passphrase")
