"""Accepting a failed check for a reason, and taking that back."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from installer_tasks import checks
from installer_tasks.checks.base import Check
from installer_tasks.models import AuditEntry, Waiver
from wizard.views.common import installation_of, person

SHORTEST_REASON = 10


def check_of(name: str) -> Check:
    try:
        return checks.BY_NAME[name]
    except KeyError as error:
        raise Http404 from error


@require_POST
def waive(request: HttpRequest, pk: int, name: str) -> HttpResponse:
    """A failed check is accepted by a person, with a reason that others can read."""
    installation, check = installation_of(pk), check_of(name)
    reason = request.POST.get("reason", "").strip()[:2000]
    if check.strict:
        messages.error(request, gettext("This check cannot be waived."))
    elif len(reason) < SHORTEST_REASON:
        messages.error(request, gettext("Write a reason of at least ten characters; it is kept with your name."))
    else:
        Waiver.objects.update_or_create(
            installation=installation, check_name=name, defaults={"reason": reason, "person": person(request)}
        )
        _told(installation.pk, request, "finding.waived", name)
        installation.touch()
    return redirect("step", pk=pk, slug=check.system)


@require_POST
def unwaive(request: HttpRequest, pk: int, name: str) -> HttpResponse:
    installation, check = installation_of(pk), check_of(name)
    if installation.waivers.filter(check_name=name).delete()[0]:
        _told(installation.pk, request, "finding.unwaived", name)
        installation.touch()
    return redirect("step", pk=pk, slug=check.system)


def _told(pk: int, request: HttpRequest, action: str, name: str) -> None:
    AuditEntry.objects.create(installation_id=pk, person=person(request), action=action, detail={"check": name})
