"""Whether the provider knows our client by its secret."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass, replace
from urllib.parse import quote_plus

from installer_tasks.errors import Invalid
from installer_tasks.systems.http import TIMEOUT, Response, fetch
from installer_tasks.systems.identity.answers import good, oauth_error, vendor_code
from installer_tasks.systems.identity.discovery import Discovery
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _


@dataclass(frozen=True)
class ClientVerdict:
    """Whether the provider knows the client by this secret; `answer` is what it said."""

    client_id: str
    accepted: bool
    answer: str
    error: str = ""  #: the provider's code, and behind it its vendor's number where it gives one
    number: str = ""


#: What nobody may do who is not this client. For a code also what says that this client may not sign people in at all.
_REFUSED = ("invalid_client",)
_REFUSED_FOR_CODE = ("invalid_client", "unauthorized_client", "access_denied")


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
    answers: list[ClientVerdict] = []
    for form in (code, {"grant_type": "client_credentials"}):
        for headers, body in authentications(discovery, client_id, client_secret):
            response = fetch(
                discovery.token_endpoint, ca_pem=ca_pem, timeout=timeout, headers=headers, form=form | body
            )
            accepted, verdict = _client_answer(response, client_id, for_code=form is code)
            answers.append(verdict)
            if accepted:
                return verdict
            if accepted is None:
                break
        else:
            return replace(answers[0], accepted=False)
    raise Invalid(
        text(
            _("The token endpoint does not report whether the client is valid: %(answer)s."),
            answer=answers[0].answer,
        ),
        value=client_id,
        remedy=Text(_("Check the provider's log for this time, or sign in once with this client manually.")),
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


def _client_answer(response: Response, client_id: str, *, for_code: bool) -> tuple[bool | None, ClientVerdict]:
    """True for a known client, False for a refused one, None when the answer does not tell."""
    if response.status >= 500 or response.status in (404, 429) or response.is_redirect:
        good(response)
    error, number = oauth_error(response), vendor_code(response)
    known = response.status == 200 or error in ("invalid_grant", "invalid_code")
    answer = " ".join(part for part in (str(response.status), error, number) if part)
    verdict = ClientVerdict(client_id, known, answer, error, number)
    if known:
        return True, verdict
    # Keycloak says 401 unauthorized_client for a wrong secret, and for client credentials that are switched off.
    refused = error in _REFUSED_FOR_CODE or response.status == 401 if for_code else error in _REFUSED
    return (False if refused else None), verdict
