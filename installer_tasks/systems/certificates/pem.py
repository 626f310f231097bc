"""Reading what a person pasted or uploaded as a certificate or a key, and saying exactly what it is instead.

The one reader of certificates: for fields, uploads, kubeconfigs, answers files and commands. It takes PEM, DER, PKCS#7
and base64 without BEGIN lines, since none of them can mean anything else. No error repeats any of the input.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    load_der_private_key,
    load_der_public_key,
    load_pem_private_key,
    pkcs7,
)

from installer_tasks.decoding import ascii_with_comments, is_binary
from installer_tasks.errors import InputError
from installer_tasks.systems.certificates import armor, refusals
from installer_tasks.systems.certificates.extensions import UNREADABLE
from installer_tasks.systems.certificates.subjects import is_signed_as_it_says, name_fault

MAX_BYTES = 1 << 20
#: All public roots of a browser are about 150; some people trust them all.
MAX_CERTIFICATES = 500

_DER_SEQUENCE = 0x30
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
#: Base64 of base64 of a PEM file is what a Secret holds when a person encoded its value beforehand.
_WRAPPINGS = 2
#: An odd serial number and the order inside a PKCS#7 file are told by checks, or mean nothing.
warnings.filterwarnings("ignore", "Parsed a serial number which wasn't positive")
warnings.filterwarnings("ignore", "PKCS#7 certificates could not be parsed as DER")


def parse_bundle(
    source: str | bytes, *, field: str = "", limit: int = MAX_CERTIFICATES
) -> tuple[x509.Certificate, ...]:
    """The certificates of a file or a text, at least one; InputError says what else it is."""
    found: list[x509.Certificate] = []
    try:
        for certificate in _certificates(source):
            if len(found) == limit:
                raise refusals.too_many(limit)
            _check(certificate, len(found) + 1)
            found.append(certificate)
        if not found:
            raise refusals.nothing()
    except _Damaged:
        raise refusals.damaged(len(found) + 1, field) from None
    except InputError as error:
        error.field = field
        raise
    return tuple(found)


def parse_key(source: str | bytes, *, password: str = "", field: str = "") -> PrivateKeyTypes:
    """The private key of a PEM text."""
    return read_key(source, password=password, field=field)[0]


def read_key(source: str | bytes, *, password: str = "", field: str = "") -> tuple[PrivateKeyTypes, str]:
    """The private key of a PEM text, and its block as OpenSSL writes it."""
    try:
        blocks = _blocks(_as_text(source))
        block = next((block for block in blocks if block.label.endswith("PRIVATE KEY")), None)
        if block is None:
            raise refusals.no_key(certificate=bool(blocks))
        return _loaded_key(block, password)
    except InputError as error:
        error.field = field
        raise


def to_pem(certificates: tuple[x509.Certificate, ...]) -> str:
    return "".join(certificate.public_bytes(Encoding.PEM).decode() for certificate in certificates)


class _Damaged(Exception):
    """What stands in a certificate's place cannot be read."""


def _certificates(source: str | bytes) -> Iterator[x509.Certificate]:
    if len(source) > MAX_BYTES:
        raise refusals.too_large(MAX_BYTES)
    if isinstance(source, bytes) and _is_der(source):
        yield from _of_der(source)
        return
    written = _as_text(source)
    blocks = _blocks(written, certificates=True)
    if not blocks:
        yield from _of_bare(source, written)
    for block in blocks:
        yield from _of_block(block)


def _of_block(block: armor.Block) -> Iterator[x509.Certificate]:
    if block.label not in refusals.READ:
        raise refusals.wrong_kind(block.label)
    try:
        der = block.der()
    except ValueError:
        raise _Damaged from None
    yield from _of_der(der)


def _of_bare(source: str | bytes, written: str) -> Iterator[x509.Certificate]:
    """Of a text without BEGIN lines: base64 of a certificate, of a PEM file, or of base64 of either."""
    content = armor.bare(written)
    for _wrapping in range(_WRAPPINGS):
        if content is None or _is_der(content):
            break
        text = ascii_with_comments(content)
        if "-----BEGIN" in text:
            yield from _certificates(text)
            return
        content = armor.bare(text)
    if content is not None and _is_der(content):
        yield from _of_der(content)
    elif armor.has_stray(written):
        raise refusals.broken("stray")
    elif _REPLACEMENT in written:
        raise refusals.replaced()
    elif isinstance(source, bytes) and is_binary(source):
        raise refusals.binary()


def _is_der(content: bytes) -> bool:
    """A sequence; a long one would as text be a 0 followed by no letter, a short one says how long it is."""
    if len(content) < 3 or content[0] != _DER_SEQUENCE:
        return False
    return content[1] >= 0x80 or (content[1] == len(content) - 2 and is_binary(content))


def _of_der(der: bytes) -> Iterator[x509.Certificate]:
    """Told by content, not by label: Windows writes CERTIFICATE over whatever it encodes."""
    try:
        yield x509.load_der_x509_certificate(der)
        return
    except UNREADABLE:
        pass
    try:
        yield from pkcs7.load_der_pkcs7_certificates(der)
    except UNREADABLE:
        raise _what_else(der) from None


def _what_else(der: bytes) -> Exception:
    if der.count(_REPLACEMENT.encode()) > 1:
        return refusals.replaced()
    if b"\x02\x01\x03\x30" in der[:16]:  # its version: 3, and then what is kept
        return refusals.key_store()
    try:
        load_der_private_key(der, None)
    except TypeError:  # what the library raises for an encrypted key
        return refusals.is_key()
    except (ValueError, UnsupportedAlgorithm):
        pass
    else:
        return refusals.is_key()
    others = {
        "CERTIFICATE REQUEST": x509.load_der_x509_csr,
        "X509 CRL": x509.load_der_x509_crl,
        "PUBLIC KEY": load_der_public_key,
    }
    for label, load in others.items():
        try:
            load(der)
        except UNREADABLE:
            continue
        return refusals.wrong_kind(label)
    return _Damaged()


def _check(certificate: x509.Certificate, number: int) -> None:
    """What is read late must fail here, and what Go rejects with it: it is what every pod of TMC-SM runs."""
    if not is_signed_as_it_says(certificate):
        raise _Damaged
    if fault := name_fault(certificate):
        raise refusals.name_fault(number, fault)
    try:
        list(certificate.extensions)
    except x509.DuplicateExtension as error:
        raise refusals.extension_twice(number, error.oid) from None
    except UNREADABLE:
        raise refusals.extension_unreadable(number) from None


def _as_text(source: str | bytes) -> str:
    return (ascii_with_comments(source) if isinstance(source, bytes) else source).removeprefix("\ufeff")


def _blocks(source: str, *, certificates: bool = False) -> list[armor.Block]:
    if certificates and armor.mentions_key(source):
        raise refusals.is_key()
    try:
        return armor.blocks(source)
    except armor.Broken as error:
        raise refusals.broken(error.code) from None


def _loaded_key(block: armor.Block, password: str) -> tuple[PrivateKeyTypes, str]:
    try:
        pem = block.pem()
        return load_pem_private_key(pem.encode(), password.encode() or None), pem
    except TypeError:
        raise refusals.passphrase(needed=not password) from None
    except (ValueError, UnsupportedAlgorithm):
        raise refusals.key_unreadable() from None
