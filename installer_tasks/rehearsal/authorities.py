"""Other authorities than the practice CA: with intermediates, old, weak or not authorities at all."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

SOUND_BITS, WEAK_BITS = 2048, 1024
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True)
class Made:
    """An authority with its key."""

    certificate: x509.Certificate
    key: Key = field(repr=False)

    @property
    def pem(self) -> str:
        return pem(self.certificate)

    @property
    def key_pem(self) -> str:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


def make(
    name: str,
    signer: Made | None = None,
    *,
    days: int = 3650,
    ca: bool = True,
    may_sign: bool = True,
    path_length: int | None = None,
    rsa_bits: int = 0,
    curve: type[ec.EllipticCurve] = ec.SECP256R1,
) -> Made:
    """Signed by `signer`, or by itself; negative `days` give one that has expired by that much."""
    key: Key = rsa.generate_private_key(65537, rsa_bits) if rsa_bits else ec.generate_private_key(curve())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    end = datetime.now(UTC) + timedelta(days=days)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(signer.certificate.subject if signer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(min(end, datetime.now(UTC)) - timedelta(days=1))
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca, path_length if ca else None), critical=True)
        .add_extension(_usage(may_sign=may_sign), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return Made(builder.sign(signer.key if signer else key, hashes.SHA256()), key)


def _usage(*, may_sign: bool) -> x509.KeyUsage:
    others = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only",
         "decipher_only"), False,
    )  # fmt: skip
    return x509.KeyUsage(digital_signature=True, key_cert_sign=may_sign, crl_sign=may_sign, **others)


#: An intermediate signed with SHA-1, and its root: made with openssl, as newer libraries refuse. The keys are gone.
OF_2009 = """\
-----BEGIN CERTIFICATE-----
MIIBqjCCAVGgAwIBAgIUBSJFEbeLi9MeniVv0ABtHG0CoVIwCQYHKoZIzj0EATAg
MR4wHAYDVQQDDBVQcmFjdGljZSByb290IG9mIDIwMDkwIBcNMjYxMTIzMDk0OTU1
WhgPMjA1MTA3MTUwOTQ5NTVaMCUxIzAhBgNVBAMMGlByYWN0aWNlIGF1dGhvcml0
eSBvZiAyMDA5MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAESTJZQHS99bhfRAME
1PNzU8xp+90SzJJ1p71DQSRyWDiKYvd9gI1AftDWjCd/gag/dFJZT4V63sBhpmh5
vVYVg6NjMGEwDwYDVR0TAQH/BAUwAwEB/zAOBgNVHQ8BAf8EBAMCAQYwHQYDVR0O
BBYEFMpuqYAnpv1qhRlzAba3N4gTQeBzMB8GA1UdIwQYMBaAFF6ZPoqJx9B9NQDZ
qjh0TBAKEU6UMAkGByqGSM49BAEDSAAwRQIgL5/QPYwDKo/41Ropc6KofTnHnLI7
kBSHxrsoz9cV5ycCIQCPRuj+DEruZvbsAHYBV/AmpIt7cj8nMCqraCsc+DWT7g==
-----END CERTIFICATE-----
-----BEGIN CERTIFICATE-----
MIIBpjCCAU2gAwIBAgIUOtU5yyA+LznM6w9n2v6RlN7ojf0wCgYIKoZIzj0EAwIw
IDEeMBwGA1UEAwwVUHJhY3RpY2Ugcm9vdCBvZiAyMDA5MCAXDTI2MTEyMzA5NDk1
NVoYDzIwNTEwNzE1MDk0OTU1WjAgMR4wHAYDVQQDDBVQcmFjdGljZSByb290IG9m
IDIwMDkwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAS4KHrcJc+F8mSjjlHoMT1v
qid8wnRfS53Q2Ur4VjTGiL1/41a2bv3lnIkM0byGBZ6pzO3oAqvjbIDKiqRQvurK
o2MwYTAdBgNVHQ4EFgQUXpk+ionH0H01ANmqOHRMEAoRTpQwHwYDVR0jBBgwFoAU
Xpk+ionH0H01ANmqOHRMEAoRTpQwDwYDVR0TAQH/BAUwAwEB/zAOBgNVHQ8BAf8E
BAMCAQYwCgYIKoZIzj0EAwIDRwAwRAIgUXRW+28lG5WMOKhFHHzRsiKjVo6uTz2y
h0qF1ZSYXuoCIDAQHWvIQYapb8SCNqJV2pRVeA5yZOqoygq3L3lHwxLS
-----END CERTIFICATE-----
"""
