"""What authorities may vouch for, as Go judges it: purposes, names, signatures, and critical extensions."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from installer_tasks.systems.certificates.extensions import UNREADABLE, extension
from installer_tasks.systems.certificates.subjects import subject_of
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

Name = x509.DNSName | x509.IPAddress
_FOR_SERVERS = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE)
_WEAK = ("md5", "sha1")
#: Extensions that Go understands; any other one that is critical makes it reject the chain.
_UNDERSTOOD = frozenset(
    (
        ExtensionOID.KEY_USAGE,
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
        ExtensionOID.NAME_CONSTRAINTS,
        ExtensionOID.CRL_DISTRIBUTION_POINTS,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.CERTIFICATE_POLICIES,
        ExtensionOID.POLICY_MAPPINGS,
        ExtensionOID.POLICY_CONSTRAINTS,
        ExtensionOID.INHIBIT_ANY_POLICY,
    )
)
_UNDERSTOOD_NAMES = (x509.DNSName, x509.IPAddress, x509.RFC822Name, x509.UniformResourceIdentifier)


def for_servers(certificate: x509.Certificate) -> bool:
    """Whether its extended key usage allows servers, or is not there."""
    usages = extension(certificate, x509.ExtendedKeyUsage)
    return usages is None or any(usage in _FOR_SERVERS for usage in usages)


def has_weak_signature(certificate: x509.Certificate) -> bool:
    """Whether it is signed with what Go, browsers and OpenSSL reject."""
    try:
        found = certificate.signature_hash_algorithm
    except UNREADABLE:
        return True
    return found is not None and found.name in _WEAK


def not_understood(certificate: x509.Certificate) -> str:
    """The first critical extension that Go does not understand, else empty."""
    for each in certificate.extensions:
        if each.critical and (each.oid not in _UNDERSTOOD or _has_foreign_names(each.value)):
            return f"{each.oid._name} ({each.oid.dotted_string})"
    return ""


def _has_foreign_names(value: x509.ExtensionType) -> bool:
    if not isinstance(value, x509.NameConstraints):
        return False
    names = (*(value.permitted_subtrees or ()), *(value.excluded_subtrees or ()))
    return any(not isinstance(name, _UNDERSTOOD_NAMES) for name in names)


def violated(path: Sequence[x509.Certificate]) -> Text | None:
    """Which authority of the path may not sign for which name below it."""
    for number, authority in enumerate(path[1:], start=1):
        constraints = extension(authority, x509.NameConstraints)
        names = [name for each in path[:number] for name in _names(each)] if constraints else []
        for name in names:
            if constraints is not None and not _allows(constraints, name):
                return text(
                    _("%(subject)s may not sign for %(name)s: its name constraints exclude it."),
                    subject=subject_of(authority) or "-",
                    name=str(name.value),
                )
    return None


def _names(certificate: x509.Certificate) -> Iterator[Name]:
    found = extension(certificate, x509.SubjectAlternativeName)
    for name in found or ():
        if isinstance(name, x509.DNSName | x509.IPAddress):
            yield name


def _allows(constraints: x509.NameConstraints, name: Name) -> bool:
    permitted = [each for each in constraints.permitted_subtrees or () if type(each) is type(name)]
    excluded = [each for each in constraints.excluded_subtrees or () if type(each) is type(name)]
    if any(_is_below(name, each, excluding=True) for each in excluded):
        return False
    return not permitted or any(_is_below(name, each) for each in permitted)


def _is_below(name: Name, limit: x509.GeneralName, *, excluding: bool = False) -> bool:
    if isinstance(name, x509.DNSName):
        return _dns_is_below(name.value.lower(), str(limit.value).lower(), excluding=excluding)
    networks = (ipaddress.IPv4Network, ipaddress.IPv6Network)
    return isinstance(limit.value, networks) and name.value in limit.value


def _dns_is_below(name: str, limit: str, *, excluding: bool) -> bool:
    """`.example.com` is the names below it alone; a wildcard stands for every name that it may cover."""
    exactly = not limit.startswith(".") and name == limit
    below = not limit or exactly or name.endswith(f".{limit.removeprefix('.')}")
    return below or (excluding and name.startswith("*.") and limit.partition(".")[2] == name[2:])
