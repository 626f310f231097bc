"""What is there of the installation: as the last run left it, or as a later look found it; None while unknown."""

from __future__ import annotations

from collections.abc import Iterable

from installer_tasks.models import Run, RunKind, RunState
from installer_tasks.preflight import findings
from installer_tasks.preflight.shapes.cluster import LEFTOVERS
from installer_tasks.preflight.shapes.registry import PROJECT
from installer_tasks.preflight.state import InstallationState

#: (namespace, what the packages create), after a run of this kind has ended well.
_AFTER = {RunKind.INSTALL: (True, True), RunKind.UNDO: (True, False), RunKind.UNDO_ALL: (False, False)}
_CLUSTER = ("cluster.kubeconfig", "cluster.context", "bundle.release")
_REGISTRY = ("registry.project",)


def in_cluster(state: InstallationState) -> tuple[bool | None, bool | None]:
    """The namespace, and what the packages create."""
    last = state.last_run
    if last is not None and not _looked_at_since(state, "cluster", last):
        as_it_left = last.state == RunState.SUCCEEDED and _for_the_same(state, last, _CLUSTER)
        return _AFTER[RunKind(last.kind)] if as_it_left else (None, None)
    left = findings.fact(state, LEFTOVERS)
    found = None if left is None else bool(left.get("objects"))
    return found, found


def in_registry(state: InstallationState) -> tuple[bool | None, bool | None]:
    """The project and the images in it, which no undoing takes away."""
    done = (run for run in state.runs if run.kind == RunKind.INSTALL and run.state == RunState.SUCCEEDED)
    if any(_for_the_same(state, run, _REGISTRY) for run in done):
        return True, True
    project = findings.fact(state, PROJECT)
    return project.get("exists") if project else None, None


def _looked_at_since(state: InstallationState, system: str, run: Run) -> bool:
    row = state.observations.get(system)
    return bool(row and row.collected_at and run.finished_at and row.collected_at > run.finished_at)


def _for_the_same(state: InstallationState, run: Run, keys: Iterable[str]) -> bool:
    """Whether none of these answers has changed since the run began."""
    rows = (state.answers.get(key) for key in keys)
    return all(row is None or row.changed_at <= run.created_at for row in rows)
