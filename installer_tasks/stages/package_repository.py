"""The package repository, from which the cluster learns which packages there are."""

from __future__ import annotations

from typing import Any

from installer_tasks.cluster import carvel
from installer_tasks.cluster.waiting import wait_for
from installer_tasks.errors import SystemFailure
from installer_tasks.stages import removal
from installer_tasks.stages.base import Context
from installer_tasks.stages.systems import GivesUp, cluster_of
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

DEADLINE = 300.0
GIVE_UP = 90.0


class PackageRepository:
    slug = "package-repository"
    title = _("Add the package repository")
    undo_title = _("Remove the package repository")
    reads: tuple[str, ...] = (
        "bundle.release",
        "cluster.kubeconfig",
        "cluster.context",
        "registry.project",
        "registry.ca",
    )

    def is_done(self, context: Context) -> bool:
        found = self._find(context)
        return found is not None and _image(found) == _wanted_image(context) and self._is_there(context, found)

    def run(self, context: Context) -> None:
        release = context.plan.known
        image = _wanted_image(context)
        cluster_of(context).apply(
            carvel.package_repository(release.repository_name, release.namespace, image), force=True
        )
        context.report.event("repository.added", image=image)
        failing = GivesUp(GIVE_UP)
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
        made = carvel.package_repository(release.repository_name, release.namespace, _wanted_image(context))
        removal.remove(context, made, deadline=DEADLINE)

    def _find(self, context: Context) -> dict[str, Any] | None:
        release = context.plan.known
        return cluster_of(context).find(
            carvel.PACKAGING, "PackageRepository", release.repository_name, release.namespace
        )

    def _look(self, context: Context, failing: GivesUp) -> dict[str, Any]:
        release = context.plan.known
        found = cluster_of(context).get(
            carvel.PACKAGING, "PackageRepository", release.repository_name, release.namespace
        )
        status = carvel.package_status(found)
        failing.look(status.state == "failed", lambda: _failed(_image(found), status.message))
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


def _image(repository: dict[str, Any]) -> str:
    fetch = (repository.get("spec") or {}).get("fetch") or {}
    return str((fetch.get("imgpkgBundle") or {}).get("image", ""))


def _waits(found: dict[str, Any] | None, image: str) -> Text:
    said = carvel.package_status(found).message if found else ""
    return text(_("The cluster fetches %(image)s: %(said)s"), image=image, said=said or "…")


def _failed(image: str, said: str) -> SystemFailure:
    return SystemFailure(
        text(_("The cluster cannot use the package repository %(image)s."), image=image),
        value=image,
        remedy=text(
            _("See what kapp-controller says: its trust, its network and the registry project are the usual causes.")
        ),
        detail=said,
        code="repository-failed",
    )
