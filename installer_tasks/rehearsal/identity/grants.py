"""Authlib's grants, told where codes, tokens and people are kept."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from authlib.integrations.flask_oauth2 import AuthorizationServer, ResourceProtector
from authlib.oauth2.rfc6749 import grants
from authlib.oauth2.rfc6749.errors import InvalidGrantError
from authlib.oauth2.rfc6750 import BearerTokenValidator
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core import OpenIDCode, OpenIDToken, UserInfoEndpoint
from flask import Flask
from joserfc.jwk import OctKey, RSAKey

from installer_tasks.rehearsal.identity import faulty
from installer_tasks.rehearsal.identity.people import AUTH_METHODS, SCOPES, Client, Person
from installer_tasks.rehearsal.identity.store import Code, Store, Token

ALGORITHM = "RS256"


class Provider:
    """What the grants need to know: people, clients, what was given out, the signing key."""

    def __init__(self, people: Mapping[str, Person], clients: Mapping[str, Client], active: faulty.Active) -> None:
        self.active = active  #: whether this fault is on
        self.people = people
        self.clients = clients
        self.store = Store()
        self.key = RSAKey.generate_key(2048, {"use": "sig", "alg": ALGORITHM}, auto_kid=True)
        self.issuer = ""

    def sign_in(self, name: str, password: str) -> Person | None:
        person = self.people.get(name)
        return person if person and person.accepts(password) else None

    def key_set(self) -> dict[str, Any]:
        return {"keys": [self.key.as_dict(private=False)]}

    def save_token(self, token: Mapping[str, Any], request: Any) -> None:
        self.store.add_token(
            Token(
                access_token=token["access_token"],
                refresh_token=token.get("refresh_token", ""),
                client=request.client,
                person=request.user,
                scope=token.get("scope", ""),
                expires_in=token["expires_in"],
                issued=time.time(),
            )
        )


def authorization_server(app: Flask, provider: Provider) -> AuthorizationServer:
    """Authlib's server with the four grants, PKCE, id tokens and userinfo."""
    app.config["OAUTH2_SCOPES_SUPPORTED"] = list(SCOPES)
    app.config["OAUTH2_REFRESH_TOKEN_GENERATOR"] = True
    app.config["OAUTH2_TOKEN_EXPIRES_IN"] = dict.fromkeys(
        ("authorization_code", "refresh_token", "client_credentials", "password"), 3600
    )
    server = AuthorizationServer(app, provider.clients.get, provider.save_token)
    # Authlib makes grants itself, from classes: they get their provider as a class attribute.
    own = {"provider": provider}
    tokens = type("Tokens", (_IdToken, OpenIDToken), own)
    codes = type("Codes", (_IdToken, OpenIDCode), own)
    challenge = type("Challenge", (_Challenge,), own)(required=False)
    server.register_grant(type("CodeGrant", (_CodeGrant,), own), [challenge, codes()])
    server.register_grant(type("RefreshGrant", (_RefreshGrant,), own), [tokens()])
    server.register_grant(type("PasswordGrant", (_PasswordGrant,), own), [tokens()])
    server.register_grant(_ClientGrant)
    server.register_endpoint(type("UserInfo", (_UserInfo,), own)(resource_protector=_protector(provider)))
    return server


class _Challenge(CodeChallenge):  # type: ignore[misc]
    provider: Provider

    @property
    def SUPPORTED_CODE_CHALLENGE_METHOD(self) -> list[str]:
        return ["plain"] if self.provider.active(faulty.PLAIN_PKCE) else ["plain", "S256"]


class _CodeGrant(grants.AuthorizationCodeGrant):  # type: ignore[misc]
    provider: Provider

    def save_authorization_code(self, code: str, request: Any) -> None:
        asked = request.payload.data
        self.provider.store.add_code(
            Code(
                code=code,
                client=request.client,
                person=request.user,
                redirect_uri=request.payload.redirect_uri,
                scope=request.scope,
                nonce=asked.get("nonce", ""),
                code_challenge=asked.get("code_challenge", ""),
                code_challenge_method=asked.get("code_challenge_method", "plain"),
                auth_time=int(time.time()),
            )
        )

    def query_authorization_code(self, code: str, client: Client) -> Code | None:
        return self.provider.store.take_code(code, client)

    def delete_authorization_code(self, authorization_code: Code) -> None:
        """It went when it was asked for."""

    def authenticate_user(self, authorization_code: Code) -> Person:
        return authorization_code.person


class _RefreshGrant(grants.RefreshTokenGrant):  # type: ignore[misc]
    provider: Provider
    TOKEN_ENDPOINT_AUTH_METHODS = list(AUTH_METHODS)
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token: str) -> Token | None:
        return self.provider.store.refresh(refresh_token)

    def authenticate_user(self, refresh_token: Token) -> Person | None:
        return refresh_token.person

    def revoke_old_credential(self, refresh_token: Token) -> None:
        self.provider.store.revoke(refresh_token)


class _PasswordGrant(grants.ResourceOwnerPasswordCredentialsGrant):  # type: ignore[misc]
    provider: Provider
    TOKEN_ENDPOINT_AUTH_METHODS = list(AUTH_METHODS)

    def authenticate_user(self, username: str, password: str) -> Person:
        person = self.provider.sign_in(username, password)
        if person is None:
            raise InvalidGrantError("Invalid user credentials")
        return person


class _ClientGrant(grants.ClientCredentialsGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = list(AUTH_METHODS)


class _IdToken:
    """What goes into an id token, and what signs it."""

    provider: Provider

    def resolve_client_private_key(self, client: Client) -> RSAKey | OctKey:
        return OctKey.import_key(client.secret) if self._by_secret else self.provider.key

    def get_client_algorithm(self, _client: Client) -> str:
        return "HS256" if self._by_secret else ALGORITHM

    @property
    def _by_secret(self) -> bool:
        return self.provider.active(faulty.SHARED_TOKENS)

    def get_client_claims(self, client: Client) -> dict[str, Any]:
        return {"iss": self.provider.issuer, "aud": client.client_id}

    def get_encode_header(self, client: Client) -> dict[str, Any]:
        return {"alg": self.get_client_algorithm(client)} | ({} if self._by_secret else {"kid": self.provider.key.kid})

    def exists_nonce(self, _nonce: str, _request: Any) -> bool:
        """Going back in the browser sends it again; providers let that pass."""
        return False

    def generate_user_info(self, user: Person, scope: str) -> dict[str, Any]:
        return faulty.claims(user.claims(scope), self.provider.active) | faulty.times(self.provider.active)


class _UserInfo(UserInfoEndpoint):  # type: ignore[misc]
    provider: Provider

    def generate_user_info(self, user: Person, scope: str) -> dict[str, Any]:
        return faulty.claims(user.claims(scope), self.provider.active)


def _protector(provider: Provider) -> ResourceProtector:
    class Validator(BearerTokenValidator):  # type: ignore[misc]
        def authenticate_token(self, token_string: str) -> Token | None:
            token = provider.store.access(token_string)
            return token if token and token.person else None

    protector = ResourceProtector()
    protector.register_token_validator(Validator())
    return protector
