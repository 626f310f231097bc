"""Who asks: by bearer token, by client certificate, or nobody."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from installer_tasks.rehearsal.kube.errors import ApiError

MASTERS = "system:masters"
AUTHENTICATED = "system:authenticated"
#: Names of the practice cluster's own people and the groups they are in.
GROUPS = {"admin": (MASTERS,), "read-only": ("practice:readers",)}


@dataclass(frozen=True)
class User:
    """Groups are complete: `system:authenticated` is among them."""

    name: str
    groups: tuple[str, ...] = ()

    @classmethod
    def known(cls, name: str, groups: tuple[str, ...] = ()) -> User:
        """A user whom a credential has proved."""
        return cls(name, (*(groups or GROUPS.get(name, ())), AUTHENTICATED))

    @property
    def is_master(self) -> bool:
        return MASTERS in self.groups

    def info(self) -> dict[str, Any]:
        return {"username": self.name, "groups": list(self.groups)}


ANONYMOUS = User("system:anonymous", ("system:unauthenticated",))


def unauthorized() -> ApiError:
    return ApiError(401, "Unauthorized", "Unauthorized")


class Tokens:
    """Bearer tokens: those given at the start, for good, and those that service accounts ask for, for a time."""

    def __init__(self, given: Mapping[str, str] | None = None) -> None:
        self._given = dict(given or {})
        self._issued: dict[str, tuple[User, datetime]] = {}

    def user(self, token: str) -> User | None:
        if token in self._given:
            return User.known(self._given[token])
        user, until = self._issued.get(token, (None, datetime.min.replace(tzinfo=UTC)))
        return user if datetime.now(UTC) < until else None

    def issue(self, namespace: str, account: str, seconds: int) -> tuple[str, datetime]:
        """A new token of a service account, and until when it is good."""
        until = datetime.now(UTC) + timedelta(seconds=seconds)
        token = _jwt({"sub": f"system:serviceaccount:{namespace}:{account}", "exp": int(until.timestamp())})
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}")
        self._issued[token] = (User.known(f"system:serviceaccount:{namespace}:{account}", groups), until)
        return token, until


def _jwt(claims: dict[str, Any]) -> str:
    """In the shape that others can read; this server knows its tokens by heart, so any signature will do."""
    parts = ({"alg": "RS256", "typ": "JWT"}, claims)
    return ".".join((*(_segment(json.dumps(part).encode()) for part in parts), _segment(secrets.token_bytes(64))))


def _segment(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def authenticate(authorization: str, certificate: Mapping[str, Any] | None, tokens: Tokens) -> User:
    """ApiError 401 for a credential that is not known; no credential at all is `ANONYMOUS`.

    `certificate` is the subject of a certificate that TLS has already verified, as `ssl` hands it out.
    """
    if authorization:
        scheme, _space, token = authorization.partition(" ")
        user = tokens.user(token.strip()) if scheme.lower() == "bearer" else None
        if user is None:
            raise unauthorized()
        return user
    subject = [pair for part in (certificate or {}).get("subject", ()) for pair in part]
    name = next((value for field, value in subject if field == "commonName"), "")
    if not name:
        return ANONYMOUS
    return User.known(name, tuple(value for field, value in subject if field == "organizationName"))
