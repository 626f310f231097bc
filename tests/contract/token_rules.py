"""Token authentication as a rule of the meddler: a token service, and a guard that wants its tokens, by scope."""

from __future__ import annotations

import base64
import json
import secrets
import threading
import time
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from tests.contract.meddler import Asked, Meddling, Reply

USERNAME, PASSWORD = "robot$tmc+pusher", "s3cret:with:colons"
_BASIC = "Basic " + base64.b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()


@dataclass
class TokenAuth:
    """Give `answer` to a Meddler. Tokens live `life` seconds; `deny` are scopes that nobody gets."""

    realm: str = ""  #: set once the meddler's address is known
    life: float = 60.0
    deny: tuple[str, ...] = ()
    harbor: bool = False  #: a bad Authorization is answered with a Basic challenge, and Basic is taken
    given: list[tuple[str, ...]] = field(default_factory=list)  #: scopes of each token, in order
    refused: int = 0
    _tokens: dict[str, tuple[float, frozenset[str]]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, asked: Asked) -> Meddling:
        if asked.path == "/token":
            return self._token(asked)
        if self.harbor and asked.headers.get("Authorization") == _BASIC:
            return None
        wanted = self._wanted(asked)
        with self._lock:
            token = asked.headers.get("Authorization", "").removeprefix("Bearer ")
            until, scopes = self._tokens.get(token, (0.0, frozenset()))
        if time.monotonic() < until and wanted <= scopes:
            return None
        self.refused += 1
        if self.harbor and asked.headers.get("Authorization"):
            return Reply(401, b"", {"WWW-Authenticate": 'Basic realm="harbor"'})
        error = "insufficient_scope" if time.monotonic() < until else "invalid_token"
        challenge = f'Bearer realm="{self.realm}",service="test",scope="{" ".join(sorted(wanted))}",error="{error}"'
        return Reply(401, b"", {"WWW-Authenticate": challenge})

    def _token(self, asked: Asked) -> Reply:
        if asked.headers.get("Authorization") != _BASIC:
            return Reply(401, json.dumps({"errors": [{"code": "UNAUTHORIZED", "message": "who are you"}]}).encode())
        query = parse_qs(urlsplit(asked.target).query)
        scopes = tuple(scope for scope in query.get("scope", ()) if scope not in self.deny)
        token = secrets.token_hex(16)
        with self._lock:
            self.given.append(scopes)
            self._tokens[token] = (time.monotonic() + self.life, frozenset(scopes))
        return Reply(200, json.dumps({"token": token, "expires_in": self.life}).encode())

    @staticmethod
    def _wanted(asked: Asked) -> frozenset[str]:
        """The scopes that the request needs, as a registry works them out."""
        parts = asked.path.removeprefix("/v2/").split("/")
        for mark in ("manifests", "blobs", "tags"):
            if mark in parts[1:]:
                name = "/".join(parts[: parts.index(mark, 1)])
                rights = f"repository:{name}:pull,push"
                only_pull = mark == "tags" or asked.method == "GET"
                wanted = {f"repository:{name}:pull"} if only_pull and "uploads" not in parts else {rights}
                source = parse_qs(urlsplit(asked.target).query).get("from")
                return frozenset(wanted | {f"repository:{found}:pull" for found in source or ()})
        return frozenset()
