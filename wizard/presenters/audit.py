"""Who did what, in sentences of the viewer's language."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Q, QuerySet
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext

from installer_tasks import answer_keys
from installer_tasks.models import AuditEntry, Installation
from installer_tasks.preflight import checks
from installer_tasks.saved_answers import DEFAULT_WORKSPACE
from installer_tasks.text import mark as _
from wizard.accounts.access import visible
from wizard.accounts.people import NOTHING
from wizard.presenters.people import WORD

PAGE = 50  #: entries a page
#: How a formula begins, also in full width, which spreadsheets of East Asia read alike.
FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
#: Where commas are decimal points a semicolon, and elsewhere a tab or line end, begins a cell of its own.
_SPLIT = re.compile(rf"([;\t\r\n]\s*+)([{re.escape(''.join(FORMULA))}])")
SHORT = 60  #: characters of a value

#: What stands for each action; the person stands before it, so each begins with a verb.
SENTENCES: Mapping[str, str] = {
    "answers.changed": _("changed %(answers)s"),
    "bundle-folder.closed": _("closed the folder %(path)s for bundles"),
    "bundle-folder.opened": _("opened the folder %(path)s for bundles"),
    "finding.fixed": _("let the installer fix “%(check)s”"),
    "finding.unwaived": _("withdrew the acceptance of “%(check)s”"),
    "finding.waived": _("accepted the risk of “%(check)s”"),
    "handover": _("downloaded the handover document"),
    "identity.password-delayed": _("tried too many passwords of %(name)s at %(system)s: delayed by %(seconds)s s"),
    "identity.password-tried": _("entered a password of %(name)s for %(system)s"),
    "identity.rehearsal-failed": _("a rehearsed sign-in of %(name)s at %(system)s failed"),
    "identity.rehearsed": _("rehearsed a sign-in at the provider"),
    "installation.created": _("created the installation"),
    "installation.deleted": _("deleted the installation %(name)s"),
    "installation.emptied": _("started the installation over: all values and runs were deleted"),
    "password.changed": _("changed their password"),
    "password.refused": _("entered a wrong current password"),
    "password.chosen": _("chose a name and a password"),
    "person.invited": _("invited %(name)s: %(roles)s"),
    "person.linked": _("created a new sign-in link for %(name)s"),
    "person.renamed": _("changed their name from %(old)s to %(name)s"),
    "person.retired": _("deactivated %(name)s"),
    "person.returned": _("reactivated %(name)s"),
    "person.roles": _("changed the roles of %(name)s: %(roles)s"),
    "program.confirmed": _("confirmed the program %(path)s, SHA-256 %(sha256)s"),
    "program.withdrawn": _("withdrew the confirmation of the program %(path)s, SHA-256 %(sha256)s"),
    "run.cancelled": _("stopped attempt %(attempt)s"),
    "run.resumed": _("resumed: attempt %(attempt)s"),
    "run.started": _("started attempt %(attempt)s"),
    "run.undo": _("started undoing the installation: attempt %(attempt)s"),
    "session.ended": _("ended one of their sessions"),
    "sign-in.delayed": _("too many attempts as %(name)s from %(address)s: delayed by %(seconds)s s"),
    "secrets.taken-back": _("removed %(answers)s, because %(because)s changed: enter them again for the new address"),
    "sign-in.failed": _("failed sign-in as %(name)s from %(address)s"),
    "sign-in.succeeded": _("signed in"),
    "system.first-asked": _("had a new address checked: %(place)s"),
    "support-bundle": _("downloaded the support bundle of attempt %(attempt)s"),
}
#: Where an entry of another version lacks something.
UNKNOWN = dict.fromkeys(("address", "attempt", "name", "old", "seconds", "system"), "–")
#: Of these an administrator should know.
BAD = frozenset({"password.refused", "sign-in.failed", "sign-in.delayed", "identity.password-delayed"})


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
    cell = _SPLIT.sub(r"\1'\2", cell)
    return f"'{cell}" if cell.lstrip().startswith(FORMULA) or cell.startswith(("\t", "\r", "\n")) else cell


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
        bad=row.action in BAD,
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
    return gettext(template) % {
        "address": "–",
        "attempt": "–",
        "name": "–",
        "seconds": "–",
        "system": "–",
        **_params(row.detail),
    }


def _params(detail: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **detail,
        "answers": gettext(", ").join(_answers(detail)),
        "because": gettext(", ").join(_label(key) for key in detail.get("because", ())),
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


def _answers(detail: Mapping[str, Any]) -> Iterator[str]:
    changes = {change["key"]: change for change in detail.get("changes", ())}
    for key in detail.get("keys", ()):
        yield _change(changes[key]) if key in changes and key not in answer_keys.SECRETS else _label(key)


def _change(change: Mapping[str, str]) -> str:
    before, after = (_short(change[name]) for name in ("before", "after"))
    return gettext("%(answer)s (%(before)s → %(after)s)") % {
        "answer": _label(change["key"]),
        "before": before,
        "after": after,
    }


def _short(value: str) -> str:
    """One line of it; the table for spreadsheets has all."""
    line = " ".join(value[: 2 * SHORT].split())
    return (f"{line[:SHORT]}…" if len(line) > SHORT else line) or "–"


def _label(key: str) -> str:
    known = answer_keys.BY_NAME.get(key)
    return gettext(known.label) if known else key


def _check(name: str) -> str:
    known = checks.BY_NAME.get(name)
    return gettext(known.title) if known else name


def _number(written: str) -> int | None:
    """Digits that fit into a row's number."""
    return int(written) if written.isascii() and written.isdigit() and len(written) < 19 else None
