"""Reading what a person pasted or uploaded as a certificate or a key, and saying exactly what it is instead."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from installer_tasks.certificates.chains import is_ca, path_length
from installer_tasks.errors import InputError
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

MAX_BYTES = 1 << 20
#: All public roots of a browser are about 150; some people trust them all.
MAX_CERTIFICATES = 500

_BEGIN, _END, _DASHES = "-----BEGIN ", "-----END ", "-----"
_CERTIFICATE = ("CERTIFICATE", "X509 CERTIFICATE")
_DER_SEQUENCE = 0x30
_PASTE = Text(_("Paste the certificate that begins with -----BEGIN CERTIFICATE-----."))


def parse_bundle(
    source: str | bytes, *, field: str = "", limit: int = MAX_CERTIFICATES
) -> tuple[x509.Certificate, ...]:
    """The certificates of a PEM text, at least one; InputError says what else it is. The content is never repeated."""
    pem = _as_text(source, field)
    found: list[x509.Certificate] = []
    for label, body in _blocks(pem, field):
        if label not in _CERTIFICATE:
            raise _wrong_kind(label, field)
        if len(found) == limit:
            raise InputError(
                text(_("There are more than %(limit)d certificates."), limit=limit),
                remedy=Text(_("Supply only the authorities that signed the systems of this installation.")),
                field=field,
                code="pem-too-many",
            )
        found.append(_certificate(body, len(found) + 1, field))
    if not found:
        raise InputError(Text(_("There is no certificate in this text.")), remedy=_PASTE, field=field, code="pem-none")
    return tuple(found)


def parse_key(source: str | bytes, *, password: str = "", field: str = "") -> PrivateKeyTypes:
    """The private key of a PEM text. No error repeats any of it."""
    pem = _as_text(source, field)
    labels = [label for label, _body in _blocks(pem, field)]
    if not any(label.endswith("PRIVATE KEY") for label in labels):
        cause = _("This is a certificate, not a key.") if labels else _("There is no private key in this text.")
        raise InputError(
            Text(cause),
            remedy=Text(_("Paste the key that begins with -----BEGIN PRIVATE KEY-----.")),
            field=field,
            code="pem-not-a-key",
        )
    try:
        return load_pem_private_key(pem.encode(), password.encode() or None)
    except TypeError as error:
        cause = _("The key needs no passphrase.") if password else _("The key is protected by a passphrase.")
        raise InputError(Text(cause), field=field, code="pem-key-passphrase") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InputError(
            Text(_("The private key cannot be read, or its passphrase is wrong.")),
            field=field,
            code="pem-key-unreadable",
        ) from error


def to_pem(certificates: tuple[x509.Certificate, ...]) -> str:
    return "".join(certificate.public_bytes(Encoding.PEM).decode() for certificate in certificates)


def describe(certificate: x509.Certificate) -> dict[str, Any]:
    """What people compare of a certificate, as plain data."""
    return {
        "subject": certificate.subject.rfc4514_string() or ", ".join(alternative_names(certificate)),
        "issuer": certificate.issuer.rfc4514_string(),
        "not_before": certificate.not_valid_before_utc.isoformat(),
        "not_after": certificate.not_valid_after_utc.isoformat(),
        "sans": alternative_names(certificate),
        "is_ca": is_ca(certificate),
        "path_length": path_length(certificate),
        "key": _key_kind(certificate),
        "sha256": hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest(),
    }


def alternative_names(certificate: x509.Certificate) -> list[str]:
    """DNS names and IP addresses that the certificate is for."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    addresses = [str(address) for address in names.get_values_for_type(x509.IPAddress)]
    return [*names.get_values_for_type(x509.DNSName), *addresses]


def _key_kind(certificate: x509.Certificate) -> str:
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
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


def _as_text(source: str | bytes, field: str) -> str:
    if len(source) > MAX_BYTES:
        raise InputError(
            text(_("This is larger than %(limit)d KiB, no list of certificates is."), limit=MAX_BYTES // 1024),
            remedy=_PASTE,
            field=field,
            code="pem-too-large",
        )
    if isinstance(source, str):
        return source.removeprefix("\ufeff")
    if source[:1] == bytes([_DER_SEQUENCE]):
        raise InputError(
            Text(_("This is a binary (DER) file, not PEM text.")),
            remedy=Text(_("Convert it: openssl x509 -inform der -in <file> -out <file>.pem")),
            field=field,
            code="pem-der",
        )
    try:
        return source.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(Text(_("This is not text.")), remedy=_PASTE, field=field, code="pem-binary") from error


def _blocks(pem: str, field: str) -> Iterator[tuple[str, str]]:
    """Label and whole block, in order; text around the blocks is let pass, as openssl writes it."""
    label, lines = "", list[str]()
    for raw in pem.splitlines():
        line = raw.strip()
        if line.startswith(_BEGIN) and line.endswith(_DASHES):
            if label:
                break
            label, lines = line[len(_BEGIN) : -len(_DASHES)], [line]
        elif label:
            lines.append(line)
            if line == f"{_END}{label}{_DASHES}":
                yield label, "\n".join(lines) + "\n"
                label = ""
    if label:
        raise InputError(
            text(_("The text ends, or another block begins, before -----END %(label)s-----."), label=label[:40]),
            remedy=Text(_("Copy it again, whole.")),
            field=field,
            code="pem-cut-short",
        )


def _wrong_kind(label: str, field: str) -> InputError:
    if label.endswith("PRIVATE KEY"):
        return InputError(
            Text(_("This is a private key, not a certificate.")),
            remedy=Text(_("Paste the certificate only; a key does not belong here and was not kept.")),
            field=field,
            code="pem-is-key",
        )
    return InputError(
        text(_("This is a %(label)s, not a certificate."), label=label[:40]),
        remedy=_PASTE,
        field=field,
        code="pem-wrong-kind",
    )


def _certificate(block: str, number: int, field: str) -> x509.Certificate:
    block = block.replace("X509 CERTIFICATE", "CERTIFICATE")
    try:
        certificate = x509.load_pem_x509_certificate(block.encode())
        describe(certificate)  # extensions and names are read late: what is broken in them must fail here
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InputError(
            text(_("Certificate %(number)d cannot be read: its content is damaged."), number=number),
            remedy=Text(_("Copy it again, whole.")),
            field=field,
            code="pem-unreadable",
        ) from error
    return certificate
