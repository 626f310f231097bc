"""A request after the session has ended: the person signs in, and goes on where they were with what they had typed.

Pages are led to the sign-in page. A part of a page that its script asks for is answered with 401 and the form for the
page's sign-in dialog (static/session.js), never with a page.
"""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import redirect, render, resolve_url
from django.utils.cache import add_never_cache_headers
from django.utils.http import url_has_allowed_host_and_scheme

from wizard import drafts
from wizard.accounts.access import View
from wizard.accounts.forms import SignInForm
from wizard.accounts.routes import READING

STREAM = "text/event-stream"
#: Tells the page's script that the refused request is worth a second try: the cookie has a token that is accepted.
RENEWED = "X-CSRF-Renewed"


class SignInRequired(LoginRequiredMiddleware):
    def handle_no_permission(self, request: HttpRequest, view_func: View) -> HttpResponse:  # type: ignore[override]  # noqa: ARG002 - Django's signature
        return ask_to_sign_in(request)


def ask_to_sign_in(request: HttpRequest) -> HttpResponse:
    if request.headers.get("HX-Request"):
        return _dialog(request)
    if STREAM in request.headers.get("Accept", ""):
        return HttpResponse(status=401)
    draft = drafts.sent_with(request)
    if draft is None:
        return redirect(f"{resolve_url(settings.LOGIN_URL)}?{urlencode({'next': page_of(request)})}")
    context = {"form": SignInForm(), "next": draft.path, "draft": draft.dump()}
    return _private(render(request, "wizard/sign_in.html", context, status=401))


def _dialog(request: HttpRequest) -> HttpResponse:
    return _private(render(request, "wizard/_sign_in_again.html", {"form": SignInForm()}, status=401))


def page_of(request: HttpRequest) -> str:
    """The page on which the person was: what a form is sent to is often no page to go back to."""
    if request.method in READING:
        return request.get_full_path()
    came_from = request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(came_from, {request.get_host()}, require_https=request.is_secure()):
        return resolve_url(settings.LOGIN_REDIRECT_URL)
    parts = urlsplit(came_from)
    return parts._replace(scheme="", netloc="", fragment="").geturl()


def renew_token(request: HttpRequest) -> HttpResponse | None:
    """The answer to a form with an old token when nothing has to be lost by it; the cookie then has one that counts."""
    if not request.user.is_authenticated and getattr(_view(request), "login_required", True):
        return ask_to_sign_in(request)
    if request.headers.get("HX-Request"):
        get_token(request)
        return _private(HttpResponse(status=403, headers={RENEWED: "1"}))
    draft = drafts.sent_with(request)
    return redirect(drafts.keep(request, draft)) if draft else None


def _view(request: HttpRequest) -> View | None:
    return request.resolver_match.func if request.resolver_match else None


def _private(response: HttpResponse) -> HttpResponse:
    add_never_cache_headers(response)
    return response
