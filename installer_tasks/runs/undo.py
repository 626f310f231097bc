"""Undoing an installation: what its runs have left in the cluster goes, in a run of its own.

The registry keeps its images, so that a new installation does not send them again, and kapp-controller keeps its trust
in the customer's authority. Volumes go only when the person wants that; an installation that begins anew with the
volumes of another meets the passwords of then.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

from django.contrib.auth.models import User

from installer_tasks.errors import Conflict, InputError
from installer_tasks.models import ACTIVE, Installation, Run, RunKind, RunState
from installer_tasks.plan import Plan
from installer_tasks.preflight.state import InstallationState, load
from installer_tasks.runs import rows, service, stages
from installer_tasks.systems.cluster.kubeconfig import parse_kubeconfig
from installer_tasks.text import mark as _
from installer_tasks.text import text

#: How the cluster is reached; a token may have ended since, and been replaced.
ACCESS = ("cluster.kubeconfig", "cluster.context")


def start(installation: Installation, person: User | None = None, *, everything: bool) -> Run:
    """A run that removes what the last ones left; `everything`: the namespace with its volumes too. Or Conflict."""
    state = load(installation)
    if state.last_run is not None and not state.last_run.final:
        raise service.already_active(installation)
    left = left_by(state)
    if left is None:
        raise Conflict(
            text(_("%(name)s has nothing to remove from the cluster."), name=installation.name),
            value=installation.name,
            remedy=text(_("You can undo only what runs have left in the cluster, after they have ended.")),
            code="nothing-to-undo",
            retry=False,
        )
    plan = plan_of(installation, left)
    return service.create(installation, plan, person, "run.undo", RunKind.UNDO_ALL if everything else RunKind.UNDO)


def resume(installation: Installation, person: User | None = None) -> Run:
    """The undo that failed or was cancelled, once more."""
    last = service.interrupted(installation)
    return start(installation, person, everything=last is not None and last.kind == RunKind.UNDO_ALL)


def active(installation: Installation) -> Run | None:
    """The undo that is under way, whoever began it."""
    return installation.runs.filter(state__in=ACTIVE).exclude(kind=RunKind.INSTALL).first()


def left_by(state: InstallationState) -> Run | None:
    """The last run that changed the cluster, unless all of that is gone again; None while one is under way."""
    if state.last_run is None or not state.last_run.final:
        return None
    changing = {stage.slug.removeprefix("undo-") for stage in stages.of_kind(RunKind.UNDO_ALL)}
    for run in state.runs:
        if run.kind == RunKind.UNDO_ALL and run.state == RunState.SUCCEEDED:
            return None
        began = any(row.slug in changing and row.started_at is not None for row in state.stages[run.attempt])
        if run.kind == RunKind.INSTALL and began:
            return run
    return None


def agrees(given: str, zone: str) -> bool:
    """Whether this names the zone, in whatever case."""
    return given.strip().lower().rstrip(".") == zone.lower()


def plan_of(installation: Installation, left: Run) -> Plan:
    """That of the run: the cluster that it worked on, reached as it is reached now; never another cluster."""
    frozen, answers = rows.frozen_plan(left), installation.plain_answers()
    now = {**frozen.answers, **{key: answers.get(key, "") for key in ACCESS}}
    same = server_of(now) is not None and server_of(now) == server_of(frozen.answers)
    return replace(frozen, answers=now) if same else frozen


def server_of(answers: Mapping[str, str]) -> str | None:
    """The address of the cluster's API; None when the kubeconfig is not acceptable."""
    with suppress(InputError):
        return parse_kubeconfig(answers["cluster.kubeconfig"], context=answers["cluster.context"]).server
    return None
