"""The package repository, from which the cluster learns which packages there are."""

from __future__ import annotations

from typing import Any

from installer_tasks.errors import SystemFailure
from installer_tasks.runs.stages import removal
from installer_tasks.runs.stages.base import Context, Progress
from installer_tasks.runs.stages.systems import FailureDeadline, cluster_of
from installer_tasks.systems.cluster import carvel
from installer_tasks.systems.cluster.waiting import wait_for
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

DEADLINE = 300.0
GIVE_UP = 90.0


class PackageRepository:
    slug = "package-repository"
    title = _("Add the package repository")
    doing = _("Adding the package repository to the cluster")
    systems: tuple[str, ...] = ("registry", "cluster")
    shows = Progress.NONE
    undo_title = _("Remove the package repository")
    undo_doing = _("Removing the package repository")
    reads: tuple[str, ...] = (
        "bundle.release",
        "cluster.kubeconfig",
        "cluster.context",
        "registry.project",
    )

    def is_done(self, context: Context) -> bool:
        found = self._find(context)
        return (
            found is not None
            and carvel.repository_image(found) == _wanted_image(context)
            and self._is_there(context, found)
        )

    def run(self, context: Context) -> None:
        release = context.plan.known
        image = _wanted_image(context)
        cluster_of(context).apply(
            carvel.package_repository(release.repository_name, release.namespace, image), force=True
        )
        context.report.event("repository.added", image=image)
        failing = FailureDeadline(GIVE_UP)
        wait_for(
            lambda: self._look(context, failing),
            lambda found: self._is_there(context, found),
            deadline=DEADLINE,
            describe=lambda found: _waits(found, image),
            cancelled=context.cancelled,
            on_wait=context.report.waiting_for,
        )
        context.report.event("repository.reconciled", level="success", image=image)

    def is_undone(self, context: Context) -> bool:
        return self._find(context) is None

    def undo(self, context: Context) -> None:
        release = context.plan.known
        made = carvel.package_repository(release.repository_name, release.namespace, "")  # its name is enough
        removal.remove(context, made, deadline=DEADLINE)

    def _find(self, context: Context) -> dict[str, Any] | None:
        release = context.plan.known
        return cluster_of(context).find(
            carvel.PACKAGING, "PackageRepository", release.repository_name, release.namespace
        )

    def _look(self, context: Context, failing: FailureDeadline) -> dict[str, Any]:
        release = context.plan.known
        found = cluster_of(context).get(
            carvel.PACKAGING, "PackageRepository", release.repository_name, release.namespace
        )
        status = carvel.package_status(found)
        failing.look(status.state == "failed", lambda: _failed(carvel.repository_image(found), status.message))
        return found

    def _is_there(self, context: Context, found: dict[str, Any]) -> bool:
        """Reconciled, and the parent package of this release is offered by it."""
        release = context.plan.known
        if not carvel.package_status(found).done:
            return False
        package = f"{release.ref_name}.{release.version}"
        return cluster_of(context).find(carvel.DATA_PACKAGING, "Package", package, release.namespace) is not None


def _wanted_image(context: Context) -> str:
    return context.plan.known.repository_image(context.plan.project)


def _waits(found: dict[str, Any] | None, image: str) -> Text:
    said = carvel.package_status(found).message if found else ""
    return text(_("the cluster to fetch %(image)s: %(said)s"), image=image, said=said or "…")


def _failed(image: str, said: str) -> SystemFailure:
    return SystemFailure(
        text(_("The cluster cannot use the package repository %(image)s."), image=image),
        value=image,
        remedy=text(
            _(
                "Check the status that kapp-controller reports. Common causes are its trusted CAs, "
                "its network and the registry project."
            )
        ),
        detail=said,
        code="repository-failed",
    )
