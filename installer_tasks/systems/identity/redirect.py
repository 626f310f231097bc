"""Whether the provider sends people back to our callback."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode, urlsplit

from installer_tasks.errors import Invalid
from installer_tasks.local.outside import one_line
from installer_tasks.systems.http import TIMEOUT, Response, fetch, without_secrets
from installer_tasks.systems.identity.answers import MAX_ANSWER, good, oauth_error, plain_code, title, worded
from installer_tasks.systems.identity.discovery import Discovery
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _


@dataclass(frozen=True)
class RedirectVerdict:
    """Whether the provider sends people back to this address; `answer` is what it said."""

    uri: str
    accepted: bool
    answer: str


def probe_redirect(
    discovery: Discovery,
    client_id: str,
    redirect_uri: str,
    *,
    scopes: Sequence[str] = ("openid",),
    ca_pem: str | None = None,
    timeout: float = TIMEOUT,
) -> RedirectVerdict:
    """Whether the callback is registered, seen from how an authorization request is answered.

    1. Asked without a page (`prompt=none`), a provider that knows the callback sends us there with an error.
    2. One that shows a page is asked again with a callback that nobody registered. Only when that is answered
       differently does the page mean that ours is known.
    """

    def ask(uri: str) -> Response:
        return fetch(_authorization_url(discovery, client_id, uri, scopes), ca_pem=ca_pem, timeout=timeout)

    real = ask(redirect_uri)
    answer = worded(real)
    if _leads_to(real, redirect_uri):
        return RedirectVerdict(redirect_uri, True, answer)
    if real.status >= 500:
        good(real)
    if real.status >= 400 or "error" in real.headers.get("location", ""):
        return RedirectVerdict(redirect_uri, False, answer)
    unknown = ask(f"https://unregistered-{secrets.token_hex(4)}.invalid/callback")
    if _shape(unknown) != _shape(real):
        return RedirectVerdict(redirect_uri, True, answer)
    raise Invalid(
        text(
            _("The provider responds to registered and unknown redirect URIs in the same way: %(answer)s."),
            answer=answer,
        ),
        value=redirect_uri,
        remedy=Text(_("Compare the client's redirect URIs at the provider manually.")),
        code="identity-redirect-unclear",
    )


@dataclass(frozen=True)
class RequestVerdict:
    """How the sign-in request of TMC-SM is answered; `error` is the provider's code where it sent us back with one."""

    scopes: tuple[str, ...]
    status: int
    error: str
    description: str


def probe_request(
    discovery: Discovery,
    client_id: str,
    redirect_uri: str,
    scopes: Sequence[str],
    *,
    ca_pem: str | None = None,
    timeout: float = TIMEOUT,
) -> RequestVerdict:
    """The very request that a person's browser will bring: these scopes, code flow, PKCE. Nobody is signed in."""
    url = _authorization_url(discovery, client_id, redirect_uri, scopes)
    response = fetch(url, ca_pem=ca_pem, timeout=timeout)
    told = _told(response.headers.get("location", "")) if response.is_redirect else {}
    error = plain_code(told.get("error", [""])[0]) or (oauth_error(response) if response.status >= 400 else "")
    words = told.get("error_description", [""])[0] or worded(response)
    return RequestVerdict(tuple(scopes), response.status, error, one_line(words, MAX_ANSWER))


def _told(location: str) -> dict[str, list[str]]:
    """What an answer to the callback says, in its query or its fragment; empty for what is no address."""
    try:
        target = urlsplit(location)
        return parse_qs(target.query, max_num_fields=1000) or parse_qs(target.fragment, max_num_fields=1000)
    except ValueError:
        return {}


def _authorization_url(discovery: Discovery, client_id: str, redirect_uri: str, scopes: Sequence[str]) -> str:
    asked = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "scope": " ".join(scopes),
        "state": secrets.token_urlsafe(16),
        "nonce": secrets.token_urlsafe(16),
        "code_challenge": secrets.token_urlsafe(32),
        "code_challenge_method": "S256",
        "prompt": "none",
    }
    joint = "&" if urlsplit(discovery.authorization_endpoint).query else "?"
    return f"{discovery.authorization_endpoint}{joint}{urlencode(asked)}"


def _leads_to(response: Response, redirect_uri: str) -> bool:
    location = response.headers.get("location", "") if response.is_redirect else ""
    return location == redirect_uri or location.startswith((f"{redirect_uri}?", f"{redirect_uri}#"))


def _shape(response: Response) -> tuple[int, str, str]:
    """What two answers have in common when they mean the same."""
    return response.status, without_secrets(response.headers.get("location", "")), title(response)
