"""Whether the provider knows our client by its secret."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass
from urllib.parse import quote_plus

from installer_tasks.errors import Invalid
from installer_tasks.http import TIMEOUT, Response, fetch
from installer_tasks.identity.answers import good, oauth_error
from installer_tasks.identity.discovery import Discovery
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _


@dataclass(frozen=True)
class ClientVerdict:
    """Whether the provider knows the client by this secret; `answer` is what it said."""

    client_id: str
    accepted: bool
    answer: str


def check_client(
    discovery: Discovery,
    client_id: str,
    client_secret: str,
    *,
    redirect_uri: str,
    ca_pem: str | None = None,
    timeout: float = TIMEOUT,
) -> ClientVerdict:
    """Whether id and secret are right, without signing anybody in.

    A code that nobody issued is exchanged. A provider that knows the client refuses the code (`invalid_grant`); one
    that does not, the client (`invalid_client`). Where the answer is neither, client credentials are asked for.
    """
    code = {"grant_type": "authorization_code", "code": secrets.token_urlsafe(24), "redirect_uri": redirect_uri}
    answers = []
    for form in (code, {"grant_type": "client_credentials"}):
        for headers, body in authentications(discovery, client_id, client_secret):
            response = fetch(
                discovery.token_endpoint, ca_pem=ca_pem, timeout=timeout, headers=headers, form=form | body
            )
            accepted, answer = _client_answer(response, for_code=form is code)
            answers.append(answer)
            if accepted:
                return ClientVerdict(client_id, True, answer)
            if accepted is None:
                break
        else:
            return ClientVerdict(client_id, False, answers[0])
    raise Invalid(
        text(
            _("The answer of the token endpoint does not tell whether the client is valid: %(answer)s."),
            answer=answers[0],
        ),
        value=client_id,
        remedy=Text(_("Look into the provider's log for this moment, or sign in once with this client by hand.")),
        code="identity-client-unclear",
    )


def authentications(
    discovery: Discovery, client_id: str, client_secret: str
) -> list[tuple[dict[str, str], dict[str, str]]]:
    """Header and form of each way to prove who the client is, the provider's own first."""
    pair = f"{quote_plus(client_id)}:{quote_plus(client_secret)}".encode()
    basic = ({"Authorization": "Basic " + base64.b64encode(pair).decode()}, dict[str, str]())
    post = (dict[str, str](), {"client_id": client_id, "client_secret": client_secret})
    known = {"client_secret_basic": basic, "client_secret_post": post}
    return [known[method] for method in known if method in discovery.auth_methods] or [basic, post]


def _client_answer(response: Response, *, for_code: bool) -> tuple[bool | None, str]:
    """True for a known client, False for a refused one, None when the answer does not tell."""
    if response.status >= 500 or response.status in (404, 429) or response.is_redirect:
        good(response)
    error = oauth_error(response)
    answer = f"{response.status} {error}".strip()
    if response.status == 200 or error in ("invalid_grant", "invalid_code"):
        return True, answer
    # Keycloak says 401 unauthorized_client for a wrong secret, and for client credentials that are switched off.
    if error == "invalid_client" or (for_code and response.status == 401):
        return False, answer
    return None, answer
