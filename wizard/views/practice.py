"""Practice: a person switches faults of the practice estate on, and learns to find them."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from installer_tasks.local import practice
from installer_tasks.preflight import checks
from wizard.views.common import frame, state_of

#: What a group of faults is about, by the first part of their names.
GROUPS = {
    "kube": _("Cluster"),
    "nodes": _("Nodes"),
    "storage": _("Storage"),
    "pods": _("Names as pods resolve them"),
    "bundle": _("Release bundle"),
    "dns": _("DNS zone"),
    "identity": _("Identity provider"),
    "ldap": _("LDAP directory"),
    "registry": _("Registry"),
    "certificates": _("Certificates"),
    "services": _("Services"),
    "balancer": _("Load balancer"),
    "edge": _("Public names"),
}
SURPRISE = "practice-surprise"  #: key of the session: a fault that was switched on without saying which


@never_cache
@require_http_methods(["GET", "POST"])
def faults(request: HttpRequest, pk: int) -> HttpResponse:
    state = state_of(pk)
    notices = practice.notices()
    if not notices:
        raise Http404
    if request.method == "POST":
        _switch(request, notices, state.visible)
        return redirect("practice", pk=pk)
    context = {**frame(state, "practice"), **_board(request, notices)}
    return render(request, "wizard/practice.html", context)


def _switch(request: HttpRequest, notices: tuple[practice.Notice, ...], answers: Mapping[str, str]) -> None:
    """One on or off by name, all off, or one that stays unnamed."""
    wanted, name = set(practice.wanted()), request.POST.get("name", "")
    if name == "none":
        wanted = set()
        request.session.pop(SURPRISE, None)
    elif name == "surprise":
        chosen = secrets.choice([notice.name for notice in notices if _may_be_found(notice, answers)])
        request.session[SURPRISE] = chosen
        wanted.add(chosen)
    elif name in {notice.name for notice in notices}:
        (wanted.add if request.POST.get("on") == "1" else wanted.discard)(name)
    practice.want(wanted)


def _may_be_found(notice: practice.Notice, answers: Mapping[str, str]) -> bool:
    """A fault of the directory is none where people sign in with a provider."""
    check = checks.BY_NAME.get(notice.caught_by)
    return check is not None and check.applies(answers) and not notice.on


@dataclass(frozen=True)
class Row:
    """A fault on the page; one that was switched on unnamed looks as if it were off."""

    notice: practice.Notice
    wanted: bool

    @property
    def group(self) -> str:
        return str(GROUPS.get(self.notice.system, self.notice.system))

    @property
    def foreseeable(self) -> bool:
        return self.notice.caught_by in checks.BY_NAME


def _board(request: HttpRequest, notices: tuple[practice.Notice, ...]) -> dict[str, Any]:
    wanted, unnamed = practice.wanted(), request.session.get(SURPRISE, "")
    rows = [Row(notice, notice.name in wanted and notice.name != unnamed) for notice in notices]
    groups = [(group, list(found)) for group, found in groupby(rows, key=lambda row: row.group)]
    surprise = next((row for row in rows if row.notice.name == unnamed and unnamed in wanted), None)
    return {"groups": groups, "surprise": surprise, "on": len(wanted)}
