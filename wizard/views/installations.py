"""The list of installations: start one, open one, delete one, start one over."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from installer_tasks import saved_answers
from installer_tasks.errors import InputError
from installer_tasks.models import AuditEntry, Installation, Workspace
from installer_tasks.text import Text
from installer_tasks.text import mark as _
from wizard.accounts import customers
from wizard.presenters import installations as views
from wizard.texts import render as say
from wizard.views.common import person, state_of

LONGEST_NAME = 100


@never_cache
@require_http_methods(["GET", "POST"])
def index(request: HttpRequest) -> HttpResponse:
    me = person(request)
    if request.method == "GET":
        return render(request, "wizard/installations.html", views.listing(me, views.Asked.of(request.GET)))
    given = {name: " ".join(request.POST.get(name, "").split()) for name in ("name", "customer")}
    try:
        made = _start(me, given["name"], given["customer"])
    except InputError as error:
        context = {**views.listing(me, views.Asked()), **given, "field": error.field, "problem": say(error.cause)}
        return render(request, "wizard/installations.html", context, status=422)
    return redirect("open", pk=made.pk)


@transaction.atomic
def _start(me: User, name: str, customer: str) -> Installation:
    """All of it, or when something is refused nothing: a new customer neither."""
    place = customers.to_start_at(me, customer)
    list(Workspace.objects.select_for_update().filter(pk=place.pk))  # two at once cannot take one name
    name = name or views.free_name(place)
    _require_name(name, place)
    return saved_answers.create_installation(name, person=me, workspace=place)


def _require_name(name: str, place: Workspace) -> None:
    """Raises InputError for a name that cannot be told from another of the same customer."""
    if len(name) > LONGEST_NAME or not name.isprintable():
        problem = Text(_("A name can have at most 100 printable characters."))
    elif place.installations.filter(name__iexact=name).exists():
        problem = Text(_("This customer has an installation with this name already. Open it, or choose another name."))
    else:
        return
    raise InputError(problem, value=name, field="name")


@never_cache
@require_GET
def open_installation(request: HttpRequest, pk: int) -> HttpResponse:  # noqa: ARG001 - a view
    """To the first thing that needs a person."""
    return redirect(views.place(state_of(pk)))


@never_cache
@require_http_methods(["GET", "POST"])
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    state = state_of(pk)
    installation, loss = state.installation, views.loss(state)
    if request.method == "GET" or loss.active:
        return render(request, "wizard/delete.html", {"installation": installation, "loss": loss})
    AuditEntry.objects.create(person=person(request), action="installation.deleted", detail={"name": installation.name})
    installation.delete()
    messages.success(request, gettext("Deleted %(name)s.") % {"name": installation.name})
    return redirect("installations")


@never_cache
@require_http_methods(["GET", "POST"])
def start_over(request: HttpRequest, pk: int) -> HttpResponse:
    state = state_of(pk)
    installation, loss = state.installation, views.loss(state)
    if request.method == "GET" or loss.active:
        return render(request, "wizard/start_over.html", {"installation": installation, "loss": loss})
    empty(installation)
    AuditEntry.objects.create(person=person(request), installation=installation, action="installation.emptied")
    messages.success(request, gettext("%(name)s starts over.") % {"name": installation.name})
    return redirect("open", pk=pk)


@transaction.atomic
def empty(installation: Installation) -> None:
    """Everything that belongs to it goes, its name stays."""
    for rows in (installation.runs, installation.findings, installation.waivers, installation.observations):
        rows.all().delete()
    installation.answers.all().delete()
    Installation.objects.filter(pk=installation.pk).update(step="bundle", needed_again={})
    installation.touch()
