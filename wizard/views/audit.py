"""Who did what: the page, and the same as a table for spreadsheets."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from wizard.presenters import audit
from wizard.views.common import person


@never_cache
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    return render(request, "wizard/audit.html", audit.page(person(request), audit.Filter.of(request.GET)))


@never_cache
@require_GET
def table(request: HttpRequest) -> HttpResponse:
    found = audit.rows(person(request), audit.Filter.of(request.GET))
    response = HttpResponse(audit.as_csv(found), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="audit.csv"'
    return response
