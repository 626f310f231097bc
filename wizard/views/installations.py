"""The list of installations: start one, open one, delete one, start one over."""

from __future__ import annotations

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from installer_tasks import sessions
from installer_tasks.models import AuditEntry, Installation
from wizard.presenters import installations as views
from wizard.views.common import installation_of, person

LONGEST_NAME = 100


@never_cache
@require_http_methods(["GET", "POST"])
def index(request: HttpRequest) -> HttpResponse:
    if request.method == "GET":
        return render(request, "wizard/installations.html", {"rows": views.rows()})
    name = " ".join(request.POST.get("name", "").split())
    problem = _name_problem(name)
    if problem:
        context = {"rows": views.rows(), "name": name, "problem": problem}
        return render(request, "wizard/installations.html", context, status=422)
    installation = sessions.create_installation(name, person=person(request))
    return redirect("open", pk=installation.pk)


def _name_problem(name: str) -> str:
    if not name:
        return gettext("Give it a name, for example that of the customer or the site.")
    if len(name) > LONGEST_NAME or not name.isprintable():
        return gettext("A name has at most 100 characters that can be printed.")
    if Installation.objects.filter(name__iexact=name).exists():
        return gettext("There is an installation of this name already. Open it, or choose another name.")
    return ""


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
