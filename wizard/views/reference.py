"""The reference of all checks and error codes."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from wizard.presenters import reference


@require_GET
def page(request: HttpRequest) -> HttpResponse:
    return render(request, "wizard/reference.html", {"sections": reference.sections()})
