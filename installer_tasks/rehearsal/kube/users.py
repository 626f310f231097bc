"""Who asks: by bearer token, by client certificate, or nobody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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


def authenticate(authorization: str, certificate: Mapping[str, Any] | None, tokens: Mapping[str, str]) -> User:
    """ApiError 401 for a credential that is not known; no credential at all is `ANONYMOUS`.

    `certificate` is the subject of a certificate that TLS has already verified, as `ssl` hands it out.
    """
    if authorization:
        scheme, _space, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or token.strip() not in tokens:
            raise unauthorized()
        return User.known(tokens[token.strip()])
    subject = [pair for part in (certificate or {}).get("subject", ()) for pair in part]
    name = next((value for field, value in subject if field == "commonName"), "")
    if not name:
        return ANONYMOUS
    return User.known(name, tuple(value for field, value in subject if field == "organizationName"))
