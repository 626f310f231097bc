"""Signing in by link or password, choosing a password, signing out."""

from __future__ import annotations

from functools import partial
from typing import Any, cast
from urllib.parse import quote, urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import authenticate, login, logout, update_session_auth_hash
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import User
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.shortcuts import redirect, render, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from installer_tasks.models import AuditEntry
from installer_tasks.text import mark as _
from wizard import drafts, guessing
from wizard.accounts import links, sessions, throttle
from wizard.accounts.forms import ChangeForm, LinkForm, SignInForm, WelcomeForm
from wizard.guessing import Counter

BACKEND = "django.contrib.auth.backends.ModelBackend"


@csrf_exempt  # checked below, once the link is spent
@login_not_required
@never_cache
@sensitive_post_parameters("code")
@require_http_methods(["GET", "POST"])
def sign_in_link(request: HttpRequest) -> HttpResponse:
    """The code never comes with a GET: programs that open links before people do cannot use them up."""
    if "code" in request.GET:
        return exposed_link(request, request.GET["code"])
    target = safe_next(request)
    if request.method == "POST":
        return _use_link(request, target)
    if request.user.is_authenticated:
        # An empty fragment, or the browser would carry the code on into the next address.
        return redirect(target if "#" in target else f"{target}#")
    return _link_page(request, LinkForm(), target)


def _use_link(request: HttpRequest, target: str) -> HttpResponse:
    form = LinkForm(request.POST)
    if not form.is_valid():
        return _link_page(request, form, target, status=422)
    user = links.spend(form.cleaned_data["code"])
    if user is None or _forged(request):
        return _spent(request)
    _enter(request, user, sessions.BY_LINK)
    if user.has_usable_password():
        return redirect(target)
    return redirect(f"{resolve_url('welcome')}?{urlencode({'next': target})}")


@csrf_exempt  # all it does is end the link
@login_not_required
@never_cache
def exposed_link(request: HttpRequest, code: str) -> HttpResponse:
    """A code that came in an address stands in the logs of whatever it passed: it is of no use from now on."""
    links.spend(code)
    return _spent(request, exposed=True)


def _forged(request: HttpRequest) -> bool:
    """Whether the form was not ours. The link is spent by then: it was in hands that it was not meant for."""
    return CsrfViewMiddleware(lambda _: HttpResponse()).process_view(request, _spent, (), {}) is not None


def _link_page(request: HttpRequest, form: LinkForm, target: str, *, status: int = 200) -> HttpResponse:
    return render(request, "wizard/sign_in_link.html", {"form": form, "next": target}, status=status)


def _spent(request: HttpRequest, *, exposed: bool = False) -> HttpResponse:
    return render(request, "wizard/sign_in_spent.html", {"exposed": exposed}, status=410)


@login_not_required
@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    target = safe_next(request)
    if request.method == "GET":
        if request.user.is_authenticated:
            return _signed_in(request, target)
        return _sign_in_page(request, SignInForm(), target)
    form = SignInForm(request.POST)
    if not form.is_valid():
        return _sign_in_page(request, form, target, status=422)
    name, password = form.cleaned_data["name"], form.cleaned_data["password"]
    guess = throttle.Try.of(request, name)
    if refused := guess.begin():
        return _delayed(request, form, target, refused.seconds)
    user = authenticate(request, username=name, password=password)
    if user is None:
        guess.failed()
        return _sign_in_page(request, form, target, gettext(WRONG), status=422)
    guess.succeeded()
    _enter(request, user, "password")
    draft = drafts.carried(request)
    response = _signed_in(request, drafts.keep(request, draft) if draft else target)
    throttle.remember(request, response, name)
    return response


def _delayed(request: HttpRequest, form: SignInForm, target: str, seconds: int) -> HttpResponse:
    response = _sign_in_page(request, form, target, gettext(DELAYED) % {"seconds": seconds}, status=429)
    response.headers["Retry-After"] = str(seconds)
    return response


def _signed_in(request: HttpRequest, target: str) -> HttpResponse:
    """The dialog of an open page is told who came, and leaves the page as it is."""
    if not request.headers.get("HX-Request"):
        return redirect(target)
    return HttpResponse(status=204, headers={"X-Person": quote(cast(User, request.user).get_username())})


SHORTEST = 12  #: as AUTH_PASSWORD_VALIDATORS says
DELAYED = _("Too many attempts. Try again in %(seconds)s s, or use a one-time link.")
WRONG = _("This name and password do not match. Check both and try again.")


def _sign_in_page(
    request: HttpRequest, form: SignInForm, target: str, problem: str = "", *, status: int = 200
) -> HttpResponse:
    draft = drafts.carried(request)
    context = {"form": form, "next": target, "problem": problem, "draft": draft.dump() if draft else ""}
    page = "_sign_in_again" if request.headers.get("HX-Request") else "sign_in"
    return render(request, f"wizard/{page}.html", context, status=status)


@never_cache
@sensitive_post_parameters("old", "password", "again")
@require_http_methods(["GET", "POST"])
def welcome(request: HttpRequest) -> HttpResponse:
    """Name and password, so that the next visit needs no link; later, other ones."""
    form, target = _welcome_form(request), safe_next(request)
    if request.method == "POST" and form.is_valid():
        return _renewed(request, form, target)
    context = {"form": form, "next": target, "shortest": SHORTEST}
    return render(request, "wizard/welcome.html", context, status=422 if form.is_bound else 200)


def _welcome_form(request: HttpRequest) -> WelcomeForm:
    user = cast(User, request.user)
    given: dict[str, Any] = {"user": user, "initial": {"name": user.username}}
    if not user.has_usable_password() or sessions.entered_by_link(request):
        return WelcomeForm(request.POST or None, **given)
    return ChangeForm(request.POST or None, **given, try_old=partial(_try_old, user.pk))


@sensitive_variables()
def _try_old(pk: int, password: str) -> str:
    """What is wrong with it; counted as every guess."""
    counter = Counter(("old", str(pk)), throttle.FREE_OF_PAIR, cleared=True)
    user = User.objects.get(pk=pk)
    if refused := guessing.begin(counter):
        return gettext(DELAYED) % {"seconds": refused.seconds}
    if not user.check_password(password):
        AuditEntry.objects.create(person=user, action="password.refused")
        return gettext("This is not your current password.")
    guessing.succeeded(counter)
    return ""


def _renewed(request: HttpRequest, form: WelcomeForm, target: str) -> HttpResponse:
    user, had_one, old_name = form.user, form.user.has_usable_password(), form.name_before
    with transaction.atomic():
        form.save()
        if form.renamed:
            detail = {"old": old_name, "name": user.username}
            AuditEntry.objects.create(person=user, action="person.renamed", detail=detail)
        if form.new_password:
            done = AuditEntry(person=user, action="password.chosen")
            if had_one:
                done = AuditEntry(person=user, action="password.changed")
            done.save()
            sessions.end_all(user, but=request.session.session_key)
    update_session_auth_hash(request, user)
    response = redirect(target)
    throttle.remember(request, response, user.username)
    return response


@never_cache
@require_GET
def own_sessions(request: HttpRequest) -> HttpResponse:
    return render(request, "wizard/sessions.html", {"sessions": sessions.own(request)})


@require_POST
def end_session(request: HttpRequest, code: str) -> HttpResponse:
    person = cast(User, request.user)
    if not sessions.end(person, code):
        raise Http404
    AuditEntry.objects.create(person=person, action="session.ended")
    messages.success(request, gettext("The session has ended."))
    return redirect("sessions")


@login_not_required
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    return redirect("sign-in")


def _enter(request: HttpRequest, user: User, way: str) -> None:
    login(request, user, backend=BACKEND)
    request.session[sessions.WAY] = way
    AuditEntry.objects.create(person=user, action=throttle.SIGNED_IN, detail={"by": way})


def safe_next(request: HttpRequest) -> str:
    """Where to go on, when it is a page of ours."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    ours = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if ours else resolve_url(settings.LOGIN_REDIRECT_URL)
