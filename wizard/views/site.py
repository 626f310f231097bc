"""What belongs to no installation: health, language, theme, errors, and the page of all components."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import DisallowedHost, RequestDataTooBig
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse
from django.http.request import split_domain_port
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import requires_csrf_token
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django.views.i18n import set_language

from wizard.accounts.access import Refused, administrators
from wizard.accounts.session_end import page_of, renew_token
from wizard.accounts.views import safe_next
from wizard.context import THEMES
from wizard.presenters.design import examples

A_YEAR = 365 * 24 * 3600

LAST_WORDS = "<!doctype html><title>500</title><p>Internal server error. Your saved data is safe."

language = login_not_required(require_http_methods(["GET", "POST"])(set_language))


@login_not_required
@never_cache
@require_GET
def healthz(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - a view
    """Says that the server answers and that its database does; nothing else."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse("ok", content_type="text/plain")


@login_not_required
@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    response = redirect(safe_next(request))
    wanted = request.POST.get("theme", "")
    if wanted in THEMES:
        name, secure = settings.THEME_COOKIE_NAME, settings.SESSION_COOKIE_SECURE
        response.set_cookie(name, wanted, max_age=A_YEAR, samesite="Lax", secure=secure)
    return response


@login_not_required
@require_GET
def favicon(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - a view
    return redirect(static("favicon.svg"))


@never_cache
@require_GET
def design(request: HttpRequest) -> HttpResponse:
    """Every component in every state, for those who work on the look."""
    if not settings.DEBUG:
        raise Http404
    return render(request, "wizard/design.html", examples())


def _error(request: HttpRequest, status: int, **context: Any) -> HttpResponse:
    return render(request, f"wizard/errors/{status}.html", context, status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Too much was sent, a name that this installer is not known by, or nonsense."""
    if isinstance(exception, DisallowedHost):
        host = split_domain_port(request.META.get("HTTP_HOST", ""))[0]
        setting = f"TMC_INSTALLER_HOSTS={','.join([*settings.ALLOWED_HOSTS, host])}"
        return _error(request, 400, host=host, setting=setting)
    if not isinstance(exception, RequestDataTooBig):
        return _error(request, 400)
    if request.headers.get("HX-Request"):
        return render(request, "wizard/_too_large.html", status=413)
    return _error(request, 413, back=request.path)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """What is not for this person, and who can change that."""
    if not isinstance(exception, Refused):
        return _error(request, 403)
    return _error(request, 403, why=exception.why, administrators=administrators())


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django's signature
    return _error(request, 404)


@requires_csrf_token
def server_error(request: HttpRequest) -> HttpResponse:
    try:
        return _error(request, 500)
    except Exception:  # noqa: BLE001 - the page itself may need what is broken, such as the database
        return HttpResponse(LAST_WORDS, status=500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001 - Django's signature
    return renew_token(request) or _error(request, 403, csrf=True, back=page_of(request))
