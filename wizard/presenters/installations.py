"""The list of installations, and what is lost by deleting one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.urls import reverse
from django.utils.translation import gettext

from installer_tasks import runs
from installer_tasks.models import ACTIVE, Installation, Role, Run, RunState, Workspace
from installer_tasks.sessions import DEFAULT_WORKSPACE
from wizard import steps
from wizard.accounts import access
from wizard.presenters import people, states
from wizard.presenters.states import Shown
from wizard.presenters.steps import first_open


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


def listing(me: User) -> dict[str, Any]:
    """What this person may open, and at which customers they may start another."""
    places = list(access.workspaces_to_install_at(me))
    several = Workspace.objects.count() > 1
    return {
        "rows": [_row(installation, me) for installation in access.visible(me)],
        "may_start": me.is_superuser or bool(places),
        "customers": [(place.name, people.label(place, len(places))) for place in places],
        "asks_customer": (several and len(places) > 1) or (me.is_superuser and Installation.objects.exists()),
        "any_customer": me.is_superuser,
    }


def _row(installation: Installation, me: User) -> Row:
    run = installation.runs.first()
    where = first_open(installation) if run is None else ""
    return Row(
        pk=installation.pk,
        name=installation.name,
        customer=_customer(installation),
        changes=access.role_in(me, installation.workspace) == Role.INSTALLER,
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
    return Shown(gettext("being prepared"), "half", "idle")


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
        RunState.SUCCEEDED: gettext("Continue") if run.undoes else gettext("See the result"),
        RunState.FAILED: gettext("See what failed"),
        RunState.CANCELLED: gettext("Resume"),
    }
    return labels.get(RunState(run.state), gettext("Watch"))


def place(installation: Installation) -> str:
    """Where opening it leads: to what needs a person."""
    run = installation.runs.first()
    if run is None:
        step = first_open(installation)
        return reverse("review" if step == "review" else "step", args=_args(installation, step))
    return reverse("done" if runs.installed(installation) == run else "run", args=[installation.pk])


def _args(installation: Installation, step: str) -> list[Any]:
    return [installation.pk] if step == "review" else [installation.pk, step]


def loss(installation: Installation) -> Loss:
    attempts = installation.runs.all()
    return Loss(
        answers=installation.answers.count(),
        secrets=installation.answers.exclude(sealed="").count(),
        findings=installation.findings.count(),
        waivers=installation.waivers.count(),
        runs=attempts.count(),
        events=sum(run.last_seq for run in attempts),
        active=attempts.filter(state__in=ACTIVE).exists(),
        installed=runs.installed(installation) is not None,
    )
