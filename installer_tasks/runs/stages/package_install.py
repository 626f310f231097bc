"""The parent package with its values: what `tanzu package install` creates, by server-side apply."""

from __future__ import annotations

from typing import Any

from installer_tasks import answer_keys
from installer_tasks.errors import Conflict, InputError
from installer_tasks.releases import described
from installer_tasks.runs.stages import planned, removal, volumes
from installer_tasks.runs.stages.base import Context, Progress
from installer_tasks.runs.stages.systems import cluster_of
from installer_tasks.systems.cluster import carvel
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

#: kapp waits 15 minutes for what it deletes, then tries again: twice, and some time to delete in.
REMOVAL = 45 * 60.0
LET_GO = '\'{"metadata":{"finalizers":null}}\''


class PackageInstall:
    slug = "package-install"
    title = _("Install the package")
    doing = _("Applying the installation to the cluster")
    systems: tuple[str, ...] = ("bundle", "cluster")
    shows = Progress.NONE
    undo_title = _("Remove the packages")
    undo_doing = _("Removing the packages and their pods")
    reads: tuple[str, ...] = planned.READS

    def __init__(self, *, volumes_too: bool = False) -> None:
        self._volumes_too = volumes_too  #: whether undoing deletes the volume claims

    def is_done(self, context: Context) -> bool:
        """Everything is there, with these values and this version."""
        return all(planned.stands(context, wanted) for wanted in planned.objects(context))

    def run(self, context: Context) -> None:
        self._check_no_other(context)
        _check_values(context)
        for wanted in planned.objects(context):
            context.check_cancelled()
            cluster_of(context).apply(wanted, force=True)
            metadata = wanted["metadata"]
            context.report.event("install.applied", kind=wanted["kind"], name=metadata["name"])

    def is_undone(self, context: Context) -> bool:
        return all(removal.find(context, made) is None for made in planned.made(context))

    def undo(self, context: Context) -> None:
        """The PackageInstall first: kapp-controller removes with its account what it made with it."""
        *rights, values, install = planned.made(context)
        if removal.find(context, install) is not None:
            _require_lasting_namespace(context)
            for right in rights:  # whoever removed them by hand has kapp-controller try for ever
                cluster_of(context).apply(right, force=True)
            volumes.release(context)
            removal.remove(
                context,
                install,
                deadline=REMOVAL,
                others=lambda: _children(context),
                said=lambda found: self._said(context, found),
                meanwhile=lambda: self._look_after_volumes(context),
            )
        for made in (values, *reversed(rights)):
            removal.remove(context, made, deadline=60.0)

    def _look_after_volumes(self, context: Context) -> None:
        """kapp labels its own ones anew when it deploys once more before it deletes."""
        volumes.release(context)
        if self._volumes_too:
            volumes.delete(context)

    def _said(self, context: Context, install: dict[str, Any]) -> Text | str:
        return volumes.awaited(context, stay=not self._volumes_too) or removal.status_of(install)

    def _check_no_other(self, context: Context) -> None:
        """The package may be installed under another name; a second one of it would fight with the first."""
        release = context.plan.known
        for found in cluster_of(context).list(carvel.PACKAGING, "PackageInstall", release.namespace):
            name = found["metadata"]["name"]
            if planned.chosen(found)[0] == release.ref_name and name != release.install_name:
                raise _other(name, release.namespace)


def _check_values(context: Context) -> None:
    """Against the schema of the Package that the repository brought: its word wins over what we know."""
    release = context.plan.known
    name = f"{release.ref_name}.{release.version}"
    package = cluster_of(context).find(carvel.DATA_PACKAGING, "Package", name, release.namespace) or {}
    schema = described.usable((package.get("spec") or {}).get("valuesSchema", {}).get("openAPIv3"))
    if schema is None:
        return
    if errors := context.plan.errors_against(schema):
        raise InputError(
            text(_("The package in the cluster does not accept the values: %(problem)s"), problem=errors[0]),
            value=name,
            remedy=text(_("Correct the value on its step or on the page All settings, then resume.")),
            field=answer_keys.SETTINGS,
            code="values-refused",
        )


def _children(context: Context) -> tuple[str, ...]:
    """Names of the packages that are still there, without the one that holds them."""
    release = context.plan.known
    found = cluster_of(context).list(carvel.PACKAGING, "PackageInstall", release.namespace)
    names = (str(each["metadata"]["name"]) for each in found)
    return tuple(sorted(name for name in names if name != release.install_name))


def _require_lasting_namespace(context: Context) -> None:
    """Deleting a namespace takes the accounts at once; kapp-controller then cannot remove what it made."""
    name = context.plan.known.namespace
    found = cluster_of(context).find("v1", "Namespace", name)
    if found is None or "deletionTimestamp" not in found["metadata"]:
        return
    template = _(
        "Remove their finalizers, then resume: kubectl patch packageinstall -n %(namespace)s "
        "%(names)s --type=merge -p %(patch)s"
    )
    names = " ".join((*_children(context), context.plan.known.install_name))
    raise Conflict(
        text(_("Namespace %(namespace)s is being deleted, but its packages can no longer be removed."), namespace=name),
        value=name,
        remedy=text(template, namespace=name, names=names, patch=LET_GO),
        code="undo-namespace-terminating",
        retry=False,
    )


def _other(name: str, namespace: str) -> Conflict:
    return Conflict(
        text(_("TMC is already installed in %(namespace)s under the name %(name)s."), namespace=namespace, name=name),
        value=name,
        remedy=text(
            _("Remove it first: tanzu package installed delete %(name)s -n %(namespace)s"),
            name=name,
            namespace=namespace,
        ),
        code="install-other-name",
        retry=False,
    )
