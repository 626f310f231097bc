"""The page All settings: one small form for each value that no step asks for."""

from __future__ import annotations

import json
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from installer_tasks import releases, saved_answers
from installer_tasks.answer_keys import SETTINGS
from installer_tasks.errors import InputError
from installer_tasks.models import Installation
from installer_tasks.preflight.state import InstallationState
from installer_tasks.releases import settings
from wizard.presenters import all_settings as views
from wizard.views import values_file
from wizard.views.common import frame, person, state_of


@never_cache
@require_http_methods(["GET", "POST"])
def page(request: HttpRequest, pk: int) -> HttpResponse:
    state = state_of(pk)
    if request.method != "POST":
        return _page(request, state)
    how = request.POST.get("how", "")
    if how in values_file.HOW:
        return values_file.answered(request, state, _page)
    setting = _setting(state, request.POST.get("path", ""))
    given = request.POST.get("value", "")
    try:
        _save(request, state.installation, setting, given)
    except InputError as error:
        return _page(request, state, views.Posted(setting.path, given, error), status=422)
    kept = urlencode({key: request.GET[key] for key in ("q", "show") if key in request.GET})
    return redirect(f"{reverse('all-settings', args=[pk])}{'?' if kept else ''}{kept}")


def _page(
    request: HttpRequest,
    state: InstallationState,
    posted: views.Posted | None = None,
    *,
    status: int = 200,
    problem: InputError | None = None,
) -> HttpResponse:
    """`problem`: of a values file that could not be read."""
    show = request.GET.get("show", "all")
    shown = views.all_settings(
        state, query=request.GET.get("q", "")[:200], show=show if show in views.SHOWS else "all", posted=posted
    )
    return render(
        request,
        "wizard/all_settings.html",
        {**frame(state, "settings"), "page": shown, "file_problem": values_file.told(problem)},
        status=status,
    )


def _setting(state: InstallationState, path: str) -> settings.Setting:
    """One that this page sets; what a step asks for is set there."""
    try:
        wanted = tuple(json.loads(path))
    except (ValueError, TypeError) as error:
        raise Http404 from error
    known = settings.all_of(releases.chosen(state.visible))
    found = next((each for each in known if each.path == wanted and not each.source.answer), None)
    if found is None:
        raise Http404
    return found


def _save(request: HttpRequest, installation: Installation, setting: settings.Setting, given: str) -> None:
    """Read and written under one lock: two people may set two values at once."""
    resets = request.POST.get("how") == "reset"
    value = None if resets else settings.read(setting, given)
    with saved_answers.locked(installation):
        own = settings.loaded(installation.plain_answers().get(SETTINGS, ""))
        own = settings.without(own, setting.path) if resets else settings.put(own, setting.path, value)
        kept = settings.dumped(own) if own else None
        saved_answers.save_answers(installation, {SETTINGS: kept}, person=person(request))
