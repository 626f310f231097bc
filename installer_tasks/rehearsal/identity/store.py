"""Codes and tokens of the practice provider, in memory: stopping it signs everybody out."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from installer_tasks.rehearsal.identity.people import Client, Person

CODE_SECONDS = 60


@dataclass(frozen=True)
class Code:
    """An authorization code, in the shape that Authlib asks for."""

    code: str = field(repr=False)
    client: Client
    person: Person
    redirect_uri: str
    scope: str
    nonce: str
    code_challenge: str
    code_challenge_method: str
    auth_time: int

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> str:
        return self.nonce

    def get_auth_time(self) -> int:
        return self.auth_time

    def get_acr(self) -> None:
        return None

    def get_amr(self) -> None:
        return None

    @property
    def is_expired(self) -> bool:
        return time.time() > self.auth_time + CODE_SECONDS


@dataclass(frozen=True)
class Token:
    """An access token and its refresh token, in the shape that Authlib asks for."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    client: Client
    person: Person | None
    scope: str
    expires_in: int
    issued: float

    def check_client(self, client: Client) -> bool:
        return client.client_id == self.client.client_id

    def get_client(self) -> Client:
        return self.client

    def get_user(self) -> Person | None:
        return self.person

    def get_scope(self) -> str:
        return self.scope

    def get_expires_in(self) -> int:
        return self.expires_in

    def is_expired(self) -> bool:
        return time.time() > self.issued + self.expires_in

    def is_revoked(self) -> bool:
        """Revoked tokens are forgotten."""
        return False


class Store:
    """Everything that was given out and is not used up."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._codes: dict[str, Code] = {}
        self._tokens: dict[str, Token] = {}

    def add_code(self, code: Code) -> None:
        with self._lock:
            self._codes[code.code] = code

    def take_code(self, code: str, client: Client) -> Code | None:
        """The code, once: a second exchange finds nothing."""
        with self._lock:
            found = self._codes.get(code)
            if found is None or found.client.client_id != client.client_id:
                return None
            del self._codes[code]
            return None if found.is_expired else found

    def add_token(self, token: Token) -> None:
        with self._lock:
            self._tokens[token.access_token] = token

    def access(self, access_token: str) -> Token | None:
        with self._lock:
            return self._tokens.get(access_token)

    def refresh(self, refresh_token: str) -> Token | None:
        with self._lock:
            found = (token for token in self._tokens.values() if token.refresh_token == refresh_token)
            return next(found, None)

    def revoke(self, token: Token) -> None:
        with self._lock:
            self._tokens.pop(token.access_token, None)
