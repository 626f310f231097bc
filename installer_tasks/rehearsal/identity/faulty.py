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

MOVED_PLAIN = "identity.moved-to-http"  #: discovery redirects to an address without TLS
BYTE_ORDER_MARK = "identity.byte-order-mark"
MOVED, AS_HTML = "moved", "as-html"  #: what is unusual and healthy: the document behind a redirect, or as a web page
#: What the token endpoint answers to everybody: status and body, as providers of the field word it.
TOKEN_ANSWERS: Mapping[str, tuple[int, Mapping[str, Any]]] = {
    "identity.entra-unknown-application": (
        400,
        {
            "error": "unauthorized_client",
            "error_description": "AADSTS700016: Application with identifier 'tmc' was not found in the directory.",
            "error_codes": [700016],
        },
    ),
    "identity.entra-secret-expired": (
        401,
        {
            "error": "invalid_client",
            "error_description": "AADSTS7000222: The provided client secret keys for app 'tmc' are expired.",
            "error_codes": [7000222],
        },
    ),
    "identity.okta-client": (
        401,
        {"errorCode": "invalid_client", "errorSummary": "Invalid value for 'client_id' parameter."},
    ),
    "identity.okta-grant": (
        400,
        {
            "error": "unauthorized_client",
            "error_description": "The client is not authorized to use the provided grant type.",
        },
    ),
    "identity.auth0-secret": (403, {"error": "access_denied", "error_description": "Unauthorized"}),
    "entra": (
        400,
        {"error": "invalid_grant", "error_description": "AADSTS9002313: Invalid request.", "error_codes": [9002313]},
    ),
    "auth0": (403, {"error": "invalid_grant", "error_description": "Invalid authorization code"}),
}

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


def token_answer(active: Active) -> tuple[int, Mapping[str, Any]] | None:
    """What the token endpoint says instead of looking; None when it looks."""
    return next((answer for name, answer in TOKEN_ANSWERS.items() if active(name)), None)


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
