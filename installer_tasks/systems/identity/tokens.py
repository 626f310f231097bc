"""Verifying an ID token as Pinniped does: signed by a published key of the provider, for this client, in time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jwt

from installer_tasks.errors import InstallerError, Invalid
from installer_tasks.systems.identity.answers import plain_code
from installer_tasks.systems.identity.discovery import Discovery
from installer_tasks.systems.identity.scopes import ALGORITHMS
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

MAX_TOKEN = 200_000
LEEWAY = 60  #: seconds

_SIGNATURE = Text(_("Check the provider's keys: they may have changed, or two of its servers may differ."))
_CLIENT = Text(_("Check the client at the provider: issuer and client ID must match those on this page."))
_CLOCK = Text(_("Synchronize the provider and this machine with the same NTP server."))
_ALGORITHM = Text(_("Configure the provider to sign this client's ID tokens with RS256 or ES256."))

#: Most telling first: what PyJWT raises, and what it means.
_MEANINGS: tuple[tuple[type[Exception], str, Text], ...] = (
    (jwt.ExpiredSignatureError, _("The ID token has expired."), _CLOCK),
    (jwt.ImmatureSignatureError, _("The ID token is not valid yet."), _CLOCK),
    (jwt.InvalidAudienceError, _("The ID token is for another client."), _CLIENT),
    (jwt.InvalidIssuerError, _("The ID token has another issuer."), _CLIENT),
    (jwt.MissingRequiredClaimError, _("The ID token lacks a required claim."), _CLIENT),
    (jwt.InvalidSignatureError, _("The signature of the ID token matches none of the published keys."), _SIGNATURE),
)


def verified(
    token: object, keys: Sequence[Mapping[str, Any]], discovery: Discovery, client_id: str, nonce: str = ""
) -> dict[str, Any]:
    """The claims of the token; Invalid says what is wrong with it. Without `nonce`, none is compared."""
    if not isinstance(token, str) or not token or len(token) > MAX_TOKEN:
        raise _invalid(_("The provider returned no ID token."), text(_("Request the scope openid.")), "absent")
    algorithm, key_id = _header(token)
    claims = _decoded(token, algorithm, _candidates(keys, key_id), discovery, client_id)
    if nonce and claims.get("nonce") != nonce:
        raise _invalid(_("The ID token does not belong to this sign-in: its nonce differs."), _CLIENT, "nonce")
    return claims


def _header(token: str) -> tuple[str, str]:
    """Algorithm and key; one that needs no key pair is refused here, whatever the token is signed with."""
    try:
        header = jwt.get_unverified_header(token)
    except jwt.PyJWTError as error:
        raise _invalid(
            _("The provider returned something that is not an ID token."), _CLIENT, "malformed", error
        ) from error
    algorithm = header.get("alg")
    if algorithm not in ALGORITHMS:
        words = text(
            _("The ID token is signed with %(algorithm)s, which TMC-SM cannot verify."),
            algorithm=plain_code(algorithm) or "-",
        )
        raise Invalid(words, value=plain_code(algorithm) or "-", remedy=_ALGORITHM, code="identity-token-algorithm")
    return algorithm, str(header.get("kid", ""))


def _candidates(keys: Sequence[Mapping[str, Any]], key_id: str) -> list[Mapping[str, Any]]:
    """The key of that name; all of them where the token names none."""
    return [key for key in keys if not key_id or key.get("kid") == key_id][:50]


def _decoded(
    token: str, algorithm: str, keys: Sequence[Mapping[str, Any]], discovery: Discovery, client_id: str
) -> dict[str, Any]:
    failure: Exception = jwt.InvalidSignatureError()
    for key in keys:
        try:
            return jwt.decode(
                token,
                jwt.PyJWK(dict(key), algorithm),
                algorithms=[algorithm],
                audience=client_id,
                issuer=discovery.issuer,
                leeway=LEEWAY,
                # Pinniped does not look at `iat`.
                options={"require": ["exp", "sub", "aud", "iss"], "verify_iat": False},
            )
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            if type(failure) is jwt.InvalidSignatureError:
                failure = error if isinstance(error, jwt.InvalidTokenError) else failure
    for kind, words, remedy in _MEANINGS:
        if isinstance(failure, kind):
            raise _invalid(words, remedy, kind.__name__, failure) from failure
    raise _invalid(_("The ID token cannot be read."), _CLIENT, "unreadable", failure) from failure


def _invalid(words: str, remedy: Text, kind: str, error: Exception | None = None) -> InstallerError:
    """`words` are a marked template; the library's own words may repeat the token, so only its kind is kept."""
    detail = type(error).__name__ if error else kind
    return Invalid(text(words), value="id_token", remedy=remedy, detail=detail, code="identity-token")
