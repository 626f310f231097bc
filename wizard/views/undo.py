"""Undoing what the runs have left in the cluster: what goes, what stays, and the agreement to it."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from installer_tasks import undo as undoing
from installer_tasks.errors import InstallerError
from installer_tasks.models import RunKind
from wizard.presenters.undo import UndoView, undo_view
from wizard.texts import render as say
from wizard.views.common import frame, installation_of, person

KINDS = (RunKind.UNDO, RunKind.UNDO_ALL)


@never_cache
@require_http_methods(["GET", "POST"])
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    installation = installation_of(pk)
    found = undo_view(installation)
    given = {"how": request.POST.get("how", ""), "zone": request.POST.get("zone", "").strip()}
    if request.method == "POST" and found is not None and _agreed(found, given):
        try:
            undoing.start(installation, person(request), everything=given["how"] == RunKind.UNDO_ALL)
        except InstallerError as error:
            messages.error(request, " ".join(filter(None, (say(error.cause), say(error.remedy)))))
        return redirect("run", pk=pk)
    refused = request.method == "POST"
    shown = {"undo": found, "given": given, "refused": refused, "how_missing": given["how"] not in KINDS}
    context = {**frame(installation, "review"), **shown}
    return render(request, "wizard/undo.html", context, status=422 if refused and found else 200)


def _agreed(found: UndoView, given: dict[str, str]) -> bool:
    """What is to go was chosen, and the zone was typed."""
    return given["how"] in KINDS and undoing.agrees(given["zone"], found.zone)
