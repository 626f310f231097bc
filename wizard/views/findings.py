"""Accepting a failed check for a reason, taking that back, and having mended what the installer can mend."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from installer_tasks import answer_keys, saved_answers
from installer_tasks.errors import InstallerError
from installer_tasks.models import AuditEntry, Source, Waiver
from installer_tasks.preflight import findings, fixes, outward
from installer_tasks.preflight.checks.base import Level
from wizard.texts import render as say
from wizard.views.common import check_of, frame, installation_of, person, state_of

SHORTEST_REASON = 10
#: Days that a waiver may hold; the first is what the form offers.
DAYS = (30, 7, 1)


@require_POST
def waive(request: HttpRequest, pk: int, name: str) -> HttpResponse:
    """A failed check, or a warning, is accepted by a person, with a reason that others can read."""
    installation, check = installation_of(pk), check_of(name)
    reason = request.POST.get("reason", "").strip()[:2000]
    kept = installation.findings.filter(check_name=name).first()
    warned = kept is not None and kept.level == Level.WARN
    hopeless = kept is not None and kept.verdict.get("hopeless")
    if hopeless or (check.strict and not warned):
        messages.error(request, gettext("This check cannot be waived."))
    elif len(reason) < SHORTEST_REASON:
        messages.error(request, gettext("Enter a reason of at least ten characters; it is saved with your name."))
    else:
        until = timezone.now() + _time(request)
        values = {"reason": reason, "person": person(request), "expires_at": until, "of_warning": warned}
        Waiver.objects.update_or_create(installation=installation, check_name=name, defaults=values)
        _told(installation.pk, request, "finding.waived", name)
        installation.touch()
    return redirect("step", pk=pk, slug=check.system)


def _time(request: HttpRequest) -> timedelta:
    given = request.POST.get("days", "")
    return timedelta(days=int(given) if given in map(str, DAYS) else DAYS[0])


@require_POST
def unwaive(request: HttpRequest, pk: int, name: str) -> HttpResponse:
    installation, check = installation_of(pk), check_of(name)
    if installation.waivers.filter(check_name=name).delete()[0]:
        _told(installation.pk, request, "finding.unwaived", name)
        installation.touch()
    return redirect("step", pk=pk, slug=check.system)


@never_cache
@require_http_methods(["GET", "POST"])
def fix(request: HttpRequest, pk: int, name: str) -> HttpResponse:
    """Shows what would be done; does exactly that when a person agrees."""
    state, check = state_of(pk), check_of(name)
    installation, row = state.installation, state.findings.get(name)
    found = fixes.offered(name, row.verdict) if row else None
    if found is None:
        raise Http404
    context = {**frame(state, check.system), "fix": found, "slug": check.system}
    answers = answer_keys.with_defaults(state.plain_answers())
    try:
        outward.require(installation, check.system, answers)
        if request.method == "POST":
            changes = found.carry_out(answers, request.POST.get("token", ""))
            saved_answers.save_answers(installation, changes, source=Source.FOUND, person=person(request))
            _told(pk, request, "finding.fixed", name)
            findings.request_affected(installation, check.system)
            return redirect("step", pk=pk, slug=check.system)
        return render(request, "wizard/fix.html", {**context, **_shown(found.look(answers))})
    except InstallerError as error:
        return render(request, "wizard/fix.html", {**context, "problem": _problem(error)}, status=422)


def _shown(proposal: fixes.Proposal) -> dict[str, Any]:
    return {
        "what": say(proposal.what),
        "facts": [(say(label), value) for label, value in proposal.facts],
        "token": proposal.token,
        "saves": bool(proposal.changes),
    }


def _problem(error: InstallerError) -> dict[str, str]:
    return {"cause": say(error.cause), "value": error.value, "remedy": say(error.remedy), "code": error.code}


def _told(pk: int, request: HttpRequest, action: str, name: str) -> None:
    AuditEntry.objects.create(installation_id=pk, person=person(request), action=action, detail={"check": name})
