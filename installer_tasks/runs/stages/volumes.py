"""The volume claims of packages that are being removed.

kapp labels the claims that a StatefulSet makes from its template, never deletes them, and yet waits until they are
gone: 15 minutes, then once more, without end. Claims without its label are none of its business, and those that it
made itself then stay too. A removal that began before they lost the label still waits for them.
"""

from __future__ import annotations

from installer_tasks.runs.stages.base import Context
from installer_tasks.runs.stages.systems import cluster_of
from installer_tasks.systems.cluster import carvel
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

CLAIM = "persistentvolumeclaim/"
LET_GO = {"metadata": {"labels": {carvel.APP_LABEL: None, carvel.ORPHANED_LABEL: ""}}}


def release(context: Context) -> None:
    """Take every claim of the release's namespace out of kapp's hands."""
    cluster, namespace = cluster_of(context), context.plan.known.namespace
    for claim in cluster.list("v1", "PersistentVolumeClaim", namespace, labels=carvel.APP_LABEL):
        name = claim["metadata"]["name"]
        if cluster.patch("v1", "PersistentVolumeClaim", name, namespace, LET_GO) is not None:
            context.report.event("undo.released", name=name)


def delete(context: Context) -> None:
    """Have the released claims go as soon as no pod uses them any more: what kapp waits for then ends."""
    cluster, namespace = cluster_of(context), context.plan.known.namespace
    for claim in cluster.list("v1", "PersistentVolumeClaim", namespace, labels=carvel.ORPHANED_LABEL):
        if "deletionTimestamp" not in claim["metadata"]:
            cluster.delete("v1", "PersistentVolumeClaim", claim["metadata"]["name"], namespace)


def awaited(context: Context, *, stay: bool) -> Text | None:
    """What kapp waits for in the packages that are being removed, other packages apart; None when for nothing."""
    apps = cluster_of(context).list(carvel.KAPPCTRL, "App", context.plan.known.namespace)
    going = (carvel.deletions(app) for app in apps if "DeleteFailed" not in _conditions(app))
    found = sorted({name for names in going for name in names if not name.startswith(("packageinstall/", "app/"))})
    if not found:
        return None
    names = ", ".join(found[:3]) if len(found) <= 3 else f"{', '.join(found[:3])} …"
    if stay and all(name.startswith(CLAIM) for name in found):
        return text(_("The volumes stay, but kapp still waits up to 15 minutes for %(names)s."), names=names)
    return text(_("kapp waits for %(names)s."), names=names)


def _conditions(app: carvel.Object) -> set[str]:
    return {str(each.get("type")) for each in (app.get("status") or {}).get("conditions") or []}
