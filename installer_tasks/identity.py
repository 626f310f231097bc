"""The customer's OpenID Connect provider: what it says of itself, whether it knows our client and our callback.

Everything is asked the way Pinniped will ask it later, so that what passes here works there.
"""

from __future__ import annotations

import base64
import html
import json
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote_plus, urlencode, urlsplit

from installer_tasks.errors import Busy, InputError, InstallerError, Invalid, Missing, Refused
from installer_tasks.http import TIMEOUT, Response, fetch, json_object, parse_url, without_secrets
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

WELL_KNOWN = "/.well-known/openid-configuration"
FIELD = "identity.issuer_url"
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
MAX_ANSWER = 200
#: What a key must hold to verify with.
KEY_MEMBERS = {"RSA": ("n", "e"), "EC": ("crv", "x", "y"), "OKP": ("crv", "x")}

Role = Literal["admin", "member", ""]


@dataclass(frozen=True)
class Discovery:
    """What a provider says of itself."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    scopes: tuple[str, ...]
    response_types: tuple[str, ...]
    grant_types: tuple[str, ...]
    auth_methods: tuple[str, ...]
    claims: tuple[str, ...]


@dataclass(frozen=True)
class KeySet:
    """The published keys; `usable` can verify signatures."""

    url: str
    total: int
    usable: int
    algorithms: tuple[str, ...]


@dataclass(frozen=True)
class ClientVerdict:
    """Whether the provider knows the client by this secret; `answer` is what it said."""

    client_id: str
    accepted: bool
    answer: str


@dataclass(frozen=True)
class RedirectVerdict:
    """Whether the provider sends people back to this address; `answer` is what it said."""

    uri: str
    accepted: bool
    answer: str


def parse_issuer(source: str) -> str:
    """The issuer URL as it was meant, letter for letter; InputError for what cannot be one."""
    issuer = source.strip()
    target = parse_url(issuer, field=FIELD)
    if WELL_KNOWN in target.path:
        raise InputError(
            Text(_("This is the address of the discovery document, not the issuer.")),
            value=without_secrets(issuer),
            remedy=text(_("Give %(issuer)s."), issuer=issuer.partition(WELL_KNOWN)[0]),
            field=FIELD,
            code="issuer-is-document",
        )
    if target.query or target.fragment or issuer[-1] in "?#":
        raise InputError(
            Text(_("An issuer has neither ? nor #.")),
            value=without_secrets(issuer),
            remedy=Text(_("Copy the value of issuer from the provider's discovery document.")),
            field=FIELD,
            code="issuer-has-query",
        )
    return issuer


def discover(issuer: str, ca_pem: str | None = None, timeout: float = TIMEOUT) -> Discovery:
    """The provider's discovery document, judged: its issuer must be this one to the letter, its endpoints https."""
    expected = parse_issuer(issuer)
    response = fetch(expected.removesuffix("/") + WELL_KNOWN, ca_pem=ca_pem, timeout=timeout)
    document = json_object(_good(response))
    found = document.get("issuer")
    if not isinstance(found, str) or found != expected:
        raise Invalid(
            text(
                _("The provider says that it is %(found)s, not %(expected)s."), found=_shown(found), expected=expected
            ),
            value=expected,
            remedy=Text(_("Enter the issuer exactly as the provider writes it, also the slash at its end.")),
            code="identity-issuer-mismatch",
            field=FIELD,
        )
    endpoints = {name: _endpoint(document, name, expected) for name in ENDPOINTS}
    return Discovery(
        issuer=expected,
        **endpoints,
        scopes=_words(document, "scopes_supported"),
        response_types=_words(document, "response_types_supported"),
        grant_types=_words(document, "grant_types_supported") or ("authorization_code", "implicit"),
        auth_methods=_words(document, "token_endpoint_auth_methods_supported") or ("client_secret_basic",),
        claims=_words(document, "claims_supported"),
    )


def jwks(discovery: Discovery, ca_pem: str | None = None, timeout: float = TIMEOUT) -> KeySet:
    """The provider's published keys."""
    response = fetch(discovery.jwks_uri, ca_pem=ca_pem, timeout=timeout)
    keys = json_object(_good(response)).get("keys")
    if not isinstance(keys, list):
        raise Invalid(
            text(_("The key set at %(url)s holds no list of keys."), url=discovery.jwks_uri),
            value=discovery.jwks_uri,
            code="identity-no-keys",
        )
    usable = [key for key in keys if _can_verify(key)]
    algorithms = tuple(sorted({str(key.get("alg") or key["kty"])[:20] for key in usable}))
    return KeySet(discovery.jwks_uri, len(keys), len(usable), algorithms)


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
        for headers, body in _authentications(discovery, client_id, client_secret):
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
    answer = _answer(real)
    if _leads_to(real, redirect_uri):
        return RedirectVerdict(redirect_uri, True, answer)
    if real.status >= 500:
        _good(real)
    if real.status >= 400 or "error" in real.headers.get("location", ""):
        return RedirectVerdict(redirect_uri, False, answer)
    unknown = ask(f"https://unregistered-{secrets.token_hex(4)}.invalid/callback")
    if _shape(unknown) != _shape(real):
        return RedirectVerdict(redirect_uri, True, answer)
    raise Invalid(
        text(_("The provider answers a registered and an unknown callback alike: %(answer)s."), answer=answer),
        value=redirect_uri,
        remedy=Text(_("Compare the redirect URIs of the client at the provider by eye.")),
        code="identity-redirect-unclear",
    )


def role_of(groups: object, admin: str, member: str) -> Role:
    """The role that TMC-SM gives for a groups claim: names are compared to the letter."""
    names = [groups] if isinstance(groups, str) else list(groups) if isinstance(groups, Sequence) else []
    if admin in names:
        return "admin"
    return "member" if member in names else ""


def near_misses(groups: Sequence[str], admin: str, member: str) -> tuple[str, ...]:
    """Groups that were probably meant: another case, or the full path that Keycloak writes."""
    wanted = {admin.casefold(), member.casefold()}
    return tuple(
        name for name in groups if name not in (admin, member) and name.rpartition("/")[2].casefold() in wanted
    )


def _good(response: Response) -> Response:
    """The answer when it is one; else what its status means, a redirect above all."""
    url, status = without_secrets(response.url), response.status
    if status == 200:
        return response
    kind: type[InstallerError]
    if 300 <= status < 400:
        raise Invalid(
            text(
                _("%(url)s redirects to %(location)s instead of answering."),
                url=url,
                location=without_secrets(response.headers.get("location", "-")),
            ),
            value=url,
            remedy=Text(_("Enter the address that it redirects to, if that is the provider.")),
            code="identity-redirected",
        )
    if status in (404, 410):
        kind, template = Missing, _("There is nothing at %(url)s (%(status)d).")
    elif status in (401, 403):
        kind, template = Refused, _("%(url)s may not be read from here (%(status)d).")
    elif status == 429 or status >= 500:
        kind, template = Busy, _("The provider is not well: %(url)s answered %(status)d.")
    else:
        kind, template = Invalid, _("%(url)s answered %(status)d.")
    raise kind(
        text(template, url=url, status=status),
        value=url,
        remedy=Text(_("Check host, port and realm of the issuer; open its discovery document in a browser.")),
        code=f"identity-{kind.code}",
    )


def _endpoint(document: Mapping[str, Any], name: str, issuer: str) -> str:
    found = document.get(name)
    try:
        if isinstance(found, str):
            return parse_url(found).geturl()
    except InputError as error:
        raise Invalid(
            text(_("%(name)s of the provider is no https address: %(value)s."), name=name, value=_shown(found)),
            value=issuer,
            remedy=Text(_("Have the provider publish https addresses; behind a proxy, tell it its public address.")),
            code="identity-endpoint",
        ) from error
    raise Invalid(
        text(_("The discovery document has no %(name)s."), name=name),
        value=issuer,
        remedy=Text(_("Check that this is an OpenID Connect provider, not only OAuth.")),
        code="identity-endpoint",
    )


def _shown(value: object) -> str:
    return without_secrets(value) if isinstance(value, str) and value else "-"


def _words(document: Mapping[str, Any], name: str) -> tuple[str, ...]:
    found = document.get(name)
    return tuple(item[:100] for item in found[:200] if isinstance(item, str)) if isinstance(found, list) else ()


def _can_verify(key: object) -> bool:
    if not isinstance(key, dict) or key.get("use", "sig") != "sig":
        return False
    return all(isinstance(key.get(name), str) for name in KEY_MEMBERS.get(str(key.get("kty")), ("kty-unknown",)))


def _authentications(
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
        _good(response)
    error = _oauth_error(response)
    answer = f"{response.status} {error}".strip()
    if response.status == 200 or error in ("invalid_grant", "invalid_code"):
        return True, answer
    # Keycloak says 401 unauthorized_client for a wrong secret, and for client credentials that are switched off.
    if error == "invalid_client" or (for_code and response.status == 401):
        return False, answer
    return None, answer


def _oauth_error(response: Response) -> str:
    """The `error` member, where there is one; the words of others are shown to people, so only its own alphabet."""
    try:
        error = json.loads(response.body)["error"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    return re.sub(r"[^A-Za-z0-9_.-]", "", error)[:60] if isinstance(error, str) else ""


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
    return response.status, without_secrets(response.headers.get("location", "")), _title(response)


def _answer(response: Response) -> str:
    return f"{response.status} {_title(response)}".strip()


def _title(response: Response) -> str:
    """Where the answer leads, or the words of its page, for people to read."""
    if response.is_redirect:
        return without_secrets(response.headers["location"])
    if not response.is_html:
        return _oauth_error(response)
    body = re.sub(r"<(script|style|title)\b.*?</\1>", " ", response.text()[:20_000], flags=re.DOTALL | re.IGNORECASE)
    words = html.unescape(re.sub(r"<[^<>]*>", " ", body)).split()
    return " ".join(words)[:MAX_ANSWER]
