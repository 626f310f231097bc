"""The customer's OpenID Connect provider: what it says of itself, whether it knows our client and our callback.

Everything is asked the way Pinniped will ask it later, so that what passes here works there.
"""

from __future__ import annotations

from installer_tasks.systems.identity.claims import NearMiss, Role, Wanted, near_misses, role_of
from installer_tasks.systems.identity.client import ClientVerdict, check_client
from installer_tasks.systems.identity.discovery import (
    MISMATCH,
    WELL_KNOWN,
    Discovery,
    KeySet,
    discover,
    jwks,
    parse_issuer,
)
from installer_tasks.systems.identity.exchange import Begun, Client, by_code, by_password, refusal, sign_in_url
from installer_tasks.systems.identity.hosts import Host, hosts
from installer_tasks.systems.identity.judgement import Judgement, Remark, Told, Tone, judge
from installer_tasks.systems.identity.redirect import RedirectVerdict, RequestVerdict, probe_redirect, probe_request

__all__ = [
    "MISMATCH",
    "WELL_KNOWN",
    "Begun",
    "Client",
    "ClientVerdict",
    "Discovery",
    "Host",
    "Judgement",
    "KeySet",
    "NearMiss",
    "RedirectVerdict",
    "Remark",
    "RequestVerdict",
    "Role",
    "Told",
    "Tone",
    "Wanted",
    "by_code",
    "by_password",
    "check_client",
    "discover",
    "hosts",
    "judge",
    "jwks",
    "near_misses",
    "parse_issuer",
    "probe_redirect",
    "probe_request",
    "refusal",
    "role_of",
    "sign_in_url",
]
