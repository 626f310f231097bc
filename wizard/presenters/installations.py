"""The list of installations, and what is lost by deleting one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import count, groupby
from typing import Any

from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.db.models import Case, OuterRef, QuerySet, Subquery, When
from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import gettext

from installer_tasks.models import ACTIVE, Installation, Role, Run, RunState, Workspace
from installer_tasks.preflight.state import InstallationState, load_levels
from installer_tasks.runs import service
from installer_tasks.saved_answers import DEFAULT_WORKSPACE
from wizard import steps
from wizard.accounts import access
from wizard.presenters import people, states
from wizard.presenters.states import Shown
from wizard.presenters.steps import first_open

PAGE = 50  #: installations a page


@dataclass(frozen=True)
class Row:
    pk: int
    name: str
    customer: str
    changes: bool  #: whether this person may change it
    practice: bool
    shown: Shown
    state: str
    step: Any
    changed_at: datetime
    created_by: str
    next_label: str
    url: str
    delete_url: str


@dataclass(frozen=True)
class Loss:
    """What deleting or starting over takes away."""

    answers: int
    secrets: int
    findings: int
    waivers: int
    runs: int
    events: int
    active: bool
    installed: bool


@dataclass(frozen=True)
class Asked:
    """What of the list is asked for; nonsense in a query asks for the first page of everything."""

    name: str = ""
    page: int = 1

    @classmethod
    def of(cls, query: QueryDict) -> Asked:
        page = query.get("page", "")
        number = int(page) if page.isascii() and page.isdigit() and len(page) < 9 else 1
        return cls(" ".join(query.get("search", "").split())[:100], number)


@dataclass(frozen=True)
class Group:
    """The installations of one customer."""

    customer: str
    rows: tuple[Row, ...]


def listing(me: User, asked: Asked) -> dict[str, Any]:
    """What this person may open, and at which customers they may start another."""
    places = list(access.workspaces_to_install_at(me))
    several = Workspace.objects.count() > 1
    page = Paginator(_found(me, asked), PAGE).get_page(asked.page)
    rows = _rows(list(page.object_list), me)
    return {
        "rows": rows,
        "groups": _groups(rows),
        "page": page,
        "search": asked.name,
        "searchable": bool(asked.name) or page.paginator.num_pages > 1,
        "may_start": me.is_superuser or bool(places),
        "customers": [(place.name, people.label(place, len(places))) for place in places],
        "asks_customer": (several and len(places) > 1) or (me.is_superuser and Installation.objects.exists()),
        "any_customer": me.is_superuser,
    }


def free_name(place: Workspace) -> str:
    """For whoever gives none."""
    taken = {name.casefold() for name in place.installations.values_list("name", flat=True)}
    names = (gettext("Installation %(number)s") % {"number": number} for number in count(len(taken) + 1))
    return next(name for name in names if name.casefold() not in taken)


def _found(me: User, asked: Asked) -> QuerySet[Installation]:
    """By customer, those without one first; of each the last changed first."""
    nameless = Case(When(workspace__name=DEFAULT_WORKSPACE, then=0), default=1)
    found = access.visible(me).order_by(nameless, "workspace__name", "-changed_at", "-pk")
    return found.filter(name__icontains=asked.name) if asked.name else found


def _rows(installations: list[Installation], me: User) -> list[Row]:
    """One query for each kind of thing, however many installations there are."""
    roles, runs = access.roles_of(me), _last_runs(installations)
    known = load_levels(one.pk for one in installations if one.pk not in runs)
    return [
        _row(
            one,
            runs.get(one.pk),
            first_open(known[one.pk]) if one.pk in known else "",
            changes=me.is_superuser or roles.get(one.workspace_id) == Role.INSTALLER,
        )
        for one in installations
    ]


def _last_runs(installations: list[Installation]) -> dict[int, Run]:
    last = Run.objects.filter(installation=OuterRef("installation")).order_by("-attempt").values("attempt")[:1]
    found = Run.objects.filter(installation__in=installations, attempt=Subquery(last)).defer("sealed_plan")
    return {run.installation_id: run for run in found}


def _groups(rows: list[Row]) -> tuple[Group, ...]:
    return tuple(Group(customer, tuple(found)) for customer, found in groupby(rows, key=lambda row: row.customer))


def _row(installation: Installation, run: Run | None, where: str, *, changes: bool) -> Row:
    return Row(
        pk=installation.pk,
        name=installation.name,
        customer=_customer(installation),
        changes=changes,
        practice=installation.practice,
        shown=_shown(run, where),
        state=run.state if run else where,
        step=_step(installation, run, where),
        changed_at=installation.changed_at,
        created_by=installation.created_by.get_username() if installation.created_by else "",
        next_label=_next_label(run, where),
        url=reverse("open", args=[installation.pk]),
        delete_url=reverse("delete", args=[installation.pk]),
    )


def _customer(installation: Installation) -> str:
    return "" if installation.workspace.name == DEFAULT_WORKSPACE else installation.workspace.name


def _shown(run: Run | None, where: str) -> Shown:
    if run is not None:
        return states.of_run(run)
    if where == "review":
        return Shown(gettext("ready to install"), "check", "good")
    return Shown(gettext("in preparation"), "half", "idle")


def _step(installation: Installation, run: Run | None, where: str) -> Any:
    if run is not None:
        return gettext("Attempt %(number)s") % {"number": run.attempt}
    if where == "review":
        return gettext("Review and install")
    return steps.BY_SLUG[installation.step].title if installation.step in steps.BY_SLUG else gettext("Review")


def _next_label(run: Run | None, where: str) -> str:
    if run is None:
        return gettext("Review and install") if where == "review" else gettext("Continue")
    labels = {
        RunState.SUCCEEDED: gettext("Continue") if run.undoes else gettext("View result"),
        RunState.FAILED: gettext("View failure"),
        RunState.CANCELLED: gettext("Resume"),
    }
    return labels.get(RunState(run.state), gettext("View run"))


def place(state: InstallationState) -> str:
    """Where opening it leads: to what needs a person."""
    installation, run = state.installation, state.last_run
    if run is None:
        step = first_open(state)
        return reverse("review" if step == "review" else "step", args=_args(installation, step))
    return reverse("done" if service.installed(state) == run else "run", args=[installation.pk])


def _args(installation: Installation, step: str) -> list[Any]:
    return [installation.pk] if step == "review" else [installation.pk, step]


def loss(state: InstallationState) -> Loss:
    return Loss(
        answers=len(state.answers),
        secrets=sum(bool(row.sealed) for row in state.answers.values()),
        findings=len(state.findings),
        waivers=len(state.waivers),
        runs=len(state.runs),
        events=sum(run.last_seq for run in state.runs),
        active=any(run.state in ACTIVE for run in state.runs),
        installed=service.installed(state) is not None,
    )
