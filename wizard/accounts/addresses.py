"""Whose address a request has: the connection's own, or what a proxy named in TMC_INSTALLER_PROXIES says of it."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

from django.conf import settings
from django.http import HttpRequest

#: A site has all addresses of a network of this size: one counter for each address would be none.
SITE = 64


def address_of(request: HttpRequest) -> str:
    """Read from the right: each trusted proxy adds the address that it saw; what is left of that is a claim."""
    found = str(request.META.get("REMOTE_ADDR") or "")
    for said in reversed(request.headers.get("X-Forwarded-For", "").split(",")):
        if not _trusted(found) or _address(said.strip()) is None:
            break
        found = said.strip()
    return found


def network_of(address: str) -> str:
    """What is counted together."""
    known = _address(address)
    if not isinstance(known, IPv6Address):
        return str(known or address)
    return str(ip_network((known, SITE), strict=False))


def _trusted(address: str) -> bool:
    known = _address(address)
    return known is not None and any(known in network for network in settings.PROXIES)


def _address(said: str) -> Any:
    try:
        found = ip_address(said.partition("%")[0])
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found
