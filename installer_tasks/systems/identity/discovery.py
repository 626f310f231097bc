"""The discovery document and the published keys, judged."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from installer_tasks.errors import InputError, Invalid
from installer_tasks.systems.http import MAX_URL, TIMEOUT, Response, follow, json_object, parse_url, without_secrets
from installer_tasks.systems.identity.answers import good
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

MISMATCH = "identity-issuer-mismatch"
WELL_KNOWN = "/.well-known/openid-configuration"
FIELD = "identity.issuer_url"
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
#: What a key must hold to verify with.
KEY_MEMBERS = {"RSA": ("n", "e"), "EC": ("crv", "x", "y"), "OKP": ("crv", "x")}
LISTS = (
    "scopes_supported",
    "response_types_supported",
    "grant_types_supported",
    "token_endpoint_auth_methods_supported",
    "claims_supported",
    "id_token_signing_alg_values_supported",
    "code_challenge_methods_supported",
)


@dataclass(frozen=True)
class Discovery:
    """What a provider says of itself."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    scopes: tuple[str, ...]
    response_types: tuple[str, ...]
    grant_types: tuple[str, ...]
    auth_methods: tuple[str, ...]
    claims: tuple[str, ...]
    signing_algorithms: tuple[str, ...] = ()
    challenge_methods: tuple[str, ...] = ()
    userinfo_endpoint: str = ""  #: as published: another check judges it
    listed: tuple[str, ...] = ()  #: which of the lists above the provider publishes at all
    sent_on_to: str = ""  #: where the document came from, when the provider sent us on
    ahead: int | None = None  #: seconds that its clock is ahead of this machine's


@dataclass(frozen=True)
class KeySet:
    """The published keys; `usable` can verify signatures."""

    url: str
    total: int
    usable: int
    algorithms: tuple[str, ...]


def parse_issuer(source: str) -> str:
    """The issuer URL as it was meant, letter for letter; InputError for what cannot be one."""
    issuer = source.strip()
    target = parse_url(issuer, field=FIELD)
    if WELL_KNOWN in target.path:
        raise InputError(
            Text(_("This is the URL of the discovery document, not the issuer URL.")),
            value=without_secrets(issuer),
            remedy=text(_("Enter %(issuer)s."), issuer=issuer.partition(WELL_KNOWN)[0]),
            field=FIELD,
            code="issuer-is-document",
        )
    if target.query or target.fragment or issuer[-1] in "?#":
        raise InputError(
            Text(_("An issuer URL contains neither ? nor #.")),
            value=without_secrets(issuer),
            remedy=Text(_("Copy the value of issuer from the provider's discovery document.")),
            field=FIELD,
            code="issuer-has-query",
        )
    return issuer


def discover(issuer: str, ca_pem: str | None = None, timeout: float = TIMEOUT) -> Discovery:
    """The provider's discovery document, judged: its issuer must be this one to the letter, its endpoints https."""
    expected = parse_issuer(issuer)
    asked = expected.removesuffix("/") + WELL_KNOWN
    response = follow(asked, ca_pem=ca_pem, timeout=timeout)
    document = json_object(good(response))
    found = document.get("issuer")
    if not isinstance(found, str) or found != expected:
        raise Invalid(
            text(_("The provider's issuer is %(found)s, not %(expected)s."), found=_shown(found), expected=expected),
            value=expected,
            remedy=Text(_("Enter the issuer URL exactly as in the discovery document, including a trailing slash.")),
            code=MISMATCH,
            field=FIELD,
            detail=_shown(found),
        )
    userinfo = document.get("userinfo_endpoint")
    endpoints = {name: _endpoint(document, name, expected) for name in ENDPOINTS}
    return Discovery(
        issuer=expected,
        **endpoints,
        scopes=_words(document, "scopes_supported"),
        response_types=_words(document, "response_types_supported"),
        grant_types=_words(document, "grant_types_supported") or ("authorization_code", "implicit"),
        auth_methods=_words(document, "token_endpoint_auth_methods_supported") or ("client_secret_basic",),
        claims=_words(document, "claims_supported"),
        signing_algorithms=_algorithms(document, expected),
        challenge_methods=_words(document, "code_challenge_methods_supported"),
        userinfo_endpoint=userinfo[:MAX_URL] if isinstance(userinfo, str) else "",
        listed=tuple(name for name in LISTS if _words(document, name)),
        sent_on_to="" if response.url == asked else without_secrets(response.url),
        ahead=_ahead(response),
    )


def published_keys(discovery: Discovery, ca_pem: str | None = None, timeout: float = TIMEOUT) -> list[Any]:
    """The key set as it is; nothing is known of its members."""
    response = follow(discovery.jwks_uri, ca_pem=ca_pem, timeout=timeout)
    keys = json_object(good(response)).get("keys")
    if not isinstance(keys, list):
        raise Invalid(
            text(_("The key set at %(url)s has no list of keys."), url=discovery.jwks_uri),
            value=discovery.jwks_uri,
            code="identity-no-keys",
        )
    return keys


def jwks(discovery: Discovery, ca_pem: str | None = None, timeout: float = TIMEOUT) -> KeySet:
    """The provider's published keys, counted."""
    keys = published_keys(discovery, ca_pem, timeout)
    usable = [key for key in keys if can_verify(key)]
    algorithms = tuple(sorted({str(key.get("alg") or key["kty"])[:20] for key in usable}))
    return KeySet(discovery.jwks_uri, len(keys), len(usable), algorithms)


def _endpoint(document: Mapping[str, Any], name: str, issuer: str) -> str:
    found = document.get(name)
    try:
        if isinstance(found, str):
            return parse_url(found).geturl()
    except InputError as error:
        raise Invalid(
            text(_("%(name)s of the provider is not an https URL: %(value)s."), name=name, value=_shown(found)),
            value=issuer,
            remedy=Text(_("Configure the provider to publish https URLs. Behind a proxy, set its public URL.")),
            code="identity-endpoint",
        ) from error
    raise Invalid(
        text(_("The discovery document has no %(name)s."), name=name),
        value=issuer,
        remedy=Text(_("Check that this is an OpenID Connect provider, not only OAuth.")),
        code="identity-endpoint",
    )


def _ahead(response: Response) -> int | None:
    """By the Date of an answer that nobody kept for a while."""
    if "age" in response.headers:
        return None
    try:
        return round(parsedate_to_datetime(response.headers["date"]).timestamp() - time.time())
    except (KeyError, ValueError, OverflowError):
        return None


def _shown(value: object) -> str:
    return without_secrets(value) if isinstance(value, str) and value else "-"


def _algorithms(document: Mapping[str, Any], issuer: str) -> tuple[str, ...]:
    """The one list whose type Pinniped's client checks: it rejects the whole document for another one."""
    name = "id_token_signing_alg_values_supported"
    found = document.get(name)
    if found is not None and not (isinstance(found, list) and all(isinstance(item, str) for item in found)):
        raise Invalid(
            text(_("%(name)s in the discovery document of the provider is not a list of strings."), name=name),
            value=issuer,
            remedy=Text(_("Fix the provider's discovery document: Pinniped rejects it.")),
            code="identity-malformed-list",
            field=FIELD,
        )
    return _words(document, name)


def _words(document: Mapping[str, Any], name: str) -> tuple[str, ...]:
    found = document.get(name)
    return tuple(item[:100] for item in found[:200] if isinstance(item, str)) if isinstance(found, list) else ()


def can_verify(key: object) -> bool:
    """Whether it is a public key that signatures can be verified with."""
    if not isinstance(key, dict) or key.get("use", "sig") != "sig":
        return False
    if str(key.get("alg", "RS256")).upper().startswith(("HS", "NONE")):
        return False
    return all(isinstance(key.get(name), str) for name in KEY_MEMBERS.get(str(key.get("kty")), ("kty-unknown",)))
