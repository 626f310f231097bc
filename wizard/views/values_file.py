"""On the page All settings: an existing values file is compared, and taken over once a person agrees."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import ngettext

from installer_tasks.decoding import decoded
from installer_tasks.errors import InputError
from installer_tasks.preflight import findings
from installer_tasks.preflight.state import InstallationState
from wizard import values_file
from wizard.presenters import values_file as views
from wizard.presenters.steps import ProblemView
from wizard.texts import render as say
from wizard.views.common import frame, person

COMPARE, TAKE = "compare-file", "take-file"
HOW = (COMPARE, TAKE)


def answered(request: HttpRequest, state: InstallationState, page: Callable[..., HttpResponse]) -> HttpResponse:
    """`page` shows the page All settings, with what is wrong with the file."""
    anywhere = person(request).is_superuser
    taking = request.POST["how"] == TAKE
    try:
        content = values_file.opened(state, request.POST.get("file", "")) if taking else _content(request)
        comparison = values_file.compare(state, content, anywhere=anywhere)
    except InputError as error:
        return page(request, state, status=422, problem=error)
    changed = taking and comparison.token != request.POST.get("token", "")
    if not taking or changed:
        context = {**frame(state, "settings"), "page": views.shown(comparison), "changed": changed}
        return render(request, "wizard/values_file.html", context, status=409 if changed else 200)
    return _take(request, comparison, anywhere=anywhere)


def _take(request: HttpRequest, comparison: values_file.Comparison, *, anywhere: bool) -> HttpResponse:
    installation = comparison.state.installation
    names = values_file.take(comparison, person(request), anywhere=anywhere)
    findings.request_stale(installation)
    said = ngettext(
        "%(count)d value was taken from the file.", "%(count)d values were taken from the file.", len(names)
    )
    messages.success(request, said % {"count": len(names)})
    return redirect("all-settings", pk=installation.pk)


def _content(request: HttpRequest) -> str:
    upload = request.FILES.get("values_file")
    if isinstance(upload, UploadedFile):
        return decoded(bytes(upload.read()), name=str(upload.name))
    return str(request.POST.get("values", ""))


def told(error: InputError | None) -> ProblemView | None:
    if error is None:
        return None
    return ProblemView(say(error.cause), error.value or "values.yaml", say(error.remedy))
