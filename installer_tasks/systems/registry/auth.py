"""Basic and Bearer authorization of requests to a registry.

Basic is sent unasked, because Harbor takes it everywhere and it cannot expire in the middle of a long push. A registry
that challenges for a Bearer token gets one: asked for with all scopes of the request, kept by scopes, replaced at 80 %
of its life and whenever a request is refused. A Basic challenge in answer to a dead token (Harbor) leads back to Basic.
"""

from __future__ import annotations

import base64
import ipaddress
import json
import re
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from urllib.parse import urlencode, urlsplit

from installer_tasks.errors import Refused
from installer_tasks.systems.registry.answers import Answer, Known, error_of
from installer_tasks.systems.registry.challenges import Challenge, parse_challenges
from installer_tasks.systems.registry.errors import ForeignLocation, UnexpectedAnswer
from installer_tasks.text import mark as _
from installer_tasks.text import text

DEFAULT_LIFE = 60.0  #: seconds, when the token service does not say (distribution's specification)
LONGEST_LIFE = 86_400.0
REFRESH_AT = 0.8  #: of a token's life
#: A line end in a token would begin a header of its own.
_IN_A_HEADER = re.compile(r"[\x21-\x7e]+")
Scopes = tuple[str, ...]


@dataclass(frozen=True)
class _Token:
    value: str = field(repr=False)
    refresh_at: float


def pull(repository: str) -> str:
    return f"repository:{repository}:pull"


def push(repository: str) -> str:
    return f"repository:{repository}:pull,push"


def delete(repository: str) -> str:
    return f"repository:{repository}:delete"


class Authorizer:
    """Decides the Authorization header of each request; shared by all threads of a push.

    `fetch(url, headers)` sends a GET without any authorization of its own.
    """

    def __init__(self, base: str, username: str, password: str, fetch: Callable[[str, dict[str, str]], Answer]) -> None:
        self._base = base
        self._basic = _basic(username, password) if username else ""
        self._fetch = fetch
        self.known = Known.NOT_YET
        self._challenge: Challenge | None = None  #: Bearer, once a registry has asked for it
        self._tokens: dict[frozenset[str], _Token] = {}
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"Authorizer({self._base!r})"

    def header(self, scopes: Scopes) -> str:
        """The header's value for a request that needs `scopes`; empty for none."""
        challenge = self._challenge
        if challenge is None:
            return self._basic
        with self._lock:
            token = self._tokens.get(frozenset(scopes))
            if token is None or time.monotonic() >= token.refresh_at:
                token = self._tokens[frozenset(scopes)] = self._new_token(challenge, scopes)
            return f"Bearer {token.value}"

    def learn(self, answer: Answer, used: str, scopes: Scopes) -> bool:
        """After a 401: whether it is worth asking again, with what `header` says now."""
        challenge = _best(parse_challenges(answer.headers.each("WWW-Authenticate")))
        if challenge is None:
            return False
        if challenge.scheme == "basic":
            self._challenge = None
            return bool(self._basic) and used != self._basic
        with self._lock:
            token = self._tokens.get(frozenset(scopes))
            if self._challenge is not None and token is not None and used != f"Bearer {token.value}":
                return True  # another thread has replaced it meanwhile
            joined = tuple(dict.fromkeys((*scopes, *challenge.parameters.get("scope", "").split())))
            fresh = self._new_token(challenge, joined)
            self._challenge = challenge
            self._tokens[frozenset(scopes)] = fresh
        return used != f"Bearer {fresh.value}"

    def _new_token(self, challenge: Challenge, scopes: Scopes) -> _Token:
        self._require_safe_realm(challenge.realm)
        service = challenge.parameters.get("service", "")
        query = [("service", service)] if service else []
        query += [("scope", scope) for scope in scopes]
        joint = "&" if urlsplit(challenge.realm).query else "?"
        url = f"{challenge.realm}{joint}{urlencode(query)}" if query else challenge.realm
        answer = self._fetch(url, {"Authorization": self._basic} if self._basic else {})
        if answer.status in (401, 403) and scopes and self._basic and self.known is Known.NOT_YET:
            self._ask_without_scopes(challenge)
        if answer.status != 200:
            raise error_of(replace(answer, known=self.known, by_token_service=True))
        token = _parse_token(answer)
        if self._basic:
            self.known = Known.BY_TOKEN
        return token

    def _ask_without_scopes(self, challenge: Challenge) -> None:
        """Some services refuse a right (GitLab) with the status of a wrong password: whether the user is known."""
        with suppress(UnexpectedAnswer, Refused):
            self._new_token(challenge, ())

    def took(self, used: str) -> None:
        """After an answer that is no refusal, to a request with what `header` said."""
        if used and used == self._basic and self.known is Known.NOT_YET:
            self.known = Known.BY_ANSWER

    def _require_safe_realm(self, realm: str) -> None:
        """Credentials go to the realm: TLS only, unless the registry itself is plain; no odd literal addresses."""
        here, there = urlsplit(self._base), urlsplit(realm)
        same = here.hostname == there.hostname
        plain_here = here.scheme == "http"
        if there.scheme not in ("https", "http") or (there.scheme == "http" and not plain_here):
            raise self._foreign(realm)
        if not same and _is_inner_literal(there.hostname or "") and not _is_inner_literal(here.hostname or ""):
            raise self._foreign(realm)

    def _foreign(self, realm: str) -> ForeignLocation:
        cause = text(
            _("The registry redirects sign-in to %(realm)s, which is not secure."), realm=realm.partition("?")[0]
        )
        return ForeignLocation(cause, value=realm.partition("?")[0])


def _best(challenges: tuple[Challenge, ...]) -> Challenge | None:
    """Bearer with the place where tokens are given, else Basic."""
    bearer = (challenge for challenge in challenges if challenge.scheme == "bearer" and challenge.realm)
    return next(bearer, None) or next((challenge for challenge in challenges if challenge.scheme == "basic"), None)


def _basic(username: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def _parse_token(answer: Answer) -> _Token:
    try:
        document = json.loads(answer.body)
        value = document.get("token") or document["access_token"]
        if not isinstance(value, str) or not _IN_A_HEADER.fullmatch(value):
            raise ValueError("a header cannot carry it")
        life = min(max(float(document.get("expires_in") or DEFAULT_LIFE), 0.0), LONGEST_LIFE)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        cause = text(_("The token service %(url)s returned no token."), url=answer.url)
        raise UnexpectedAnswer(cause, value=answer.url) from error
    return _Token(value, time.monotonic() + life * REFRESH_AT)


def _is_inner_literal(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_private or address.is_link_local or address.is_loopback
