"""Who did what, in sentences of the viewer's language."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Q, QuerySet
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext

from installer_tasks import answers as answer_keys
from installer_tasks import checks
from installer_tasks.models import AuditEntry, Installation
from installer_tasks.sessions import DEFAULT_WORKSPACE
from installer_tasks.text import mark as _
from wizard.accounts.access import visible
from wizard.accounts.people import NOTHING
from wizard.presenters.people import WORD

PAGE = 50  #: entries a page

#: What stands for each action; the person stands before it, so each begins with a verb.
SENTENCES: Mapping[str, str] = {
    "answers.changed": _("changed %(answers)s"),
    "finding.fixed": _("had “%(check)s” fixed by the installer"),
    "finding.unwaived": _("took back the acceptance of “%(check)s”"),
    "finding.waived": _("accepted “%(check)s”"),
    "handover": _("downloaded the handover document"),
    "identity.rehearsed": _("rehearsed a sign-in at the provider"),
    "installation.created": _("started the installation"),
    "installation.deleted": _("deleted the installation %(name)s"),
    "installation.emptied": _("began the installation anew: all answers and runs are gone"),
    "password.chosen": _("chose a name and a password"),
    "person.invited": _("invited %(name)s: %(roles)s"),
    "person.linked": _("made a new link for %(name)s"),
    "person.retired": _("retired %(name)s"),
    "person.returned": _("let %(name)s in again"),
    "person.roles": _("gave %(name)s other roles: %(roles)s"),
    "run.cancelled": _("cancelled attempt %(attempt)s"),
    "run.resumed": _("resumed: attempt %(attempt)s"),
    "run.started": _("pressed Install: attempt %(attempt)s"),
    "run.undo": _("began to undo: attempt %(attempt)s"),
    "sign-in.failed": _("somebody failed to sign in as %(name)s from %(address)s"),
    "sign-in.succeeded": _("signed in"),
    "support-bundle": _("downloaded the support bundle of attempt %(attempt)s"),
}


@dataclass(frozen=True)
class Entry:
    at: datetime
    who: str
    what: str
    action: str
    installation: str
    pk: int | None  #: of the installation, while it exists
    bad: bool


@dataclass(frozen=True)
class Filter:
    """What of the audit is asked for; nonsense in a query asks for everything."""

    person: int | None = None
    installation: int | None = None
    before: int | None = None

    @classmethod
    def of(cls, query: QueryDict) -> Filter:
        return cls(*(_number(query.get(name, "")) for name in ("person", "installation", "before")))


def page(me: User, asked: Filter) -> dict[str, Any]:
    found = list(rows(me, asked)[: PAGE + 1])
    return {
        "entries": [_entry(row) for row in found[:PAGE]],
        "older": found[PAGE - 1].pk if len(found) > PAGE else None,
        "asked": asked,
        "people": _people(me),
        "installations": visible(me).order_by("name"),
        "whole": me.is_superuser,
    }


def rows(me: User, asked: Filter) -> QuerySet[AuditEntry]:
    """Newest first: of everything for administrators, for others of the installations that they may see."""
    found = AuditEntry.objects.select_related("person", "installation").order_by("-pk")
    if not me.is_superuser:
        found = found.filter(installation__in=visible(me).values("pk"))
    wanted = {"person": asked.person, "installation": asked.installation, "pk__lt": asked.before}
    return found.filter(Q(**{name: value for name, value in wanted.items() if value is not None}))


def as_csv(found: Iterable[AuditEntry]) -> str:
    """For spreadsheets: one line an entry, its detail as JSON, and nothing that a spreadsheet would compute."""
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(("time", "person", "installation", "action", "detail"))
    for row in found:
        detail = json.dumps(row.detail, ensure_ascii=False, sort_keys=True)
        cells = (row.at.isoformat(timespec="seconds"), _who(row), _installation(row), row.action, detail)
        table.writerow([_inert(cell) for cell in cells])
    return out.getvalue()


def _inert(cell: str) -> str:
    """A cell that begins like a formula is kept from being one: owasp.org/www-community/attacks/CSV_Injection."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


def _people(me: User) -> QuerySet[User]:
    seen = User.objects.order_by("username")
    if me.is_superuser:
        return seen
    acted = AuditEntry.objects.filter(installation__in=visible(me).values("pk")).values("person")
    return seen.filter(pk__in=acted)


def _entry(row: AuditEntry) -> Entry:
    return Entry(
        at=timezone.localtime(row.at),
        who=_who(row),
        what=_sentence(row),
        action=row.action,
        installation=_installation(row),
        pk=row.installation_id,
        bad=row.action == "sign-in.failed",
    )


def _who(row: AuditEntry) -> str:
    return row.person.get_username() if row.person else ""


def _installation(row: AuditEntry) -> str:
    installation: Installation | None = row.installation
    return installation.name if installation else ""


def _sentence(row: AuditEntry) -> str:
    """An action of a newer or older version stands as it is named."""
    template = SENTENCES.get(row.action)
    if template is None:
        return row.action
    return gettext(template) % {"address": "–", "attempt": "–", "name": "–", **_params(row.detail)}


def _params(detail: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **detail,
        "answers": gettext(", ").join(_label(key) for key in detail.get("keys", ())),
        "check": _check(detail.get("check", "")),
        "roles": _roles(detail),
    }


def _roles(detail: Mapping[str, Any]) -> str:
    if detail.get("administrator"):
        return gettext("Administrator")
    held: Mapping[str, str] = detail.get("roles", {})
    if tuple(held) == (DEFAULT_WORKSPACE,):
        return str(WORD.get(held[DEFAULT_WORKSPACE], ""))
    return ", ".join(f"{place}: {WORD.get(role, role)}" for place, role in held.items()) or str(WORD[NOTHING])


def _label(key: str) -> str:
    known = answer_keys.BY_NAME.get(key)
    return gettext(known.label) if known else key


def _check(name: str) -> str:
    known = checks.BY_NAME.get(name)
    return gettext(known.title) if known else name


def _number(written: str) -> int | None:
    """Digits that fit into a row's number."""
    return int(written) if written.isascii() and written.isdigit() and len(written) < 19 else None
