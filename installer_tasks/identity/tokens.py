"""Verifying an ID token as Pinniped does: signed by a published key of the provider, for this client, in time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jwt

from installer_tasks.errors import InstallerError, Invalid
from installer_tasks.identity.answers import plain_code
from installer_tasks.identity.discovery import Discovery
from installer_tasks.sign_in import ALGORITHMS
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

MAX_TOKEN = 200_000
LEEWAY = 60  #: seconds

_SIGNATURE = Text(_("Look at the keys of the provider: it may have changed them, or two servers of it differ."))
_CLIENT = Text(_("Look at the client at the provider: issuer and client ID must be those of this page."))
_CLOCK = Text(_("Have the provider and this machine keep time by the same NTP server."))
_ALGORITHM = Text(_("Have the provider sign the ID tokens of this client with RS256 or ES256."))

#: Most telling first: what PyJWT raises, and what it means.
_MEANINGS: tuple[tuple[type[Exception], str, Text], ...] = (
    (jwt.ExpiredSignatureError, _("The ID token has expired already."), _CLOCK),
    (jwt.ImmatureSignatureError, _("The ID token is not valid yet."), _CLOCK),
    (jwt.InvalidAudienceError, _("The ID token is for another client."), _CLIENT),
    (jwt.InvalidIssuerError, _("The ID token names another issuer."), _CLIENT),
    (jwt.MissingRequiredClaimError, _("The ID token lacks a claim that every one must have."), _CLIENT),
    (jwt.InvalidSignatureError, _("The signature of the ID token fits none of the published keys."), _SIGNATURE),
)


def verified(
    token: object, keys: Sequence[Mapping[str, Any]], discovery: Discovery, client_id: str, nonce: str = ""
) -> dict[str, Any]:
    """The claims of the token; Invalid says what is wrong with it. Without `nonce`, none is compared."""
    if not isinstance(token, str) or not token or len(token) > MAX_TOKEN:
        raise _invalid(_("No ID token came along."), text(_("Ask for the scope openid.")), "absent")
    algorithm, key_id = _header(token)
    claims = _decoded(token, algorithm, _candidates(keys, key_id), discovery, client_id)
    if nonce and claims.get("nonce") != nonce:
        raise _invalid(_("The ID token is not the answer to this sign-in: its nonce differs."), _CLIENT, "nonce")
    return claims


def _header(token: str) -> tuple[str, str]:
    """Algorithm and key; one that needs no key pair is refused here, whatever the token is signed with."""
    try:
        header = jwt.get_unverified_header(token)
    except jwt.PyJWTError as error:
        raise _invalid(_("What came along is no ID token."), _CLIENT, "malformed", error) from error
    algorithm = header.get("alg")
    if algorithm not in ALGORITHMS:
        words = text(
            _("The ID token is signed with %(algorithm)s, which proves nothing to TMC-SM."),
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
