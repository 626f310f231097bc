"""The handover document as a page, and as one file to give away."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from installer_tasks.models import AuditEntry
from wizard.documents.handover import handover
from wizard.views.common import frame, person, state_of


@never_cache
@require_GET
def page(request: HttpRequest, pk: int) -> HttpResponse:
    state = state_of(pk)
    document = handover(state)
    if document is None:
        return redirect("open", pk=pk)
    return render(request, "wizard/handover.html", {**frame(state, "review"), "document": document})


@never_cache
@require_GET
def file(request: HttpRequest, pk: int) -> HttpResponse:
    """With its style in it: it is read where this installer is not."""
    state = state_of(pk)
    installation, document = state.installation, handover(state)
    if document is None:
        return redirect("open", pk=pk)
    AuditEntry.objects.create(person=person(request), installation=installation, action="handover")
    context = {"installation": installation, "document": document}
    response = render(request, "wizard/handover_file.html", context)
    response["Content-Disposition"] = f'attachment; filename="handover-{pk}.html"'
    return response
