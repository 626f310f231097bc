"""How the practice provider misbehaves while a fault is on: what it publishes, and what it writes into a token."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

UNAVAILABLE = "identity.unavailable"  #: everything answers 503
ISSUER_MISMATCH = "identity.issuer-mismatch"  #: discovery names another issuer
NO_DISCOVERY = "identity.no-discovery"
DISCOVERY_PAGE = "identity.discovery-page"
NO_KEYS = "identity.no-keys"
KEYS_FAIL = "identity.keys-fail"
SHARED_TOKENS = "identity.shared-secret-tokens"
NO_OFFLINE_ACCESS = "identity.no-offline-access"
PLAIN_PKCE = "identity.plain-pkce"
NO_REFRESH = "identity.no-refresh-grant"
NO_GROUPS = "identity.no-groups"
CLOCK = "identity.clock-ahead"
GROUP_PATHS = "identity.group-paths"
EMAIL_UNVERIFIED = "identity.email-unverified"

AHEAD = timedelta(minutes=10)
Active = Callable[[str], bool]
Document = dict[str, Any]


def _without(*names: str) -> Callable[[list[str]], list[str]]:
    return lambda listed: [name for name in listed if name not in names]


def _only(*names: str) -> Callable[[list[str]], list[str]]:
    return lambda _listed: list(names)


#: What discovery lists otherwise: member of the document and what becomes of its value.
LISTS: Mapping[str, Mapping[str, Callable[[Any], Any]]] = {
    ISSUER_MISMATCH: {"issuer": lambda issuer: f"{issuer}-old"},
    "identity.issuer-slash": {"issuer": lambda issuer: f"{issuer}/"},
    "identity.plain-http": {"token_endpoint": lambda url: url.replace("https://", "http://")},
    "identity.plain-http-userinfo": {"userinfo_endpoint": lambda url: url.replace("https://", "http://")},
    "identity.internal-endpoint": {"token_endpoint": lambda _url: "https://keycloak.keycloak.svc.invalid:8443/token"},
    "identity.implicit-only": {"response_types_supported": _only("id_token", "id_token token")},
    "identity.key-clients-only": {"token_endpoint_auth_methods_supported": _only("private_key_jwt", "tls_client_auth")},
    "identity.email-unlisted": {"scopes_supported": _without("email")},
    NO_REFRESH: {"grant_types_supported": _without("refresh_token")},
    NO_OFFLINE_ACCESS: {"scopes_supported": _without("offline_access")},
    PLAIN_PKCE: {"code_challenge_methods_supported": _only("plain")},
    NO_GROUPS: {"claims_supported": _without("groups"), "scopes_supported": _without("groups")},
    SHARED_TOKENS: {"id_token_signing_alg_values_supported": _only("HS256")},
}


def document(right: Document, active: Active) -> Document:
    """The discovery document as it is published now."""
    found = dict(right)
    for fault, changes in LISTS.items():
        if active(fault):
            found |= {name: change(found[name]) for name, change in changes.items()}
    return found


def claims(right: Document, active: Active) -> Document:
    """What a token says of a person now."""
    found = dict(right)
    if active(NO_GROUPS):
        del found["groups"]
    elif active(GROUP_PATHS):
        found["groups"] = [f"/{name}" for name in found["groups"]]
    if active(EMAIL_UNVERIFIED) and "email" in found:
        found["email_verified"] = False
    return found


def times(active: Active) -> Document:
    """When a token was issued and until when it is valid, by a clock that is wrong."""
    now = int(time.time() + AHEAD.total_seconds())
    return {"iat": now, "exp": now + 3600} if active(CLOCK) else {}


def date_header(active: Active) -> dict[str, str]:
    return {"Date": format_datetime(datetime.now(UTC) + AHEAD, usegmt=True)} if active(CLOCK) else {}
