"""What undoing an installation removes, and from which cluster."""

from __future__ import annotations

from dataclasses import dataclass

from installer_tasks import runs, undo
from installer_tasks.cluster.carvel import Names
from installer_tasks.models import Installation, RunKind


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


def undo_view(installation: Installation) -> UndoView | None:
    """None when there is nothing to undo."""
    left = undo.left_by(installation)
    last = installation.runs.first()
    if left is None or last is None:
        return None
    plan = undo.plan_of(installation, left)
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
        installed=runs.installed(installation) is not None,
        volumes_only=last.kind == RunKind.UNDO and last.state == "succeeded",
        attempt=last.attempt,
    )
