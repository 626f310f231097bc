"""The addresses of the practice provider, all below one realm as Keycloak has them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from authlib.oauth2 import OAuth2Error
from flask import Flask, Response, jsonify, render_template_string, request
from werkzeug.exceptions import ServiceUnavailable

from installer_tasks.rehearsal.identity import pages
from installer_tasks.rehearsal.identity.grants import ALGORITHM, Provider, authorization_server
from installer_tasks.rehearsal.identity.people import AUTH_METHODS, GRANTS, SCOPES

REALM = "/realms/tmc"
CLAIMS = ("sub", "iss", "aud", "exp", "iat", "email", "email_verified", "groups", "name", "preferred_username")


def make_app(provider: Provider, unavailable: Callable[[], bool], wrong_issuer: Callable[[], bool]) -> Flask:
    """The provider as a WSGI application; the two functions say whether that fault is on."""
    app = Flask(__name__)
    server = authorization_server(app, provider)

    @app.before_request
    def refuse_when_unavailable() -> None:
        if unavailable():
            raise ServiceUnavailable

    @app.get(f"{REALM}/.well-known/openid-configuration")
    def discovery() -> Response:
        return jsonify(_discovery(provider.issuer, "-old" if wrong_issuer() else ""))

    @app.get(f"{REALM}/jwks")
    def key_set() -> Response:
        return jsonify(provider.key_set())

    @app.route(f"{REALM}/authorize", methods=["GET", "POST"])
    def authorize() -> Any:
        return _authorize(server, provider)

    @app.post(f"{REALM}/token")
    def token() -> Any:
        return server.create_token_response()

    @app.route(f"{REALM}/userinfo", methods=["GET", "POST"])
    def userinfo() -> Any:
        return server.create_endpoint_response("userinfo")

    @app.route(f"{REALM}/logout", methods=["GET", "POST"])
    def logout() -> str:
        return render_template_string(pages.SIGNED_OUT)

    return app


def _discovery(issuer: str, suffix: str) -> dict[str, Any]:
    return {
        "issuer": issuer + suffix,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "jwks_uri": f"{issuer}/jwks",
        "userinfo_endpoint": f"{issuer}/userinfo",
        "end_session_endpoint": f"{issuer}/logout",
        "scopes_supported": list(SCOPES),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": list(GRANTS),
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "token_endpoint_auth_methods_supported": list(AUTH_METHODS),
        "code_challenge_methods_supported": ["S256"],
        "claims_supported": list(CLAIMS),
    }


def _authorize(server: Any, provider: Provider) -> Any:
    """Sign-in page, then back to the client; nobody is remembered, so each sign-in asks again."""
    try:
        person = _signed_in(provider)
        grant = server.get_consent_grant(end_user=person)
    except OAuth2Error as error:
        if error.redirect_uri:
            return server.handle_error_response(None, error)
        # Never back to an address that was not registered.
        problem = error.get_error_description() or error.error
        return render_template_string(pages.PROBLEM, problem=problem), 400
    if person is None:
        page = render_template_string(
            pages.SIGN_IN,
            client=grant.client.client_id,
            username=request.form.get("username", ""),
            failed=request.method == "POST",
        )
        return page, 401 if request.method == "POST" else 200
    return server.create_authorization_response(grant_user=person, grant=grant)


def _signed_in(provider: Provider) -> Any:
    if request.method != "POST":
        return None
    return provider.sign_in(request.form.get("username", ""), request.form.get("password", ""))
