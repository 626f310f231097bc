"""The support bundle: what is in it, shown before it is taken away."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from installer_tasks.models import AuditEntry
from installer_tasks.preflight.state import load
from wizard.documents import support
from wizard.views.common import frame, person
from wizard.views.runs import run_of

SHOWN = 20_000  #: characters of each file on the page


@never_cache
@require_GET
def preview(request: HttpRequest, pk: int, attempt: int) -> HttpResponse:
    found, with_logs = run_of(pk, attempt), _with_logs(request)
    bundle = support.bundle(found, with_logs=with_logs)
    context = {
        **frame(load(found.installation), "review"),
        "attempt": attempt,
        "files": [_shown(each) for each in bundle.files],
        "left_out": bundle.left_out,
        "with_logs": with_logs,
    }
    return render(request, "wizard/support.html", context)


def _shown(file: support.File) -> dict[str, Any]:
    words = support.kinds()
    redacted = [f"{count} × {words.get(kind, kind)}" for kind, count in file.redacted.items()]
    return {
        "name": file.name,
        "size": file.size,
        "redacted": ", ".join(redacted),
        "text": file.text[:SHOWN],
        "cut": len(file.text) > SHOWN,
    }


@never_cache
@require_GET
def download(request: HttpRequest, pk: int, attempt: int) -> HttpResponse:
    found, with_logs = run_of(pk, attempt), _with_logs(request)
    made = support.bundle(found, with_logs=with_logs).packed()
    detail = {"attempt": attempt, **({"logs": True} if with_logs else {})}
    AuditEntry.objects.create(
        person=person(request), installation=found.installation, action="support-bundle", detail=detail
    )
    response = HttpResponse(made, content_type="application/zip")
    response["Content-Disposition"] = f'attachment; filename="installation-{pk}-attempt-{attempt}-support.zip"'
    return response


def _with_logs(request: HttpRequest) -> bool:
    """They are for administrators: they tell of every installation."""
    return person(request).is_superuser and request.GET.get("logs") == "1"
