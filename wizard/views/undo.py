"""Undoing what the runs have left in the cluster: what goes, what stays, and the agreement to it."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from installer_tasks.errors import InstallerError
from installer_tasks.models import RunKind
from installer_tasks.runs import undo as undoing
from wizard.presenters.undo import UndoView, undo_view
from wizard.texts import render as say
from wizard.views.common import frame, person, state_of

KINDS = (RunKind.UNDO, RunKind.UNDO_ALL)


@never_cache
@require_http_methods(["GET", "POST"])
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    state = state_of(pk)
    installation, found = state.installation, undo_view(state)
    given = {"how": request.POST.get("how", ""), "zone": request.POST.get("zone", "").strip()}
    if request.method == "POST" and found is not None and _agreed(found, given):
        try:
            undoing.start(installation, person(request), everything=given["how"] == RunKind.UNDO_ALL)
        except InstallerError as error:
            told = " ".join(filter(None, (say(error.cause), say(error.remedy))))
            messages.error(request, told, extra_tags=error.code)
        return redirect("run", pk=pk)
    refused = request.method == "POST"
    shown = {"undo": found, "given": given, "refused": refused, "how_missing": given["how"] not in KINDS}
    context = {**frame(state, "review"), **shown}
    return render(request, "wizard/undo.html", context, status=422 if refused and found else 200)


def _agreed(found: UndoView, given: dict[str, str]) -> bool:
    """What is to go was chosen, and the zone was typed."""
    return given["how"] in KINDS and undoing.agrees(given["zone"], found.zone)
