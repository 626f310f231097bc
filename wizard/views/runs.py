"""A run: its live page, its log, cancelling and resuming it, and the page that proves it is done."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from installer_tasks import runs
from installer_tasks.models import AuditEntry, Run
from installer_tasks.plan import Plan
from wizard import fragments
from wizard.documents import support
from wizard.presenters import runs as run_views
from wizard.presenters import steps as step_views
from wizard.views.common import frame, installation_of, person
from wizard.views.review import begin


def run_of(pk: int, attempt: int | None = None) -> Run:
    """The latest attempt when none is named."""
    found = Run.objects.select_related("installation__workspace").filter(installation_id=pk)
    run = found.first() if attempt is None else found.filter(attempt=attempt).first()
    if run is None:
        raise Http404
    return run


@never_cache
@require_GET
def run(request: HttpRequest, pk: int, attempt: int | None = None) -> HttpResponse:
    installation = installation_of(pk)
    if attempt is None and not installation.runs.exists():
        return redirect("review", pk=pk)
    found = run_of(pk, attempt)
    context = {**frame(installation, "review"), **_context(found), "lines": run_views.log_end(found)}
    return render(request, "wizard/run.html", context)


def _context(found: Run) -> dict[str, Any]:
    shown = run_views.run_view(found)
    keys = shown.failure.keys if shown.failure and shown.newest else ()
    return {
        "installation": found.installation,
        "run": shown,
        "editors": step_views.editors(found.installation, keys),
    }


@never_cache
@require_GET
def progress(request: HttpRequest, pk: int, attempt: int) -> HttpResponse:
    if not request.htmx:  # type: ignore[attr-defined]
        return redirect("attempt", pk=pk, attempt=attempt)
    return fragments.answer(request, "wizard/_run.html", _context(run_of(pk, attempt)))


@never_cache
@require_GET
def log(request: HttpRequest, pk: int, attempt: int) -> HttpResponse:
    """The lines after the cursor. The reply's cursor is its last line; with a full page there may be more."""
    found = run_of(pk, attempt)
    if not request.htmx:  # type: ignore[attr-defined]
        return redirect("attempt", pk=pk, attempt=attempt)
    after = _cursor(request.GET.get("after", ""))
    lines = run_views.log(found, after=after)
    if not lines:
        return HttpResponse(status=204, headers={"Vary": "HX-Request, Cookie"})
    response = render(request, "wizard/_log.html", {"lines": lines})
    response["X-Log-Cursor"] = str(lines[-1].seq)
    response["Vary"] = "HX-Request, Cookie"
    response["X-Log-More"] = "1" if len(lines) == run_views.PAGE else "0"
    return response


def _cursor(given: str) -> int:
    return int(given) if given.isascii() and given.isdigit() and len(given) < 16 else 0


@never_cache
@require_GET
def download(request: HttpRequest, pk: int, attempt: int) -> HttpResponse:  # noqa: ARG001 - a view
    """The whole log as text."""
    text = "".join(support.log_lines(run_of(pk, attempt)))
    response = HttpResponse(text, content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="installation-{pk}-attempt-{attempt}.log"'
    return response


@never_cache
@require_GET
def support_bundle(request: HttpRequest, pk: int, attempt: int) -> HttpResponse:
    """What somebody else needs to see why it failed; no secret is in it."""
    found = run_of(pk, attempt)
    AuditEntry.objects.create(
        person=person(request), installation=found.installation, action="support-bundle", detail={"attempt": attempt}
    )
    response = HttpResponse(support.bundle(found), content_type="application/zip")
    response["Content-Disposition"] = f'attachment; filename="installation-{pk}-attempt-{attempt}-support.zip"'
    return response


@never_cache
@require_http_methods(["GET", "POST"])
def cancel(request: HttpRequest, pk: int, attempt: int) -> HttpResponse:
    found = run_of(pk, attempt)
    if request.method == "GET":
        return render(request, "wizard/cancel.html", _context(found))
    if not runs.cancel(found, person(request)):
        messages.info(request, gettext("The run was over already."))
    return redirect("attempt", pk=pk, attempt=attempt)


@require_POST
def resume(request: HttpRequest, pk: int) -> HttpResponse:
    return begin(request, installation_of(pk), resume=True)


@never_cache
@require_GET
def done(request: HttpRequest, pk: int) -> HttpResponse:
    """What was proven, where the console is, and what to do next."""
    installation = installation_of(pk)
    found = runs.installed(installation)
    if found is None:
        return redirect("open", pk=pk)
    facts = {**_facts(runs.frozen_plan(found)), "groups": run_views.proof_groups(found)}
    return render(request, "wizard/done.html", {**frame(installation, "review"), **_context(found), **facts})


def _facts(plan: Plan) -> dict[str, Any]:
    """Of the plan only what may be shown."""
    return {
        "console_url": plan.console_url,
        "zone": plan.zone,
        "admin_group": plan["identity.admin_group"],
        "namespace": plan.known.namespace,
        "release": plan.release,
    }
