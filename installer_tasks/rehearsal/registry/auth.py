"""Who may do what at the practice registry, with Harbor's manners.

- No `Authorization`: a Bearer challenge that names the token service (Basic when tokens are off).
- Any `Authorization` that is not good enough: a Basic challenge, even to a client that sent a token.
- A project that is not there: 401 with an *empty* challenge, never 404.
- HEAD without `Authorization` is refused even in public projects; GET is not.
- Basic is accepted directly, with tokens on or off.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from installer_tasks.rehearsal.registry.answers import Answer, Refusal, json_answer
from installer_tasks.rehearsal.registry.projects import Projects
from installer_tasks.rehearsal.registry.requests import Request
from installer_tasks.rehearsal.registry.users import ACTIONS, ANONYMOUS, Action, Caller, User

AuthMode = Literal["none", "basic", "token"]
SERVICE = "harbor-registry"


@dataclass(frozen=True)
class Access:
    """What a request needs: actions on one repository."""

    repository: str
    actions: tuple[Action, ...]

    @property
    def scope(self) -> str:
        return f"repository:{self.repository}:{','.join(self.actions)}"


class Tokens:
    """Signed grants with an end; the key lives as long as the registry process."""

    def __init__(self, life: int) -> None:
        self.life = life
        self._key = secrets.token_bytes(32)

    def issue(self, user: User | None, grants: Iterable[tuple[str, Action]]) -> str:
        claims = {
            "iss": "harbor-token-issuer",
            "aud": SERVICE,
            "sub": user.name if user else "",
            "exp": time.time() + self.life,
            "grants": sorted(grants),
        }
        signed = f"{_encode({'alg': 'HS256', 'typ': 'JWT'})}.{_encode(claims)}"
        return f"{signed}.{self._signature(signed)}"

    def claims(self, token: str) -> dict[str, Any] | None:
        """None when the token is not ours, was changed or has ended."""
        signed, _, signature = token.rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(signed).encode()):
            return None
        claims: dict[str, Any] = json.loads(_decode(signed.split(".")[1]))
        return claims if claims["exp"] > time.time() else None

    def _signature(self, signed: str) -> str:
        digest = hmac.new(self._key, signed.encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")


class Gate:
    """Tells callers apart and lets them through or refuses."""

    def __init__(self, mode: AuthMode, users: Mapping[str, User], projects: Projects, token_life: int) -> None:
        self.mode = mode
        self._users = users
        self._projects = projects
        self._tokens = Tokens(token_life)

    def identify(self, request: Request) -> Caller:
        scheme, _, value = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "basic":
            return Caller(self._basic_user(value))
        if scheme.lower() == "bearer" and self.mode == "token":
            return self._bearer(value.strip())
        return ANONYMOUS

    def require_login(self, request: Request) -> None:
        if self.mode != "none" and not request.caller.authenticated:
            raise self._unauthorized(request, (), "unauthorized")

    def require_admin(self, request: Request) -> None:
        """For the catalog, which Harbor shows to administrators only."""
        if self.mode != "none" and not request.caller.is_admin:
            message = "unauthorized to list catalog"
            raise Refusal(401, "UNAUTHORIZED", message, headers={"WWW-Authenticate": 'Basic realm="harbor"'})

    def require(self, request: Request, *needed: Access) -> None:
        for access in needed:
            project = access.repository.partition("/")[0]
            if self.mode != "none" and request.method == "HEAD" and not request.headers.get("Authorization"):
                raise self._unauthorized(request, needed, "authorize header needed to send HEAD to repository")
            if self._projects.get(project) is None:
                message = f"project {project} not found"
                raise Refusal(401, "UNAUTHORIZED", message, headers={"WWW-Authenticate": ""})
            self._require_no_cache(project, access)
            for action in access.actions:
                if not self._allowed(request.caller, access.repository, action):
                    message = f"unauthorized to access repository: {access.repository}, action: {action}"
                    raise self._unauthorized(request, needed, message)

    def _require_no_cache(self, name: str, access: Access) -> None:
        project = self._projects.get(name)
        if project is not None and project.registry_id and "push" in access.actions:
            raise Refusal(405, "METHOD NOT ALLOWED", f"can not push artifact to a proxy project: {name}")

    def may_see(self, caller: Caller, project: str) -> bool:
        """Harbor's project pages: members, and everybody when the project is public."""
        return self._user_may(caller.user, project, "pull")

    def token_answer(self, request: Request) -> Answer:
        """Harbor's `/service/token`: a token for what the user may do of what was asked."""
        if self.mode != "token":
            raise Refusal(404, "NOT_FOUND", "no token service")
        if request.headers.get("Authorization") and request.caller.user is None:
            raise Refusal(401, "UNAUTHORIZED", "unauthorized")
        scopes = " ".join(request.query.get("scope", [])).split()
        grants = {grant for scope in scopes for grant in self._grants(request.caller.user, scope)}
        token = self._tokens.issue(request.caller.user, grants)
        issued = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        content = {"token": token, "access_token": token, "expires_in": self._tokens.life, "issued_at": issued}
        return json_answer(200, content)

    def _grants(self, user: User | None, scope: str) -> list[tuple[str, Action]]:
        kind, _, rest = scope.partition(":")
        repository, _, actions = rest.rpartition(":")
        project = repository.partition("/")[0]
        if kind != "repository" or self._projects.get(project) is None:
            return []
        return [(repository, action) for action in actions.split(",") if self._user_may(user, project, action)]

    def _allowed(self, caller: Caller, repository: str, action: Action) -> bool:
        if caller.grants is not None:
            return (repository, action) in caller.grants
        return self._user_may(caller.user, repository.partition("/")[0], action)

    def _user_may(self, user: User | None, project_name: str, action: Action) -> bool:
        if self.mode == "none":
            return True
        project = self._projects.get(project_name)
        if project is not None and project.public and action == "pull":
            return True
        return user is not None and user.is_member(project_name) and action in ACTIONS[user.role]

    def _basic_user(self, value: str) -> User | None:
        try:
            name, _, password = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        user = self._users.get(name)
        known = (
            user is not None and not user.disabled and hmac.compare_digest(user.password.encode(), password.encode())
        )
        return user if known else None

    def _bearer(self, token: str) -> Caller:
        claims = self._tokens.claims(token)
        if claims is None:
            return ANONYMOUS
        grants = frozenset((repository, action) for repository, action in claims["grants"])
        return Caller(self._users.get(claims["sub"]), grants)

    def _unauthorized(self, request: Request, needed: Iterable[Access], message: str) -> Refusal:
        challenge = 'Basic realm="harbor"'
        if self.mode == "token" and not request.headers.get("Authorization"):
            scope = " ".join(access.scope for access in needed)
            challenge = f'Bearer realm="{request.base_url}/service/token",service="{SERVICE}"'
            challenge += f',scope="{scope}"' if scope else ""
        return Refusal(401, "UNAUTHORIZED", message, headers={"WWW-Authenticate": challenge})


def _encode(content: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


def _decode(value: str) -> bytes:
    return base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
