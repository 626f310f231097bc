"""A run: its live page, its log, cancelling and resuming it, and the page that proves it is done."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from installer_tasks.models import Run
from installer_tasks.plan import Plan
from installer_tasks.preflight.state import InstallationState
from installer_tasks.runs import rows, service
from wizard import fragments
from wizard.accounts import sessions
from wizard.documents import support
from wizard.presenters import runs as run_views
from wizard.presenters import steps as step_views
from wizard.presenters.proofs import proof_groups
from wizard.views.common import frame, installation_of, person, state_of
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
    state = state_of(pk)
    if attempt is None and not state.runs:
        return redirect("review", pk=pk)
    found = _attempt(state, attempt)
    context = {**frame(state, "review"), **_context(state, found), "lines": run_views.log_end(found)}
    return render(request, "wizard/run.html", context)


def _attempt(state: InstallationState, attempt: int | None) -> Run:
    found = state.last_run if attempt is None else state.run(attempt)
    if found is None:
        raise Http404
    return found


def _context(state: InstallationState, found: Run) -> dict[str, Any]:
    shown = run_views.run_view(state, found)
    keys = shown.failure.keys if shown.failure and shown.newest else ()
    return {
        "installation": state.installation,
        "run": shown,
        "editors": step_views.editors(state, keys),
    }


@never_cache
@require_GET
def progress(request: HttpRequest, pk: int, attempt: int) -> HttpResponse:
    if not request.htmx:  # type: ignore[attr-defined]
        return redirect("attempt", pk=pk, attempt=attempt)
    state = state_of(pk)
    found = _attempt(state, attempt)
    if not found.final:
        sessions.used(request)  # whoever watches a run stays signed in until it ends
    return fragments.answer(request, "wizard/_run.html", _context(state, found))


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
    response = HttpResponse(support.log_text(run_of(pk, attempt)), content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="installation-{pk}-attempt-{attempt}.log"'
    return response


@never_cache
@require_http_methods(["GET", "POST"])
def cancel(request: HttpRequest, pk: int, attempt: int) -> HttpResponse:
    if request.method == "GET":
        state = state_of(pk)
        return render(request, "wizard/cancel.html", _context(state, _attempt(state, attempt)))
    found = run_of(pk, attempt)
    if not service.cancel(found, person(request)):
        messages.info(request, gettext("The run had already ended."))
    return redirect("attempt", pk=pk, attempt=attempt)


@require_POST
def resume(request: HttpRequest, pk: int) -> HttpResponse:
    return begin(request, installation_of(pk), resume=True)


@never_cache
@require_GET
def done(request: HttpRequest, pk: int) -> HttpResponse:
    """What was proven, where the console is, and what to do next."""
    state = state_of(pk)
    found = service.installed(state)
    if found is None:
        return redirect("open", pk=pk)
    facts = {**_facts(rows.frozen_plan(found)), "groups": proof_groups(found)}
    return render(request, "wizard/done.html", {**frame(state, "review"), **_context(state, found), **facts})


def _facts(plan: Plan) -> dict[str, Any]:
    """Of the plan only what may be shown."""
    return {
        "console_url": plan.console_url,
        "zone": plan.zone,
        "admin_group": plan["identity.admin_group"],
        "namespace": plan.known.namespace,
        "release": plan.release,
    }
