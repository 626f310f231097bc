"""Who may enter: inviting people, giving roles, retiring. For administrators."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.models import User
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from installer_tasks.errors import InputError
from wizard.accounts import links
from wizard.accounts import people as services
from wizard.accounts.forms import InviteForm, RolesForm, taken
from wizard.presenters import people as presenter
from wizard.texts import render as say
from wizard.views.common import person


@never_cache
@require_http_methods(["GET", "POST"])
def people(request: HttpRequest) -> HttpResponse:
    places = presenter.places()
    form = InviteForm(request.POST or None, places=places)
    if form.is_valid():
        name = form.cleaned_data["name"]
        try:
            code = services.invite(name, by=person(request), administrator=form.everything, roles=form.roles)
        except IntegrityError:  # somebody else has invited the same name in this moment
            form.add_error("name", taken(name))
        else:
            return _link_page(request, name, code)
    context = presenter.page(person(request), form, places)
    return render(request, "wizard/people.html", context, status=422 if form.is_bound else 200)


@require_POST
def roles(request: HttpRequest, number: int) -> HttpResponse:
    who, form = _who(number), RolesForm(request.POST, places=presenter.places())
    if not form.is_valid():
        return _people_with(
            request, gettext("The list of customers has changed since this form was opened. Nothing was changed.")
        )
    try:
        services.change_roles(who, by=person(request), administrator=form.everything, roles=form.roles)
    except InputError as error:
        return _people_with(request, f"{say(error.cause)} {say(error.remedy)}")
    messages.success(request, gettext("The new roles of %(name)s are saved.") % {"name": who})
    return redirect("people")


@never_cache
@require_POST
def link(request: HttpRequest, number: int) -> HttpResponse:
    who = _who(number)
    return _link_page(request, who.username, services.new_link(who, by=person(request)))


@require_POST
def retire(request: HttpRequest, number: int) -> HttpResponse:
    who = _who(number)
    try:
        services.retire(who, by=person(request))
    except InputError as error:
        return _people_with(request, f"{say(error.cause)} {say(error.remedy)}")
    messages.success(request, gettext("%(name)s is signed out everywhere and can no longer sign in.") % {"name": who})
    return redirect("people")


@require_POST
def bring_back(request: HttpRequest, number: int) -> HttpResponse:
    who = _who(number)
    services.bring_back(who, by=person(request))
    messages.success(request, gettext("%(name)s can sign in again.") % {"name": who})
    return redirect("people")


def _who(number: int) -> User:
    return get_object_or_404(User, pk=number)


def _link_page(request: HttpRequest, name: str, code: str) -> HttpResponse:
    """The one time that the link is shown: only its digest is kept."""
    url = request.build_absolute_uri(links.path_of(code))
    context = {"name": name, "url": url, "days": services.INVITATION_LIFE.days}
    return render(request, "wizard/invited.html", context)


def _people_with(request: HttpRequest, problem: str) -> HttpResponse:
    messages.error(request, problem)
    return redirect("people")
