"""The documents, and the list of what to have ready before the first step."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.views.decorators.http import require_GET

from wizard import manual
from wizard.presenters import checklist as checklists

PRACTICE = 'make rehearse ARGS="--hold"'


@require_GET
def page(request: HttpRequest, document: str) -> HttpResponse:
    if document not in manual.NAMES:
        raise Http404
    language = get_language() or "en"
    documents = [(each, manual.document(each, language).title) for each in manual.NAMES]
    return render(
        request,
        "wizard/manual.html",
        {"document": manual.document(document, language), "name": document, "documents": documents},
    )


@require_GET
def checklist(request: HttpRequest) -> HttpResponse:
    return render(request, "wizard/checklist.html", {"sections": checklists.sections(), "practice": PRACTICE})
