"""An OpenID Connect provider that is not ours: that of idpyoidc, a library from PyPI.

Ours is only the HTTP around it and the form on which a person types their name.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

from cryptojwt.key_jar import build_keyjar
from idpyoidc.message.oidc import AuthorizationRequest
from idpyoidc.server import Server
from idpyoidc.server.configure import OPConfiguration
from idpyoidc.server.exception import UnAuthorizedClient
from idpyoidc.server.user_authn.user import UserAuthnMethod, create_signed_jwt

from tests.serving import over_tls, serving

OIDC = "idpyoidc.server.oidc"
PASSWORD = "kept-password"
SCOPES = ["openid", "email", "profile", "offline_access"]
KEYS = [{"type": "RSA", "use": ["sig"]}, {"type": "EC", "crv": "P-256", "use": ["sig"]}]


class Form(UserAuthnMethod):  # type: ignore[misc]
    """A page that asks for name and password; what is asked of the provider travels in it, signed."""

    def __init__(self, upstream_get: Any = None, **kwargs: Any) -> None:
        super().__init__(upstream_get=upstream_get)
        self.action, self.kwargs = "/verify/user", kwargs

    def __call__(self, **kwargs: Any) -> str:
        context = self.upstream_get("context")
        token = create_signed_jwt(context.issuer, self.upstream_get("attribute", "keyjar"), **kwargs)
        return (
            f'<!doctype html><html lang="en"><title>Kept provider</title><h1>Kept provider</h1>'
            f'<form method="post" action="{self.action}"><input type="hidden" name="token" value="{html.escape(token)}">'
            '<label>User name <input name="username"></label> '
            '<label>Password <input name="password" type="password"></label> <button>Log in</button></form></html>'
        )

    def verify(self, *_args: Any, **kwargs: Any) -> str | None:
        return str(kwargs["username"]) if kwargs["password"] == PASSWORD else None


@dataclass
class Kept:
    """A running one. `people` are the claims of each, by name; they may be changed while it runs."""

    issuer: str
    people: dict[str, dict[str, Any]]
    server: Server

    def register(self, client_id: str, redirect_uri: str) -> None:
        self.server.context.cdb[client_id]["redirect_uris"].append((redirect_uri, {}))


class _Handler(BaseHTTPRequestHandler):
    server: _Web

    def do_GET(self) -> None:
        self._serve("")

    def do_POST(self) -> None:
        self._serve(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())

    def _serve(self, body: str) -> None:
        target = urlsplit(self.path)
        name = {
            "/.well-known/openid-configuration": "provider_config",
            "/authorization": "authorization",
            "/token": "token",
            "/userinfo": "userinfo",
        }.get(target.path)
        if target.path == "/jwks":
            self._answer(200, "application/json", self.server.kept.server.context.keyjar.export_jwks_as_json())
        elif target.path == "/verify/user":
            self._verify({key: values[0] for key, values in parse_qs(body).items()})
        elif name is None:
            self._answer(204, "text/plain", "")  # what browsers ask for by themselves, such as an icon
        else:
            self._endpoint(name, body or target.query)

    def _endpoint(self, name: str, request: str) -> None:
        endpoint = self.server.kept.server.get_endpoint(name)
        headers = {key.lower(): value for key, value in self.headers.items()}
        try:
            asked = endpoint.parse_request(dict(parse_qsl(request)), http_info={"headers": headers})
        except UnAuthorizedClient:
            self._answer(401, "application/json", '{"error": "invalid_client"}')
            return
        if "error" in asked:
            self._answer(400, "application/json", asked.to_json())
            return
        # It always gives refresh tokens: offline_access it takes only with a prompt for consent, which TMC does not send.
        options = {"issue_refresh": True} if name == "token" else {}
        found = endpoint.process_request(asked, **options)
        if "http_response" in found:
            self._answer(200, "text/html", found["http_response"])
            return
        self._respond(endpoint, asked, found)

    def _verify(self, form: Mapping[str, str]) -> None:
        method = self.server.kept.server.context.authn_broker["user"]["method"]
        user = method.verify(username=form["username"], password=form["password"])
        if user is None:
            self._answer(401, "text/html", "<h1>Wrong password</h1>")
            return
        told = method.unpack_token(form["token"])
        request = AuthorizationRequest().from_urlencoded(told["query"])
        endpoint = self.server.kept.server.get_endpoint("authorization")
        session = endpoint.create_session(request, user, told["authn_class_ref"], told["iat"], method)
        self._respond(endpoint, request, endpoint.authz_part2(request=request, session_id=session))

    def _respond(self, endpoint: Any, asked: Any, found: Any) -> None:
        made = endpoint.do_response(request=asked, **found)
        headers = dict(made["http_headers"])
        if made.get("response_placement", endpoint.response_placement) == "url":
            self._answer(302, "text/plain", "", {"Location": made["response"]})
        else:
            error = "error" in found
            self._answer(400 if error else 200, headers.get("Content-type", "application/json"), made["response"])

    def _answer(self, status: int, kind: str, body: str, headers: Mapping[str, str] | None = None) -> None:
        content = body.encode()
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(content)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_args: Any) -> None:
        """Quiet."""


class _Web(ThreadingHTTPServer):
    kept: Kept
    daemon_threads = True


@contextmanager
def kept_provider(
    folder: Path, files: tuple[Path, Path], client: Mapping[str, Any], people: dict[str, dict[str, Any]]
) -> Iterator[Kept]:
    """`client` has client_id, client_secret and redirect_uris."""
    web = _Web(("127.0.0.1", 0), _Handler)
    over_tls(web, files)
    issuer = f"https://localhost:{web.server_port}"
    web.kept = Kept(issuer, people, _provider(issuer, folder, client, people))
    with serving(web):
        yield web.kept


CLAIMS = {"email": None, "email_verified": None, "groups": None, "given_name": None, "family_name": None}
TOKENS = {
    "code": {"lifetime": 60},
    "token": {"class": "idpyoidc.server.token.jwt_token.JWTToken", "kwargs": {"lifetime": 600}},
    "refresh": {"class": "idpyoidc.server.token.jwt_token.JWTToken", "kwargs": {"lifetime": 3600}},
    "id_token": {"class": "idpyoidc.server.token.id_token.IDToken", "kwargs": {"base_claims": CLAIMS}},
}
ENDPOINTS = {
    "provider_config": {
        "path": ".well-known/openid-configuration",
        "class": f"{OIDC}.provider_config.ProviderConfiguration",
        "kwargs": {},
    },
    "authorization": {"path": "authorization", "class": f"{OIDC}.authorization.Authorization", "kwargs": {}},
    "token": {
        "path": "token",
        "class": f"{OIDC}.token.Token",
        "kwargs": {"client_authn_method": ["client_secret_basic", "client_secret_post"]},
    },
    "userinfo": {"path": "userinfo", "class": f"{OIDC}.userinfo.UserInfo", "kwargs": {}},
}
MINTED = {"supports_minting": ["access_token", "refresh_token", "id_token"]}
RULES = {"authorization_code": MINTED | {"max_usage": 1}, "access_token": {}, "refresh_token": MINTED}
SETTINGS = {
    "key_conf": {"key_defs": KEYS},
    "subject_types_supported": ["public"],
    "scopes_supported": SCOPES,
    "grant_types_supported": ["authorization_code", "refresh_token"],
    "scopes_to_claims": {
        "openid": ["sub", "groups"],
        "email": ["email", "email_verified"],
        "profile": ["given_name", "family_name"],
        "offline_access": [],
    },
    "authentication": {"user": {"acr": "password", "class": Form, "kwargs": {}}},
    "add_ons": {"pkce": {"function": "idpyoidc.server.oauth2.add_on.pkce.add_support", "kwargs": {"essential": False}}},
    "authz": {
        "class": "idpyoidc.server.authz.AuthzHandling",
        "kwargs": {"grant_config": {"usage_rules": RULES, "expires_in": 43200}},
    },
}


def _provider(issuer: str, folder: Path, client: Mapping[str, Any], people: dict[str, dict[str, Any]]) -> Server:
    own = {
        "issuer": issuer,
        "jwks_uri": f"{issuer}/jwks",
        "userinfo": {"class": "idpyoidc.server.user_info.UserInfo", "kwargs": {"db": people}},
    }
    # It writes into what it is given.
    conf = deepcopy({**SETTINGS, "token_handler_args": TOKENS, "endpoint": ENDPOINTS}) | own
    server = Server(OPConfiguration(conf, base_path=str(folder)), keyjar=build_keyjar(KEYS), cwd=str(folder))
    server.context.keyjar.import_jwks(server.context.keyjar.export_jwks(private=True), issuer)
    server.context.cdb[client["client_id"]] = {
        "client_secret": client["client_secret"],
        "redirect_uris": [(uri, {}) for uri in client["redirect_uris"]],
        "response_types_supported": ["code"],
        "token_endpoint_auth_method": "client_secret_basic",
        "allowed_scopes": SCOPES,
    }
    server.keyjar.add_symmetric(client["client_id"], client["client_secret"])
    return server
