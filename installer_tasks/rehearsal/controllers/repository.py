"""A PackageRepository: its bundle is fetched, and its packages appear in its namespace."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from typing import Any

from installer_tasks.rehearsal import releases
from installer_tasks.rehearsal.controllers.catalogue import package_objects
from installer_tasks.rehearsal.controllers.fetching import FetchFailed, Reference
from installer_tasks.rehearsal.controllers.objects import Object
from installer_tasks.rehearsal.controllers.world import Background, World, condition, now

CONFIG = "kapp-controller-config"
FETCHING = 0.02  #: share of an installation
RETRY = 2.0  #: seconds after a failed fetch
FAILED = "Error (see .status.usefulErrorMessage for details)"


@dataclass
class _Attempt:
    """One fetch of one generation of a repository with one set of trusted authorities."""

    key: tuple[str, ...]
    started: str = field(default_factory=now)
    finished: str = ""
    published: bool = False


class Repositories:
    kinds = ("PackageRepository",)

    def __init__(self, world: World) -> None:
        self._world = world
        self._background = Background(world.wake)
        self._attempts: dict[str, _Attempt] = {}

    def reconcile(self, obj: Object) -> float | None:
        attempt = self._attempt(obj)
        left = self._world.left(FETCHING, *attempt.key)
        answer = self._background.ask(lambda: self._fetch(obj), *attempt.key)
        if left > 0 or not answer:
            self._world.desk.status(obj, _status(obj, attempt, "Reconciling", "Reconciling", ""))
            return left or None
        attempt.finished = attempt.finished or now()
        if answer[0]:
            return self._failed(obj, attempt, answer[0])
        if not attempt.published:
            self._publish(obj)
            attempt.published = True
        self._world.desk.status(obj, _status(obj, attempt, "ReconcileSucceeded", "Reconcile succeeded", ""))
        return None

    def _attempt(self, obj: Object) -> _Attempt:
        uid, generation = obj["metadata"]["uid"], str(obj["metadata"].get("generation", 1))
        key = ("repository", uid, generation, hashlib.sha256(self._trusted().encode()).hexdigest())
        known = self._attempts.get(uid)
        if known is None or known.key != key:
            known = self._attempts[uid] = _Attempt(key)
        return known

    def _trusted(self) -> str:
        """What kapp-controller is configured to trust; a Secret wins over a ConfigMap."""
        for kind in ("Secret", "ConfigMap"):
            found = [item for item in self._world.desk.objects(kind) if item["metadata"]["name"] == CONFIG]
            if found:
                value = str((found[0].get("data") or {}).get("caCerts", ""))
                return base64.b64decode(value).decode("utf-8", "replace") if kind == "Secret" else value
        return ""

    def _fetch(self, obj: Object) -> str:
        """The controller's complaint, empty when all is well."""
        image = image_of(obj)
        try:
            self._world.hooks.fetch(image, self._trusted())
            version = Reference.parse(image).version
        except FetchFailed as error:
            return str(error)
        return "" if version in releases.playable() else f"The bundle {image} holds no packages"

    def _failed(self, obj: Object, attempt: _Attempt, problem: str) -> float:
        self._world.desk.status(obj, _status(obj, attempt, "ReconcileFailed", f"Reconcile failed: {FAILED}", problem))
        if self._world.clock.since("retry", *attempt.key) >= RETRY:
            self._world.clock.restart("retry", *attempt.key)
            self._background.forget(*attempt.key)
            return 0.0
        return RETRY

    def _publish(self, obj: Object) -> None:
        release = releases.get(Reference.parse(image_of(obj)).version)
        for package in package_objects(release, obj["metadata"]["namespace"]):
            self._world.desk.ensure(package, owner=obj)


def image_of(repository: Object) -> str:
    fetch: dict[str, Any] = repository["spec"].get("fetch") or {}
    return str((fetch.get("imgpkgBundle") or {}).get("image", ""))


def _status(obj: Object, attempt: _Attempt, kind: str, friendly: str, problem: str) -> Object:
    fetch: Object = {"startedAt": attempt.started, "updatedAt": attempt.finished or attempt.started}
    if attempt.finished:
        fetch |= {"exitCode": 1, "error": FAILED, "stderr": problem} if problem else {"exitCode": 0}
    status: Object = {
        "conditions": [condition(kind, True, message=FAILED if problem else "")],
        "friendlyDescription": friendly,
        "observedGeneration": obj["metadata"].get("generation", 1),
        "fetch": fetch,
    }
    if problem:
        return {**status, "usefulErrorMessage": problem, "consecutiveReconcileFailures": 1}
    if kind == "ReconcileSucceeded":
        done = {"exitCode": 0, "updatedAt": attempt.finished}
        return {**status, "template": done, "deploy": {**done, "finished": True}, "consecutiveReconcileSuccesses": 1}
    return status
