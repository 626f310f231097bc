"""Who can sign in at the practice provider, and which programs may send people there."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

ADMIN_GROUP, MEMBER_GROUP = "tmc:admin", "tmc:member"
SCOPES = ("openid", "profile", "email", "groups", "offline_access")
GRANTS = ("authorization_code", "refresh_token", "client_credentials", "password")
AUTH_METHODS = ("client_secret_basic", "client_secret_post")


@dataclass(frozen=True)
class Person:
    """Somebody with an account."""

    name: str
    password: str = field(repr=False)
    groups: tuple[str, ...] = ()
    email: str = ""
    email_verified: bool = True
    first_name: str = ""
    last_name: str = "Practice"

    def accepts(self, password: str) -> bool:
        return hmac.compare_digest(password.encode(), self.password.encode())

    def claims(self, scope: str) -> dict[str, Any]:
        """What a token says; groups always, as providers are set up for TMC-SM."""
        claims: dict[str, Any] = {"sub": f"practice-{self.name}", "groups": list(self.groups)}
        if "email" in scope.split():
            claims |= {"email": self.email, "email_verified": self.email_verified}
        if "profile" in scope.split():
            claims |= {
                "preferred_username": self.name,
                "given_name": self.first_name,
                "family_name": self.last_name,
                "name": f"{self.first_name} {self.last_name}",
            }
        return claims


def practice_people(passwords: Mapping[str, str]) -> tuple[Person, ...]:
    """Ada administers, Mo is a member, Nia is in neither group; `passwords` by name."""
    groups = {"ada": (ADMIN_GROUP,), "mo": (MEMBER_GROUP,), "nia": ()}
    return tuple(
        Person(name, passwords[name], groups[name], f"{name}@practice.example", first_name=name.capitalize())
        for name in groups
    )


@dataclass
class Client:
    """A program that was registered, in the shape that Authlib asks for."""

    client_id: str
    secret: str = field(repr=False)
    redirect_uris: list[str] = field(default_factory=list)
    grants: Sequence[str] = GRANTS

    @property
    def client_metadata(self) -> Mapping[str, str]:
        """What a registration may add; nothing did."""
        return {}

    def get_client_id(self) -> str:
        return self.client_id

    def get_default_redirect_uri(self) -> str:
        """None: who asks must say where to."""
        return ""

    def get_allowed_scope(self, scope: str | None) -> str:
        wanted = set((scope or "").split())
        return " ".join(name for name in SCOPES if name in wanted)

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri in self.redirect_uris

    def check_client_secret(self, client_secret: str) -> bool:
        return hmac.compare_digest(client_secret.encode(), self.secret.encode())

    def check_endpoint_auth_method(self, method: str, _endpoint: str) -> bool:
        return method in AUTH_METHODS

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code" and self.check_grant_type("authorization_code")

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in self.grants
