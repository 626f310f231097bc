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

from installer_tasks import sessions
from installer_tasks.errors import InputError
from installer_tasks.models import AuditEntry, Installation
from installer_tasks.text import Text
from installer_tasks.text import mark as _
from wizard.accounts import customers
from wizard.accounts.access import visible
from wizard.presenters import installations as views
from wizard.texts import render as say
from wizard.views.common import installation_of, person

LONGEST_NAME = 100


@never_cache
@require_http_methods(["GET", "POST"])
def index(request: HttpRequest) -> HttpResponse:
    me = person(request)
    if request.method == "GET":
        return render(request, "wizard/installations.html", views.listing(me))
    given = {name: " ".join(request.POST.get(name, "").split()) for name in ("name", "customer")}
    try:
        place = customers.to_start_at(me, given["customer"])
        _require_name(given["name"], me)
    except InputError as error:
        context = {**views.listing(me), **given, "field": error.field, "problem": say(error.cause)}
        return render(request, "wizard/installations.html", context, status=422)
    return redirect("open", pk=sessions.create_installation(given["name"], person=me, workspace=place).pk)


def _require_name(name: str, me: User) -> None:
    """Raises InputError for a name that cannot be told from another that this person sees."""
    if not name:
        problem = Text(_("Give it a name, for example that of the customer or the site."))
    elif len(name) > LONGEST_NAME or not name.isprintable():
        problem = Text(_("A name has at most 100 characters that can be printed."))
    elif visible(me).filter(name__iexact=name).exists():
        problem = Text(_("There is an installation of this name already. Open it, or choose another name."))
    else:
        return
    raise InputError(problem, value=name, field="name")


@never_cache
@require_GET
def open_installation(request: HttpRequest, pk: int) -> HttpResponse:  # noqa: ARG001 - a view
    """To the first thing that needs a person."""
    return redirect(views.place(installation_of(pk)))


@never_cache
@require_http_methods(["GET", "POST"])
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    installation = installation_of(pk)
    loss = views.loss(installation)
    if request.method == "GET" or loss.active:
        return render(request, "wizard/delete.html", {"installation": installation, "loss": loss})
    AuditEntry.objects.create(person=person(request), action="installation.deleted", detail={"name": installation.name})
    installation.delete()
    messages.success(request, gettext("%(name)s is deleted.") % {"name": installation.name})
    return redirect("installations")


@never_cache
@require_http_methods(["GET", "POST"])
def start_over(request: HttpRequest, pk: int) -> HttpResponse:
    installation = installation_of(pk)
    loss = views.loss(installation)
    if request.method == "GET" or loss.active:
        return render(request, "wizard/start_over.html", {"installation": installation, "loss": loss})
    empty(installation)
    AuditEntry.objects.create(person=person(request), installation=installation, action="installation.emptied")
    messages.success(request, gettext("%(name)s begins anew.") % {"name": installation.name})
    return redirect("open", pk=pk)


@transaction.atomic
def empty(installation: Installation) -> None:
    """Everything that belongs to it goes, its name stays."""
    for rows in (installation.runs, installation.findings, installation.waivers, installation.observations):
        rows.all().delete()
    installation.answers.all().delete()
    Installation.objects.filter(pk=installation.pk).update(step="bundle")
    installation.touch()
