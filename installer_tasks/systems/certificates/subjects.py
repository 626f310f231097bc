"""Subject and issuer of a certificate as people read them, also where the library cannot: it knows no T61String."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from cryptography import x509
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives.serialization import Encoding

from installer_tasks.systems.certificates.extensions import UNREADABLE

#: How the text of an attribute is written, by its tag. T61String is read as Latin-1, as Go and OpenSSL do.
_UTF8, _NUMERIC, _PRINTABLE, _T61, _IA5, _BMP, _UNIVERSAL = (bytes((tag,)) for tag in (12, 18, 19, 20, 22, 30, 28))
_ENCODINGS = {_UTF8: "utf-8", _T61: "latin-1", _BMP: "utf-16-be", _UNIVERSAL: "utf-32-be"}
#: What Go takes under each tag; under any other tag, nothing. T61String may hold anything.
_ALLOWED = {
    _NUMERIC: re.compile(rb"[0-9 ]*"),
    _PRINTABLE: re.compile(rb"[A-Za-z0-9 '()+,\-./:=?*&]*"),
    _IA5: re.compile(rb"[\x00-\x7f]*"),
}
Role = Literal["subject", "issuer"]


@asn1.sequence
class _Attribute:
    oid: x509.ObjectIdentifier
    value: asn1.TLV


@asn1.sequence
class _Extension:
    oid: x509.ObjectIdentifier
    critical: Annotated[bool, asn1.Default(False)]
    value: bytes


@asn1.sequence
class _Signed:
    """TBSCertificate of RFC 5280 §4.1."""

    version: Annotated[int | None, asn1.Explicit(0)]
    serial: int
    signature: asn1.TLV
    issuer: list[asn1.SetOf[_Attribute]]
    validity: asn1.TLV
    subject: list[asn1.SetOf[_Attribute]]
    key: asn1.TLV
    issuer_id: Annotated[asn1.BitString | None, asn1.Implicit(1)]
    subject_id: Annotated[asn1.BitString | None, asn1.Implicit(2)]
    extensions: Annotated[list[_Extension] | None, asn1.Explicit(3)]


@asn1.sequence
class _Whole:
    signed: asn1.TLV
    algorithm: asn1.TLV
    signature: asn1.BitString


def subject_of(certificate: x509.Certificate) -> str:
    """As RFC 4514 writes it; never fails."""
    return _named(certificate, "subject")


def issuer_of(certificate: x509.Certificate) -> str:
    return _named(certificate, "issuer")


Fault = Literal["", "utf-8", "characters"]


def name_fault(certificate: x509.Certificate) -> Fault:
    """What is wrong with a name so that Go rejects the whole certificate: no UTF-8, or characters of another type."""
    try:
        signed = _signed(certificate)
    except UNREADABLE:
        return ""
    faults = [_fault(part) for name in (signed.subject, signed.issuer) for parts in name for part in parts.as_list()]
    return next(filter(None, faults), "")


def is_signed_as_it_says(certificate: x509.Certificate) -> bool:
    """Whether the algorithm of the signature is named alike inside and outside of what is signed."""
    try:
        inner = _signed(certificate).signature
        outer = asn1.decode_der(_Whole, certificate.public_bytes(Encoding.DER)).algorithm
    except UNREADABLE:
        return True
    return bytes(inner.data) == bytes(outer.data)


def _fault(part: _Attribute) -> Fault:
    tag, data = part.value.tag_bytes, bytes(part.value.data)
    if tag in (_UTF8, _BMP):
        return "" if _decodes(data, _ENCODINGS[tag]) else "utf-8"
    allowed = _ALLOWED.get(tag)
    return "" if tag == _T61 or (allowed and allowed.fullmatch(data)) else "characters"


def _named(certificate: x509.Certificate, role: Role) -> str:
    try:
        return (certificate.subject if role == "subject" else certificate.issuer).rfc4514_string()
    except UNREADABLE:
        pass
    try:
        return ",".join(reversed([_shown(part) for part in _attributes(certificate, role)]))
    except UNREADABLE:
        return ""


def _attributes(certificate: x509.Certificate, role: Role) -> list[_Attribute]:
    signed = _signed(certificate)
    return [part for parts in (signed.subject if role == "subject" else signed.issuer) for part in parts.as_list()]


def _shown(part: _Attribute) -> str:
    value = bytes(part.value.data).decode(_ENCODINGS.get(part.value.tag_bytes, "latin-1"), "replace")
    try:
        return x509.NameAttribute(part.oid, value).rfc4514_string()
    except (ValueError, TypeError):
        return f"{part.oid.dotted_string}={value}"


def _signed(certificate: x509.Certificate) -> _Signed:
    return asn1.decode_der(_Signed, certificate.tbs_certificate_bytes)


def _decodes(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
