"""The review, and the button that begins."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from installer_tasks import saved_answers
from installer_tasks.errors import InstallerError
from installer_tasks.models import Installation, Run
from installer_tasks.preflight import findings
from installer_tasks.runs import service, undo
from wizard import fragments
from wizard.accounts.access import reads_only
from wizard.presenters.review import review as review_view
from wizard.presenters.topology import topology
from wizard.texts import render as say
from wizard.views.common import frame, installation_of, person, state_of


@never_cache
@require_GET
def review(request: HttpRequest, pk: int) -> HttpResponse:
    state = state_of(pk)
    if not reads_only(request):
        saved_answers.remember_step(state.installation, "review")
    shown = {"review": review_view(state), "topology": topology(state)}
    return render(request, "wizard/review.html", {**frame(state, "review"), **shown})


@never_cache
@require_GET
def systems(request: HttpRequest, pk: int) -> HttpResponse:
    """The map of the systems, live."""
    return fragments.answer(request, "wizard/_map.html", {"topology": topology(state_of(pk))})


@never_cache
@require_GET
def readiness(request: HttpRequest, pk: int) -> HttpResponse:
    """What keeps the run from starting, live."""
    state = state_of(pk)
    context = {"installation": state.installation, "review": review_view(state)}
    return fragments.answer(request, "wizard/_readiness.html", context)


@require_POST
def check_all(request: HttpRequest, pk: int) -> HttpResponse:
    """Everything that is out of date, once more."""
    installation = installation_of(pk)
    if not findings.request_stale(installation):
        messages.info(request, gettext("No check is outdated."))
    return redirect("review", pk=pk)


@require_POST
def install(request: HttpRequest, pk: int) -> HttpResponse:
    installation = installation_of(pk)
    last = service.interrupted(installation)
    again = last is not None and not last.undoes
    return begin(request, installation, resume=again and request.POST.get("how") == "resume")


def begin(request: HttpRequest, installation: Installation, *, resume: bool) -> HttpResponse:
    """Start or resume; what forbids it is said on the review page."""
    try:
        (_resume if resume else service.start)(installation, person(request))
    except InstallerError as error:
        told = " ".join(filter(None, (say(error.cause), error.value, say(error.remedy))))
        messages.error(request, told, extra_tags=error.code)
        return redirect("review", pk=installation.pk)
    return redirect("run", pk=installation.pk)


def _resume(installation: Installation, who: User | None) -> Run:
    last = service.interrupted(installation)
    resume = undo.resume if last and last.undoes else service.resume
    return resume(installation, who)
