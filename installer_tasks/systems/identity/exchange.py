"""One person's sign-in, rehearsed: the request that a browser takes to the provider, and what comes back for the code.

Nothing of it is kept but what the token says of the person: no token, no code, no password.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from installer_tasks.errors import InstallerError, Invalid, Refused
from installer_tasks.local.outside import one_line
from installer_tasks.systems.http import Response, fetch, json_object
from installer_tasks.systems.identity.answers import MAX_ANSWER, good, oauth_error, plain_code
from installer_tasks.systems.identity.client import authentications
from installer_tasks.systems.identity.discovery import Discovery, can_verify, discover, published_keys
from installer_tasks.systems.identity.judgement import Told
from installer_tasks.systems.identity.tokens import verified
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

#: A page waits for all of it.
SECONDS = 14.0
ONE_REQUEST = 5.0


@dataclass(frozen=True)
class Client:
    """Who asks, and of whom."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    ca_pem: str | None = field(repr=False)
    scopes: tuple[str, ...]


@dataclass(frozen=True)
class Begun:
    """What must come back the same; `verifier` proves that who exchanges the code is who asked for it."""

    redirect_uri: str
    state: str
    nonce: str
    verifier: str = field(repr=False)

    @classmethod
    def fresh(cls, redirect_uri: str) -> Begun:
        return cls(redirect_uri, *(secrets.token_urlsafe(32) for _part in range(3)))

    @property
    def challenge(self) -> str:
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def sign_in_url(client: Client, begun: Begun) -> str:
    """Where the person's browser goes; the provider's own page asks them who they are."""
    discovery = discover(client.issuer, client.ca_pem, ONE_REQUEST)
    asked = {
        "response_type": "code",
        "client_id": client.client_id,
        "redirect_uri": begun.redirect_uri,
        "scope": " ".join(client.scopes),
        "state": begun.state,
        "nonce": begun.nonce,
        "code_challenge": begun.challenge,
        "code_challenge_method": "S256",
        # Whoever rehearses may want to be somebody else than a moment ago.
        "prompt": "login",
    }
    joint = "&" if urlsplit(discovery.authorization_endpoint).query else "?"
    return f"{discovery.authorization_endpoint}{joint}{urlencode(asked)}"


def by_code(client: Client, begun: Begun, code: str) -> Told:
    """What the provider tells of the person who came back with this code."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": begun.redirect_uri,
        "code_verifier": begun.verifier,
    }
    return _told(client, form, begun.nonce)


def by_password(client: Client, name: str, password: str) -> Told:
    """The same where the provider lets a program sign people in, as `tmc login --basic-auth` does."""
    form = {"grant_type": "password", "username": name, "password": password, "scope": " ".join(client.scopes)}
    return _told(client, form, "")


def _told(client: Client, form: Mapping[str, str], nonce: str) -> Told:
    deadline = time.monotonic() + SECONDS
    discovery = discover(client.issuer, client.ca_pem, _left(deadline))
    answer = _tokens(client, discovery, form, deadline)
    keys = [key for key in published_keys(discovery, client.ca_pem, _left(deadline)) if can_verify(key)]
    claims = verified(answer.get("id_token"), keys, discovery, client.client_id, nonce)
    userinfo = _userinfo(client, discovery, answer.get("access_token"), deadline)
    same = userinfo.get("sub") == claims["sub"]
    return Told(claims, userinfo if same else {}, bool(answer.get("refresh_token")))


def _left(deadline: float) -> float:
    return max(min(deadline - time.monotonic(), ONE_REQUEST), 0.001)


def _tokens(client: Client, discovery: Discovery, form: Mapping[str, str], deadline: float) -> dict[str, Any]:
    headers, body = authentications(discovery, client.client_id, client.client_secret)[0]
    response = fetch(
        discovery.token_endpoint,
        ca_pem=client.ca_pem,
        timeout=_left(deadline),
        headers=headers,
        form={**form, **body},
    )
    error = oauth_error(response)
    if error or (response.status != 200 and response.status in range(400, 500)):
        raise refusal(error or str(response.status), _description(response))
    return json_object(good(response))


def refusal(error: str, description: str) -> Refused:
    """What a provider's error means; its own words are told too, for they are what its log says."""
    remedies = {
        "invalid_client": _("Copy the client ID and secret from the provider again; the secret may have changed."),
        "invalid_grant": _("Sign in again. If you used a name and password, check both."),
        "unauthorized_client": _(
            "Enable this grant for the client. In Keycloak, sign-in with a password needs Direct access grants."
        ),
        "unsupported_grant_type": _(
            "This provider does not support sign-in with a password. Sign in with the browser."
        ),
        "invalid_scope": _("Allow all of these scopes for the client, or enter other scopes on the identity page."),
        "access_denied": _("Assign the user, or one of their groups, to the application at the provider."),
    }
    usual = _("Check the provider's log for this time.")
    words = one_line(description, MAX_ANSWER)
    return Refused(
        text(_("The provider rejected the sign-in: %(error)s. %(words)s"), error=plain_code(error) or "-", words=words),
        value=plain_code(error) or "-",
        remedy=Text(remedies.get(error, usual)),
        code="identity-sign-in-refused",
    )


def _description(response: Response) -> str:
    try:
        found = json_object(response).get("error_description")
    except Invalid:
        return ""
    return found if isinstance(found, str) else ""


def _userinfo(client: Client, discovery: Discovery, access_token: object, deadline: float) -> dict[str, Any]:
    """What it adds; nothing where it is not there or does not answer: the token has what counts."""
    if not discovery.userinfo_endpoint or not isinstance(access_token, str):
        return {}
    headers = {"Authorization": f"Bearer {access_token}"}
    try:
        response = fetch(discovery.userinfo_endpoint, ca_pem=client.ca_pem, timeout=_left(deadline), headers=headers)
        return json_object(good(response))
    except InstallerError:
        return {}
