"""The practice registry in the manners of other products: how they sign people in, and how they say no."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from installer_tasks.rehearsal.registry.answers import Answer, Refusal, page_not_found
from installer_tasks.rehearsal.registry.requests import Request

SERVICE_PATH = "/service/token"  #: the practice registry's own


@dataclass(frozen=True)
class Product:
    """`challenge` is what a 401 asks for, with `{base}`; the refusals are those of that product's own words."""

    name: str
    challenge: str
    wrong_password: Refusal
    may_not_push: Refusal
    token_path: str = ""

    def answer(self, request: Request, ours: Callable[[Request], Answer]) -> Answer:
        """The answer of the practice registry, `ours`, as this product would give it."""
        if self.token_path and request.path == self.token_path:
            request.path = SERVICE_PATH
            answer = ours(request)
            return answer if answer.status == 200 else self.wrong_password.answer()
        if not request.path.startswith("/v2"):
            return page_not_found()
        if self.token_path and request.headers.get("Authorization", "").lower().startswith("basic"):
            return self._asking(Refusal(401, "UNAUTHORIZED", "authentication required"), request)
        if not self.challenge.lower().startswith(("basic", "bearer")):
            return self._asking(self.wrong_password, request)
        answer = ours(request)
        if answer.status != 401:
            return answer
        known = bool(request.headers.get("Authorization")) and request.caller.authenticated
        pushing = request.method in ("POST", "PUT", "PATCH")
        refusal = self.may_not_push if known and pushing else self.wrong_password
        if self.token_path and not pushing:
            refusal = Refusal(401, "UNAUTHORIZED", "authentication required")
        return self._asking(refusal, request)

    def _asking(self, refusal: Refusal, request: Request) -> Answer:
        answer = refusal.answer()
        if answer.status != 401:
            return answer
        challenge = self.challenge.format(base=request.base_url)
        return Answer(401, answer.body, {**answer.headers, "WWW-Authenticate": challenge})


_UNAUTHORIZED = Refusal(401, "UNAUTHORIZED", "access to the requested resource is not authorized")

QUAY = Product(
    "Quay",
    'Bearer realm="{base}/v2/auth",service="quay.practice.example"',
    Refusal(401, "UNAUTHORIZED", "Invalid Username or Password"),
    _UNAUTHORIZED,
    "/v2/auth",
)
GITEA = Product(
    "Gitea",
    'Bearer realm="{base}/v2/token",service="container_registry",scope="*", Basic realm="Gitea Container Registry"',
    Refusal(401, "UNAUTHORIZED", ""),
    Refusal(401, "UNAUTHORIZED", ""),
    "/v2/token",
)
GITLAB = Product(
    "GitLab",
    "Bearer realm={base}/jwt/auth,service=container_registry",
    Refusal(403, "DENIED", "HTTP Basic: Access denied. The provided password or token is incorrect."),
    Refusal(401, "UNAUTHORIZED", "authentication required"),
    "/jwt/auth",
)
NEXUS = Product("Nexus", 'BASIC realm="Sonatype Nexus Repository Manager"', _UNAUTHORIZED, _UNAUTHORIZED)
ARTIFACTORY = Product(
    "Artifactory",
    'Basic realm="Artifactory Realm"',
    Refusal(401, "UNAUTHORIZED", "The client is not authenticated."),
    Refusal(403, "DENIED", "The client does not have permission to push to the repository."),
)
#: Behind a portal that signs people in with their Windows account.
PORTAL = Product("portal", "Negotiate, NTLM", _UNAUTHORIZED, _UNAUTHORIZED)
