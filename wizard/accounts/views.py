"""Signing in by link or password, choosing a password, signing out."""

from __future__ import annotations

from typing import cast
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth import authenticate, login, logout, update_session_auth_hash
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from installer_tasks.models import AuditEntry
from installer_tasks.text import mark as _
from wizard.accounts import links, throttle
from wizard.accounts.forms import SHORTEST, SignInForm, WelcomeForm

BACKEND = "django.contrib.auth.backends.ModelBackend"


@login_not_required
@never_cache
@require_http_methods(["GET", "POST"])
def sign_in_link(request: HttpRequest, token: str) -> HttpResponse:
    """A GET only shows a button: programs that look at links before people do must not use them up."""
    target = safe_next(request)
    if request.method == "GET":
        if request.user.is_authenticated:
            return redirect(target)
        return _link_page(request, target) if links.find(token) else _spent(request)
    user = links.use(token)
    if user is None:
        return _spent(request)
    _enter(request, user, "link")
    if user.has_usable_password():
        return redirect(target)
    return redirect(f"{resolve_url('welcome')}?{urlencode({'next': target})}")


def _link_page(request: HttpRequest, target: str) -> HttpResponse:
    return render(request, "wizard/sign_in_link.html", {"next": target})


def _spent(request: HttpRequest) -> HttpResponse:
    return render(request, "wizard/sign_in_spent.html", status=410)


@login_not_required
@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    target = safe_next(request)
    if request.method == "GET":
        if request.user.is_authenticated:
            return redirect(target)
        return _sign_in_page(request, SignInForm(), target)
    form = SignInForm(request.POST)
    if not form.is_valid():
        return _sign_in_page(request, form, target, status=422)
    name, password = form.cleaned_data["name"], form.cleaned_data["password"]
    if throttle.is_locked(name, _address(request)):
        return _sign_in_page(request, form, target, gettext(LOCKED), status=429)
    user = authenticate(request, username=name, password=password)
    if user is None:
        throttle.failed(name, _address(request))
        return _sign_in_page(request, form, target, gettext(WRONG), status=422)
    _enter(request, user, "password")
    return redirect(target)


LOCKED = _("Too many attempts with this name. Wait fifteen minutes, or use a new link from the console.")
WRONG = _("This name and password do not belong together. Check both and try again.")


def _sign_in_page(
    request: HttpRequest, form: SignInForm, target: str, problem: str = "", *, status: int = 200
) -> HttpResponse:
    context = {"form": form, "next": target, "problem": problem}
    return render(request, "wizard/sign_in.html", context, status=status)


@never_cache
@sensitive_post_parameters("password", "again")
@require_http_methods(["GET", "POST"])
def welcome(request: HttpRequest) -> HttpResponse:
    """Name and password, so that the next visit needs no link."""
    user, target = cast(User, request.user), safe_next(request)
    form = WelcomeForm(request.POST or None, user=user, initial={"name": user.username})
    if request.method == "POST" and form.is_valid():
        update_session_auth_hash(request, form.save())
        AuditEntry.objects.create(person=user, action="password.chosen")
        return redirect(target)
    context = {"form": form, "next": target, "shortest": SHORTEST}
    return render(request, "wizard/welcome.html", context, status=422 if form.is_bound else 200)


@login_not_required
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    return redirect("sign-in")


def _enter(request: HttpRequest, user: User, way: str) -> None:
    login(request, user, backend=BACKEND)
    AuditEntry.objects.create(person=user, action=throttle.SIGNED_IN, detail={"by": way})


def safe_next(request: HttpRequest) -> str:
    """Where to go on, when it is a page of ours."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    ours = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if ours else resolve_url(settings.LOGIN_REDIRECT_URL)


def _address(request: HttpRequest) -> str:
    return str(request.META.get("REMOTE_ADDR", ""))
