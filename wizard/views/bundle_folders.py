"""Which folders installers may name, and which programs may run. For administrators."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from installer_tasks.errors import InputError
from installer_tasks.models import BundleFolder, ConfirmedProgram, Finding
from installer_tasks.preflight import bundle_access, checks, findings
from wizard.presenters import bundle_folders as presenter
from wizard.steps.fields import Problem
from wizard.views.common import person

CHECK = "bundle.engine"


@never_cache
@require_http_methods(["GET", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return render(request, "wizard/bundle_folders.html", presenter.page())
    given = request.POST.get("path", "").strip()
    try:
        row = bundle_access.open_folder(given, by=person(request))
    except InputError as error:
        return render(request, "wizard/bundle_folders.html", presenter.page(Problem(error), given), status=422)
    messages.success(request, gettext("Installers may use bundles below %(path)s.") % {"path": row.path})
    return redirect("bundle-folders")


@require_POST
def close(request: HttpRequest, number: int) -> HttpResponse:
    row = get_object_or_404(BundleFolder, pk=number)
    bundle_access.close_folder(row, by=person(request))
    messages.success(request, gettext("%(path)s is closed.") % {"path": row.path})
    return redirect("bundle-folders")


@require_POST
def confirm(request: HttpRequest) -> HttpResponse:
    """The content that was shown, by its digest: what lies in the folder by now does not matter."""
    wanted = request.POST.get("sha256", "")
    seen = next((each for each in presenter.waiting() if each.program.sha256 == wanted), None)
    if seen is None:
        raise Http404
    row = bundle_access.confirm(seen.program, by=person(request))
    _judge_again()
    messages.success(request, gettext("%(path)s may run as long as its SHA-256 stays the same.") % {"path": row.path})
    return redirect("bundle-folders")


@require_POST
def withdraw(request: HttpRequest, number: int) -> HttpResponse:
    row = get_object_or_404(ConfirmedProgram, pk=number)
    bundle_access.withdraw(row, by=person(request))
    _judge_again()
    messages.success(request, gettext("%(path)s may not run any more.") % {"path": row.path})
    return redirect("bundle-folders")


def _judge_again() -> None:
    """Every installation whose push engine was judged: what was decided here changes the outcome."""
    for row in Finding.objects.filter(check_name=CHECK).select_related("installation"):
        if row.installation.answers.filter(key=CHECK).exists():
            findings.request_one(row.installation, checks.BY_NAME[CHECK])
