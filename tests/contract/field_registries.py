"""What registries other than Harbor really answer, as rules of the meddler: how each signs people in and says no."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.contract.meddler import Asked, Meddling, Reply

USERNAME, PASSWORD = "acme+pusher", "t0ken-of-acme"
BASIC = "Basic " + base64.b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()
TOKEN = "a-token"


def said(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> Reply:
    body = json.dumps({"errors": [{"code": code, "message": message, "detail": {}}]}).encode()
    return Reply(status, body, headers or {})


@dataclass
class FieldRegistry:
    """Challenges for a Bearer token, or for Basic without `challenge`; `push` is what a known user's push is told."""

    challenge: str = 'Bearer realm="{base}/v2/auth",service="{host}"'
    refusal: Reply = field(default_factory=lambda: said(401, "UNAUTHORIZED", "Invalid Username or Password"))
    push: Reply = field(
        default_factory=lambda: said(401, "UNAUTHORIZED", "access to the requested resource is not authorized")
    )
    scoped: Reply | None = None  #: what the token service says to whoever asks for the right to push
    repeats: bool = True  #: the challenge, with the refusal of a push
    host: str = ""

    def answer(self, asked: Asked) -> Meddling:
        given = asked.headers.get("Authorization", "")
        if asked.path in ("/v2/auth", "/v2/token", "/jwt/auth"):
            return self._token(given, asked)
        right = {"bearer": f"Bearer {TOKEN}", "basic": BASIC}.get(self.challenge.partition(" ")[0].lower())
        known = right is not None and given == right
        if not known:
            wrong = self.refusal if given and self.challenge.startswith("Basic") else said(401, "UNAUTHORIZED", "login")
            return Reply(wrong.status, wrong.body, {**wrong.headers, **self._asks()})
        if asked.path == "/v2/":
            return Reply(200, b"{}", {"Docker-Distribution-Api-Version": "registry/2.0"})
        if asked.method in ("GET", "HEAD"):
            return said(404, "NAME_UNKNOWN", "repository name not known to registry")
        return Reply(self.push.status, self.push.body, {**(self._asks() if self.repeats else {}), **self.push.headers})

    def _asks(self) -> dict[str, str]:
        return {"WWW-Authenticate": self.challenge.format(base=f"http://{self.host}", host=self.host)}

    def _token(self, given: str, asked: Asked) -> Reply:
        if given != BASIC:
            return self.refusal
        if self.scoped is not None and "push" in asked.target:
            return self.scoped
        return Reply(200, json.dumps({"token": TOKEN}).encode())


def html(status: int, title: str) -> Reply:
    return Reply(status, f"<html><title>{title}</title></html>".encode(), {"Content-Type": "text/html"})


#: By product: made anew for each test.
REGISTRIES: Mapping[str, Callable[[], FieldRegistry]] = {
    "quay": FieldRegistry,
    "gitea": lambda: FieldRegistry(
        challenge='Bearer realm="{base}/v2/token",service="container_registry",scope="*"',
        push=said(401, "UNAUTHORIZED", ""),
    ),
    "gitlab": lambda: FieldRegistry(
        challenge='Bearer realm="{base}/jwt/auth",service="container_registry"',
        refusal=said(
            403, "DENIED", "HTTP Basic: Access denied. If a password was provided for Git authentication, ..."
        ),
        scoped=said(403, "DENIED", "access forbidden"),
    ),
    "nexus": lambda: FieldRegistry(
        challenge='BASIC realm="Sonatype Nexus Repository Manager"',
        refusal=said(401, "UNAUTHORIZED", "access to the requested resource is not authorized"),
        push=said(401, "UNAUTHORIZED", "access to the requested resource is not authorized"),
    ),
    "artifactory": lambda: FieldRegistry(
        challenge='Basic realm="Artifactory Realm"',
        refusal=said(401, "UNAUTHORIZED", "Bad props auth token: apiKey=***"),
        push=said(403, "DENIED", "The client does not have permission to push to the repository."),
    ),
    "unquoted": lambda: FieldRegistry(challenge="Bearer realm={base}/v2/auth, service=x"),
}
