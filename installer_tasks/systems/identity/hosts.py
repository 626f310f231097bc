"""The servers behind the endpoints of a provider: do they answer with a trusted certificate, and until when?"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from installer_tasks.errors import InstallerError
from installer_tasks.systems import certificates
from installer_tasks.systems.http import TIMEOUT, parse_url, without_secrets
from installer_tasks.systems.identity.discovery import Discovery


@dataclass(frozen=True)
class Host:
    """One server; `error` is an InstallerError's JSON where there is no trusted connection."""

    address: str
    endpoints: tuple[str, ...]
    error: Mapping[str, Any] | None = None
    expires: str = ""
    days: int = 0


def hosts(discovery: Discovery, ca_pem: str | None = None, timeout: float = TIMEOUT) -> list[Host]:
    """Each server once, all asked at the same time."""
    addresses = {
        "authorization_endpoint": discovery.authorization_endpoint,
        "token_endpoint": discovery.token_endpoint,
        "jwks_uri": discovery.jwks_uri,
        "userinfo_endpoint": discovery.userinfo_endpoint,
    }
    places: dict[str, list[str]] = {}
    for name, url in addresses.items():
        if url:
            places.setdefault(_place(url), []).append(name)
    with ThreadPoolExecutor(len(places), thread_name_prefix="identity") as pool:
        return list(pool.map(partial(_look, ca_pem, timeout), places.items()))


def _place(url: str) -> str:
    """Scheme, host and port; what has none of these, as it is."""
    head, separator, rest = without_secrets(url).partition("://")
    return f"{head}{separator}{rest.partition('/')[0]}"


def _look(ca_pem: str | None, timeout: float, place: tuple[str, list[str]]) -> Host:
    address, endpoints = place[0], tuple(place[1])
    try:
        target = parse_url(address)
        host, port = target.hostname or "", target.port or 443
        leaf = certificates.verify_endpoint(host, port, ca_pem=ca_pem, timeout=timeout, web=True).chain[0]
    except InstallerError as error:
        return Host(address, endpoints, error.as_json())
    expires = leaf.not_valid_after_utc
    return Host(address, endpoints, None, f"{expires:%Y-%m-%d}", (expires - datetime.now(UTC)).days)
