"""Deleting a PackageInstall as kapp-controller does: it stays until everything it made is gone, children first.

kapp deletes with the account of the install. Where that is gone, as after the deletion of the whole namespace, it
fails and tries again for ever: people know the namespace that stays in Terminating.
"""

from __future__ import annotations

from installer_tasks import releases
from installer_tasks.rehearsal.controllers import catalogue
from installer_tasks.rehearsal.controllers.desk import Object
from installer_tasks.rehearsal.controllers.status import removal_status
from installer_tasks.rehearsal.controllers.world import World

FINALIZER = "finalizers.packageinstall.packaging.carvel.dev/delete"
REMOVING = 0.01  #: share of an installation
LOOK_AGAIN = 0.5  #: seconds
PARENTS = frozenset(releases.get(version).ref_name for version in releases.known())


class Removals:
    """What happens to PackageInstalls that are being deleted."""

    def __init__(self, world: World) -> None:
        self._world = world

    def protect(self, obj: Object) -> Object:
        """From now on deleting it only begins its removal."""
        finalizers = obj["metadata"].get("finalizers") or []
        if FINALIZER in finalizers:
            return obj
        return self._world.desk.replace(_with_finalizers(obj, [*finalizers, FINALIZER]))

    def advance(self, obj: Object) -> float | None:
        """One step of the removal; in how many seconds the next is due."""
        problem = self._refusal(obj)
        self._world.desk.status(obj, removal_status(obj, problem))
        if problem:
            return LOOK_AGAIN
        children = self._world.desk.owned("PackageInstall", obj)
        for child in children:
            if "deletionTimestamp" not in child["metadata"]:
                self._world.desk.delete("PackageInstall", child["metadata"]["name"], child["metadata"]["namespace"])
        if children:
            return None
        left = self._world.left(REMOVING, "remove", obj["metadata"]["uid"])
        if left <= 0:
            self._let_go(obj)
        return left or None

    def _refusal(self, obj: Object) -> str:
        """Why kapp cannot delete, in its words."""
        account, namespace = obj["spec"].get("serviceAccountName", ""), obj["metadata"]["namespace"]
        if self._world.desk.get("ServiceAccount", account, namespace) is None:
            return f'Preparing kapp: Getting service account: serviceaccounts "{account}" not found'
        if not self._may_delete(account, namespace):
            user = f"system:serviceaccount:{namespace}:{account}"
            return f'kapp: Error: Listing schema.GroupVersionResource: forbidden: User "{user}" cannot list resource'
        return ""

    def _may_delete(self, account: str, namespace: str) -> bool:
        wanted = {"kind": "ServiceAccount", "name": account, "namespace": namespace}
        subjects = (
            subject
            for binding in self._world.desk.objects("ClusterRoleBinding")
            for subject in binding.get("subjects") or []
        )
        return any(wanted.items() <= subject.items() for subject in subjects)

    def _let_go(self, obj: Object) -> None:
        """What it owns goes with it; what has no owner, because it is of no namespace, must be named."""
        if obj["spec"]["packageRef"].get("refName") in PARENTS:
            for right in catalogue.install_rights(obj["metadata"]["namespace"]):
                metadata = right["metadata"]
                self._world.desk.delete(right["kind"], metadata["name"], metadata.get("namespace", ""))
            self._world.hooks.on_gone()
        kept = [each for each in obj["metadata"].get("finalizers") or [] if each != FINALIZER]
        self._world.desk.replace(_with_finalizers(obj, kept))


def _with_finalizers(obj: Object, finalizers: list[str]) -> Object:
    return {**obj, "metadata": {**obj["metadata"], "finalizers": finalizers}}
