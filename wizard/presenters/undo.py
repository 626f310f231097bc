"""What undoing an installation removes, and from which cluster."""

from __future__ import annotations

from dataclasses import dataclass

from installer_tasks.models import RunKind
from installer_tasks.preflight.state import InstallationState
from installer_tasks.runs import service, undo
from installer_tasks.systems.cluster.carvel import Names


@dataclass(frozen=True)
class UndoView:
    """`zone` is what a person types to agree."""

    zone: str
    namespace: str
    install: str
    repository: str
    objects: tuple[str, ...]  #: account, rights and values of the package
    project: str
    context: str
    server: str
    installed: bool  #: an attempt has succeeded, and it may be in use
    volumes_only: bool  #: the packages are gone already
    attempt: int  #: the last one, to go back to


def undo_view(state: InstallationState) -> UndoView | None:
    """None when there is nothing to undo."""
    left, last = undo.left_by(state), state.last_run
    if left is None or last is None:
        return None
    plan = undo.plan_of(state.installation, left)
    release = plan.known
    names = Names(release.install_name, release.namespace)
    return UndoView(
        zone=plan.zone,
        namespace=release.namespace,
        install=release.install_name,
        repository=release.repository_name,
        objects=(names.service_account, names.role, names.binding, names.values),
        project=plan.project,
        context=plan["cluster.context"],
        server=undo.server_of(plan.answers) or "",
        installed=service.installed(state) is not None,
        volumes_only=last.kind == RunKind.UNDO and last.state == "succeeded",
        attempt=last.attempt,
    )
