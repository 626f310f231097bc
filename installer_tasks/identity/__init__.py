"""The customer's OpenID Connect provider: what it says of itself, whether it knows our client and our callback.

Everything is asked the way Pinniped will ask it later, so that what passes here works there.
"""

from __future__ import annotations

from installer_tasks.identity.claims import Role, near_misses, role_of
from installer_tasks.identity.client import ClientVerdict, check_client
from installer_tasks.identity.discovery import WELL_KNOWN, Discovery, KeySet, discover, jwks, parse_issuer
from installer_tasks.identity.hosts import Host, hosts
from installer_tasks.identity.redirect import RedirectVerdict, RequestVerdict, probe_redirect, probe_request

__all__ = [
    "WELL_KNOWN",
    "ClientVerdict",
    "Discovery",
    "Host",
    "KeySet",
    "RedirectVerdict",
    "RequestVerdict",
    "Role",
    "check_client",
    "discover",
    "hosts",
    "jwks",
    "near_misses",
    "parse_issuer",
    "probe_redirect",
    "probe_request",
    "role_of",
]
