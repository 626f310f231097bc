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

from installer_tasks import runs
from installer_tasks.errors import Conflict, InputError
from installer_tasks.models import Installation, Run, RunKind, RunState, StageRun
from installer_tasks.plan import Plan
from installer_tasks.text import mark as _
from installer_tasks.text import text

#: How the cluster is reached; a token may have ended since, and been replaced.
ACCESS = ("cluster.kubeconfig", "cluster.context")


def start(installation: Installation, person: User | None = None, *, everything: bool) -> Run:
    """A run that removes what the last ones left; `everything`: the namespace with its volumes too. Or Conflict."""
    left = left_by(installation)
    if left is None:
        raise Conflict(
            text(_("There is nothing of %(name)s to remove from the cluster."), name=installation.name),
            value=installation.name,
            remedy=text(_("Only what runs have left there can be undone, once they are over.")),
            code="nothing-to-undo",
            retry=False,
        )
    plan = plan_of(installation, left)
    return runs.create(installation, plan, person, "run.undo", RunKind.UNDO_ALL if everything else RunKind.UNDO)


def left_by(installation: Installation) -> Run | None:
    """The last run that changed the cluster, unless all of that is gone again; None while one is under way."""
    last = installation.runs.first()
    if last is None or not last.final:
        return None
    cleared = installation.runs.filter(kind=RunKind.UNDO_ALL, state=RunState.SUCCEEDED).first()
    since = installation.runs.filter(kind=RunKind.INSTALL, attempt__gt=cleared.attempt if cleared else 0)
    changing = [stage.slug.removeprefix("undo-") for stage in runs.stages_of(RunKind.UNDO_ALL)]
    began = StageRun.objects.filter(run__in=since, slug__in=changing).exclude(started_at=None)
    return since.filter(pk__in=began.values("run")).first()


def agrees(given: str, zone: str) -> bool:
    """Whether this names the zone, in whatever case."""
    return given.strip().lower().rstrip(".") == zone.lower()


def plan_of(installation: Installation, left: Run) -> Plan:
    """That of the run: the cluster that it worked on, reached as it is reached now; never another cluster."""
    frozen, answers = runs.frozen_plan(left), installation.plain_answers()
    now = {**frozen.answers, **{key: answers.get(key, "") for key in ACCESS}}
    same = server_of(now) is not None and server_of(now) == server_of(frozen.answers)
    return replace(frozen, answers=now) if same else frozen


def server_of(answers: Mapping[str, str]) -> str | None:
    """The address of the cluster's API; None when the kubeconfig is not acceptable."""
    from installer_tasks.cluster.kubeconfig import parse_kubeconfig

    with suppress(InputError):
        return parse_kubeconfig(answers["cluster.kubeconfig"], context=answers["cluster.context"]).server
    return None
