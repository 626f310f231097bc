"""How kapp-controller words the state of a PackageInstall and of its App."""

from __future__ import annotations

from dataclasses import dataclass, field

from installer_tasks.rehearsal.controllers.objects import Object
from installer_tasks.rehearsal.controllers.world import condition, now

SEE = "Error (see .status.usefulErrorMessage for details)"
PHASES = ("fetch", "template", "deploy")


class PhaseFailed(Exception):
    """A phase failed; the text is kapp-controller's message."""

    def __init__(self, phase: str, message: str) -> None:
        super().__init__(message)
        self.phase = phase


@dataclass
class Progress:
    """How far one reconciliation is. Times are kept, so that saying the same again changes nothing."""

    state: str = "reconciling"  #: reconciling, failed or succeeded
    phase: str = "fetch"
    problem: str = ""
    failures: int = 0
    _times: dict[str, str] = field(default_factory=dict)

    def at(self, phase: str) -> None:
        """This phase has begun; all before it are over."""
        self.state, self.phase, self.problem = "reconciling", phase, ""
        self._mark(f"{phase} started")
        self._times.pop(f"{phase} ended", None)
        for earlier in PHASES[: PHASES.index(phase)]:
            self._mark(f"{earlier} ended")

    def fail(self, phase: str, problem: str) -> None:
        if (self.state, self.problem) != ("failed", problem):
            self.failures += 1
        self.state, self.phase, self.problem = "failed", phase, problem
        self._mark(f"{phase} started")
        self._mark(f"{phase} ended")

    def succeed(self) -> None:
        self.state, self.problem = "succeeded", ""
        self._mark("deploy ended")

    def time(self, phase: str, edge: str) -> str:
        return self._times.get(f"{phase} {edge}", "")

    def _mark(self, what: str) -> None:
        self._times.setdefault(what, now())

    @property
    def condition(self) -> Object:
        kind = {"reconciling": "Reconciling", "failed": "ReconcileFailed", "succeeded": "ReconcileSucceeded"}[
            self.state
        ]
        return condition(kind, True, message=SEE if self.state == "failed" else "")

    @property
    def friendly(self) -> str:
        words = {"reconciling": "Reconciling", "failed": f"Reconcile failed: {SEE}", "succeeded": "Reconcile succeeded"}
        return words[self.state]


def install_status(install: Object, progress: Progress) -> Object:
    version = str((install["spec"]["packageRef"].get("versionSelection") or {}).get("constraints", ""))
    status: Object = {
        "conditions": [progress.condition],
        "friendlyDescription": progress.friendly,
        "observedGeneration": install["metadata"].get("generation", 1),
        "lastAttemptedVersion": version,
    }
    if progress.problem:
        status["usefulErrorMessage"] = progress.problem
    if progress.state == "succeeded":
        status["version"] = version
    return status


def removal_status(install: Object, problem: str) -> Object:
    kind = "DeleteFailed" if problem else "Deleting"
    status: Object = {
        **(install.get("status") or {}),
        "conditions": [condition(kind, True, message=SEE if problem else "")],
        "friendlyDescription": f"Delete failed: {SEE}" if problem else "Deleting",
        "observedGeneration": install["metadata"].get("generation", 1),
    }
    status.pop("usefulErrorMessage", None)
    return {**status, "usefulErrorMessage": problem} if problem else status


def app_removal_status(app: Object, problem: str, output: str) -> Object:
    """What kapp has said so far stands in the App alone; the PackageInstall only says `Deleting`."""
    deploy = {**((app.get("status") or {}).get("deploy") or {}), "stdout": output, "finished": bool(problem)}
    return {**removal_status(app, problem), "deploy": deploy}


def app_status(app: Object, progress: Progress, output: str) -> Object:
    status: Object = {
        "conditions": [progress.condition],
        "friendlyDescription": progress.friendly,
        "observedGeneration": app["metadata"].get("generation", 1),
    }
    if progress.problem:
        status |= {"usefulErrorMessage": progress.problem, "consecutiveReconcileFailures": progress.failures}
    if progress.state == "succeeded":
        status["consecutiveReconcileSuccesses"] = 1
    for phase in PHASES:
        if progress.time(phase, "started") or progress.time(phase, "ended"):
            status[phase] = _phase(progress, phase, output)
    return status


def _phase(progress: Progress, phase: str, output: str) -> Object:
    ended, started = progress.time(phase, "ended"), progress.time(phase, "started")
    failed = progress.state == "failed" and progress.phase == phase
    found: Object = {"startedAt": started or ended, "updatedAt": ended or started}
    if ended:
        found["exitCode"] = 1 if failed else 0
    if phase == "deploy":
        found |= {"stdout": output, "finished": bool(ended)}
    if failed:
        found |= {"error": f"{phase.capitalize()}ing: {SEE}", "stderr": progress.problem}
    return found


def succeeded(obj: Object) -> bool:
    """Of this generation, not of one before."""
    status = obj.get("status") or {}
    current = status.get("observedGeneration") == obj["metadata"].get("generation", 1)
    return current and any(item["type"] == "ReconcileSucceeded" for item in status.get("conditions") or [])
