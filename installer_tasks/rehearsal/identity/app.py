"""The addresses of the practice provider, all below one realm as Keycloak has them."""

from __future__ import annotations

import codecs
from typing import Any

from authlib.oauth2 import OAuth2Error
from flask import Flask, Response, jsonify, redirect, render_template_string, request
from werkzeug.exceptions import InternalServerError, NotFound, ServiceUnavailable

from installer_tasks.rehearsal.identity import faulty, pages
from installer_tasks.rehearsal.identity.grants import ALGORITHM, Provider, authorization_server
from installer_tasks.rehearsal.identity.people import AUTH_METHODS, GRANTS, SCOPES

REALM = "/realms/tmc"
CLAIMS = ("sub", "iss", "aud", "exp", "iat", "email", "email_verified", "groups", "name", "preferred_username")


def make_app(provider: Provider) -> Flask:
    """The provider as a WSGI application."""
    app = Flask(__name__)
    server = authorization_server(app, provider)
    _publish(app, provider)

    @app.before_request
    def refuse_when_unavailable() -> None:
        if provider.active(faulty.UNAVAILABLE):
            raise ServiceUnavailable

    @app.after_request
    def tell_the_time(response: Response) -> Response:
        response.headers.update(faulty.date_header(provider.active))
        return response

    @app.route(f"{REALM}/authorize", methods=["GET", "POST"])
    def authorize() -> Any:
        return _authorize(server, provider)

    @app.post(f"{REALM}/token")
    def token() -> Any:
        if answer := faulty.token_answer(provider.active):
            return jsonify(answer[1]), answer[0]
        return server.create_token_response()

    @app.route(f"{REALM}/userinfo", methods=["GET", "POST"])
    def userinfo() -> Any:
        return server.create_endpoint_response("userinfo")

    @app.route(f"{REALM}/logout", methods=["GET", "POST"])
    def logout() -> str:
        return render_template_string(pages.SIGNED_OUT)

    return app


def _publish(app: Flask, provider: Provider) -> None:
    """What anybody may read: how to reach the provider, and its keys."""

    @app.get(f"{REALM}/.well-known/openid-configuration/")
    def moved() -> Any:
        return _document(provider)

    @app.get(f"{REALM}/.well-known/openid-configuration")
    def discovery() -> Any:
        if provider.active(faulty.NO_DISCOVERY):
            raise NotFound
        if provider.active(faulty.MOVED_PLAIN):
            return redirect(request.base_url.replace("https://", "http://"))
        if provider.active(faulty.MOVED):
            return redirect(f"{request.base_url}/", 301)
        if provider.active(faulty.DISCOVERY_PAGE):
            return render_template_string(pages.PROBLEM, problem="This realm moves to its new home tonight.")
        return _document(provider)

    @app.get(f"{REALM}/jwks")
    def key_set() -> Response:
        if provider.active(faulty.KEYS_FAIL):
            raise InternalServerError
        return jsonify({"keys": []} if provider.active(faulty.NO_KEYS) else provider.key_set())


def _document(provider: Provider) -> Response:
    answer = jsonify(faulty.document(_discovery(provider.issuer), provider.active))
    if provider.active(faulty.BYTE_ORDER_MARK):
        answer.set_data(codecs.BOM_UTF8 + answer.get_data())
    if provider.active(faulty.AS_HTML):
        answer.content_type = "text/html; charset=utf-8"
    return answer


def _discovery(issuer: str) -> dict[str, Any]:
    return {
        "issuer": issuer,
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
    server.scopes_supported = _scopes(provider)
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


def _scopes(provider: Provider) -> list[str]:
    return [name for name in SCOPES if name != "offline_access" or not provider.active(faulty.NO_OFFLINE_ACCESS)]


def _signed_in(provider: Provider) -> Any:
    if request.method != "POST":
        return None
    return provider.sign_in(request.form.get("username", ""), request.form.get("password", ""))
