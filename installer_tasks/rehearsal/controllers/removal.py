"""Deleting a PackageInstall as kapp-controller does: it stays until everything it made is gone, children first.

kapp deletes with the account of the install. Where that is gone, as after the deletion of the whole namespace, it
fails and tries again for ever: people know the namespace that stays in Terminating.

It waits for everything that bears its label, also for what it did not make and therefore does not delete: the claims
of a StatefulSet. Whoever wants to keep them takes the label off before; else it gives up after 15 minutes, looks
again, and waits for them anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from installer_tasks.rehearsal import releases
from installer_tasks.rehearsal.controllers import catalogue, kapp
from installer_tasks.rehearsal.controllers.kinds import RESOURCES
from installer_tasks.rehearsal.controllers.objects import Object
from installer_tasks.rehearsal.controllers.status import app_removal_status, removal_status
from installer_tasks.rehearsal.controllers.world import World

FINALIZER = "finalizers.packageinstall.packaging.carvel.dev/delete"
REMOVING = 0.01  #: share of an installation
LOOK_AGAIN = 0.5  #: seconds
PARENTS = frozenset(releases.get(version).ref_name for version in releases.playable())
#: What stays for kapp-controller itself until the end.
KEPT_TO_THE_END = frozenset({"App", "PackageInstall"})


@dataclass(frozen=True)
class _Attempt:
    """One `kapp delete`: it waits for what bore its label when it began."""

    claims: tuple[Object, ...]
    transcript: kapp.RemovalTranscript


class Removals:
    """What happens to PackageInstalls that are being deleted."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._attempts: dict[str, _Attempt] = {}

    def protect(self, obj: Object) -> Object:
        """From now on deleting it only begins its removal."""
        finalizers = obj["metadata"].get("finalizers") or []
        if FINALIZER in finalizers:
            return obj
        return self._world.desk.replace(_with_finalizers(obj, [*finalizers, FINALIZER]))

    def advance(self, obj: Object) -> float | None:
        """One step of the removal; in how many seconds the next is due."""
        uid = obj["metadata"]["uid"]
        if FINALIZER not in (obj["metadata"].get("finalizers") or []):
            return None  # another one holds it
        if self._failed_lately(obj):
            return LOOK_AGAIN
        problem = self._refusal(obj)
        if problem:
            self._tell(obj, problem, "")
            return LOOK_AGAIN
        attempt = self._attempt(obj)
        children = self._world.desk.owned("PackageInstall", obj)
        for child in children:
            self._delete(child)
        if not children:
            for made in self._made(obj):
                self._delete(made)
        left = 0.0 if children else self._world.left(REMOVING, "remove", uid)
        waits = [*children, *self._there(attempt)]
        attempt.transcript.waits([kapp.resource(each) for each in waits])
        if waits and self._world.clock.since("remove-wait", uid) > self._world.pace.give_up:
            names = ", ".join(kapp.resource(each) for each in waits)
            self._give_up(obj, attempt, f"kapp: Error: Timed out waiting after 15m0s for resources: [{names}]")
            return LOOK_AGAIN
        self._tell(obj, "", str(attempt.transcript))
        if not waits and left <= 0:
            self._let_go(obj)
            return None
        return left or LOOK_AGAIN

    def _attempt(self, obj: Object) -> _Attempt:
        uid = obj["metadata"]["uid"]
        if uid not in self._attempts:
            claims = tuple(self._labelled(obj))
            children = self._world.desk.owned("PackageInstall", obj)
            self._attempts[uid] = _Attempt(claims, kapp.RemovalTranscript(len(claims) + len(children)))
            self._world.clock.since("remove-wait", uid)
        return self._attempts[uid]

    def _labelled(self, obj: Object) -> Iterator[Object]:
        name, namespace = obj["metadata"]["name"], obj["metadata"]["namespace"]
        for claim in self._world.desk.objects("PersistentVolumeClaim", namespace):
            if (claim["metadata"].get("labels") or {}).get(catalogue.PACKAGE_LABEL) == name:
                yield claim

    def _there(self, attempt: _Attempt) -> list[Object]:
        """By uid, whatever label they bear by now."""
        desk = self._world.desk
        return [
            claim
            for claim in attempt.claims
            if (now := desk.get("PersistentVolumeClaim", claim["metadata"]["name"], claim["metadata"]["namespace"]))
            and now["metadata"]["uid"] == claim["metadata"]["uid"]
        ]

    def _made(self, obj: Object) -> Iterator[Object]:
        for kind in RESOURCES.keys() - KEPT_TO_THE_END:
            yield from self._world.desk.owned(kind, obj)

    def _delete(self, made: Object) -> None:
        metadata = made["metadata"]
        if "deletionTimestamp" not in metadata:
            self._world.desk.delete(made["kind"], metadata["name"], metadata.get("namespace", ""))

    def _give_up(self, obj: Object, attempt: _Attempt, problem: str) -> None:
        uid = obj["metadata"]["uid"]
        self._tell(obj, problem, str(attempt.transcript))
        del self._attempts[uid]
        for key in ("remove-wait", "remove-failed"):
            self._world.clock.restart(key, uid)
        self._world.clock.since("remove-failed", uid)

    def _failed_lately(self, obj: Object) -> bool:
        """kapp-controller pauses a moment before it tries again."""
        uid = obj["metadata"]["uid"]
        conditions = (obj.get("status") or {}).get("conditions") or []
        failed = any(each["type"] == "DeleteFailed" for each in conditions)
        return failed and uid not in self._attempts and self._world.clock.since("remove-failed", uid) < LOOK_AGAIN

    def _tell(self, obj: Object, problem: str, output: str) -> None:
        metadata = obj["metadata"]
        app = self._world.desk.get("App", metadata["name"], metadata["namespace"])
        if app is not None:
            self._world.desk.status(app, app_removal_status(app, problem, output))
        self._world.desk.status(obj, removal_status(obj, problem))

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
        self._attempts.pop(obj["metadata"]["uid"], None)
        if obj["spec"]["packageRef"].get("refName") in PARENTS:
            for right in catalogue.install_rights(obj["metadata"]["namespace"]):
                metadata = right["metadata"]
                self._world.desk.delete(right["kind"], metadata["name"], metadata.get("namespace", ""))
            self._world.hooks.on_gone()
        kept = [each for each in obj["metadata"].get("finalizers") or [] if each != FINALIZER]
        self._world.desk.replace(_with_finalizers(obj, kept))


def _with_finalizers(obj: Object, finalizers: list[str]) -> Object:
    return {**obj, "metadata": {**obj["metadata"], "finalizers": finalizers}}
