"""The review, and the button that begins."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from installer_tasks import findings, runs, sessions
from installer_tasks.errors import InstallerError
from installer_tasks.models import Installation
from wizard import fragments
from wizard.accounts.access import reads_only
from wizard.presenters.landscape import landscape
from wizard.presenters.review import review as review_view
from wizard.texts import render as say
from wizard.views.common import frame, installation_of, person


@never_cache
@require_GET
def review(request: HttpRequest, pk: int) -> HttpResponse:
    installation = installation_of(pk)
    if not reads_only(request):
        sessions.remember_step(installation, "review")
    shown = {"review": review_view(installation), "landscape": landscape(installation)}
    return render(request, "wizard/review.html", {**frame(installation, "review"), **shown})


@never_cache
@require_GET
def systems(request: HttpRequest, pk: int) -> HttpResponse:
    """The map of the systems, live."""
    installation = installation_of(pk)
    return fragments.answer(request, "wizard/_map.html", {"landscape": landscape(installation)})


@never_cache
@require_GET
def readiness(request: HttpRequest, pk: int) -> HttpResponse:
    """What keeps the run from starting, live."""
    installation = installation_of(pk)
    context = {"installation": installation, "review": review_view(installation)}
    return fragments.answer(request, "wizard/_readiness.html", context)


@require_POST
def check_all(request: HttpRequest, pk: int) -> HttpResponse:
    """Everything that is out of date, once more."""
    installation = installation_of(pk)
    if not findings.request_stale(installation):
        messages.info(request, gettext("Nothing is out of date."))
    return redirect("review", pk=pk)


@require_POST
def install(request: HttpRequest, pk: int) -> HttpResponse:
    installation = installation_of(pk)
    last = runs.interrupted(installation)
    again = last is not None and not last.undoes
    return begin(request, installation, resume=again and request.POST.get("how") == "resume")


def begin(request: HttpRequest, installation: Installation, *, resume: bool) -> HttpResponse:
    """Start or resume; what forbids it is said on the review page."""
    start = runs.resume if resume else runs.start
    try:
        start(installation, person(request))
    except InstallerError as error:
        messages.error(request, " ".join(filter(None, (say(error.cause), error.value, say(error.remedy)))))
        return redirect("review", pk=installation.pk)
    return redirect("run", pk=installation.pk)
