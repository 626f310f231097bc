"""What a sign-in to TMC-SM asks of the identity provider, and accepts from it."""

from __future__ import annotations

#: What Pinniped asks for when nobody named others.
DEFAULT_SCOPES = ("openid", "offline_access", "email", "profile")
#: What Pinniped verifies ID tokens with: signatures of a key pair, never of a shared secret.
ALGORITHMS = ("RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "EdDSA")


def scopes_asked(answer: str) -> tuple[str, ...]:
    """The scopes of the sign-in request for the answer `identity.scopes`; a list of one's own replaces the default."""
    named = answer.replace(",", " ").split()
    return tuple(dict.fromkeys(("openid", *named))) if named else DEFAULT_SCOPES
