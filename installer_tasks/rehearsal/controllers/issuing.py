"""X.509 as cert-manager issues it: from a CA's Secret, for the names of a Certificate, into a TLS Secret."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from installer_tasks.rehearsal.controllers.roles import Role

SigningKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey
DEFAULT_DURATION = timedelta(days=90)


class IssuerBroken(Exception):
    """The issuer cannot sign; the text is cert-manager's message."""


@dataclass(frozen=True)
class Issued:
    """A certificate with its chain, its key, and the CA that signed it; all PEM."""

    certificate: str
    key: str = field(repr=False)
    ca: str = ""

    def as_data(self) -> dict[str, str]:
        """The data of a kubernetes.io/tls Secret."""
        pems = {"tls.crt": self.certificate, "tls.key": self.key, "ca.crt": self.ca}
        return {key: base64.b64encode(pem.encode()).decode() for key, pem in pems.items()}


@dataclass(frozen=True)
class Authority:
    """A CA that can sign: its certificate first, then those above it."""

    chain: Sequence[x509.Certificate]
    key: SigningKey = field(repr=False)

    @classmethod
    def from_secret(cls, secret: Mapping[str, Any]) -> Authority:
        """Raises IssuerBroken with cert-manager's words when there is no usable key pair in it."""
        data = secret.get("data") or {}
        try:
            chain = x509.load_pem_x509_certificates(base64.b64decode(data.get("tls.crt", "")))
            key = load_pem_private_key(base64.b64decode(data.get("tls.key", "")), password=None)
        except (ValueError, TypeError, binascii.Error, UnsupportedAlgorithm):
            raise IssuerBroken(
                "Error getting keypair for CA issuer: error decoding tls.key: no PEM data found"
            ) from None
        if not isinstance(key, SigningKey):
            raise IssuerBroken("Error getting keypair for CA issuer: unsupported private key type")
        if not _is_ca(chain[0]):
            raise IssuerBroken("Error getting keypair for CA issuer: certificate is not a CA")
        return cls(chain, key)

    def issue(self, spec: Mapping[str, Any], role: Role = Role()) -> Issued:  # noqa: B008 - a value
        """For the spec of a Certificate, as far as the role lets it."""
        return _issue(spec, self, role)


def _is_ca(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def self_signed(spec: Mapping[str, Any]) -> Issued:
    """What a selfSigned issuer makes."""
    return _issue(spec, None, Role())


def parse_duration(text: str) -> timedelta:
    """Go's form, `8780h`, `1h30m0s`."""
    units = {"h": "hours", "m": "minutes", "s": "seconds"}
    found = re.findall(r"(\d+)([hms])", text)
    return timedelta(**{units[unit]: int(number) for number, unit in found}) if found else DEFAULT_DURATION


def _issue(spec: Mapping[str, Any], authority: Authority | None, role: Role) -> Issued:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name(spec)
    signer = authority.chain[0] if authority else None
    builder = _builder(spec, subject, signer, role).public_key(key.public_key())
    signing_key: SigningKey = authority.key if authority else key
    builder = builder.add_extension(_authority_key(signer, signing_key), critical=False)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    certificate = builder.sign(signing_key, _hash_for(signing_key))
    chain = [certificate, *_intermediates(authority)]
    ca = authority.chain[-1] if authority else certificate
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
    return Issued("".join(_pem(part) for part in chain), pem, _pem(ca))


def _builder(
    spec: Mapping[str, Any], subject: x509.Name, signer: x509.Certificate | None, role: Role
) -> x509.CertificateBuilder:
    now = datetime.now(UTC).replace(microsecond=0)
    is_ca = bool(spec.get("isCA"))
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(signer.subject if signer else subject)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + _lifetime(spec, role))
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        .add_extension(_usage(is_ca), critical=True)
    )
    names = _alternative_names(spec)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=not list(subject))
    if not is_ca:
        purpose = ExtendedKeyUsageOID.SERVER_AUTH if role.for_servers else ExtendedKeyUsageOID.CLIENT_AUTH
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    return builder


def _lifetime(spec: Mapping[str, Any], role: Role) -> timedelta:
    asked = parse_duration(str(spec.get("duration", "")))
    return min(asked, timedelta(hours=role.most_hours)) if role.most_hours else asked


def _name(spec: Mapping[str, Any]) -> x509.Name:
    common = str(spec.get("commonName") or "")
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)] if common else [])


def _alternative_names(spec: Mapping[str, Any]) -> list[x509.GeneralName]:
    names: list[x509.GeneralName] = [x509.DNSName(name) for name in spec.get("dnsNames") or []]
    return names + [x509.IPAddress(ipaddress.ip_address(address)) for address in spec.get("ipAddresses") or []]


def _usage(is_ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_encipherment=not is_ca,
        key_cert_sign=is_ca,
        crl_sign=is_ca,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _authority_key(signer: x509.Certificate | None, key: SigningKey) -> x509.AuthorityKeyIdentifier:
    if signer is not None:
        try:
            found = signer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
            return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(found)
        except x509.ExtensionNotFound:
            pass
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())


def _hash_for(key: SigningKey) -> hashes.SHA256 | None:
    return None if isinstance(key, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey) else hashes.SHA256()


def _intermediates(authority: Authority | None) -> list[x509.Certificate]:
    """The part of the chain that a client does not have: all but the root."""
    if authority is None:
        return []
    return [certificate for certificate in authority.chain if certificate.subject != certificate.issuer]


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()
