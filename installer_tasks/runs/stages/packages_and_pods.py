"""Watches the packages reconcile and their pods start, until the parent package says that all is well.

A package that fails on the way is no end: kapp-controller tries again, and the vendor's start order makes pods crash
for some minutes. Only when nothing new gets well for STANDSTILL is it given up: what flips between two states does not
get on. The parent that fails by itself, because of its values or its bundle, is given up after GIVE_UP.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from installer_tasks.diagnosis.signs import own_words
from installer_tasks.errors import Stalled, SystemFailure
from installer_tasks.releases import Release
from installer_tasks.runs.stages.base import Context, Progress
from installer_tasks.runs.stages.systems import FailureDeadline, cluster_of
from installer_tasks.systems.cluster import carvel
from installer_tasks.systems.cluster.waiting import wait_for
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _
from installer_tasks.text import mark_plural as ngettext

#: kapp itself waits so long for one package; alarm when nothing moves for as long.
STANDSTILL = 15 * 60.0
DEADLINE = 90 * 60.0
#: kapp-controller has tried five times by then.
GIVE_UP = 90.0
INTERVAL = 1.0


@dataclass(frozen=True)
class Package:
    """A PackageInstall as the page shows it."""

    name: str
    wave: int
    state: carvel.State
    message: str
    version: str

    def as_json(self) -> dict[str, Any]:
        return {"name": self.name, "wave": self.wave, "state": self.state, "message": self.message}


@dataclass(frozen=True)
class Pod:
    """A pod as the page shows it: `Running`, `Completed`, `CrashLoopBackOff`, and how many containers are ready."""

    name: str
    phase: str
    ready: str
    well: bool

    def as_json(self) -> dict[str, Any]:
        return {"name": self.name, "phase": self.phase, "ready": self.ready}


@dataclass(frozen=True)
class Snapshot:
    """All packages and pods at one moment."""

    packages: tuple[Package, ...]
    pods: tuple[Pod, ...]

    @property
    def done(self) -> bool:
        return all(package.state == "succeeded" for package in self.packages)

    @property
    def well(self) -> int:
        return sum(pod.well for pod in self.pods)

    @property
    def names_of_well(self) -> set[str]:
        packages = {package.name for package in self.packages if package.state == "succeeded"}
        return packages | {f"pod {pod.name}" for pod in self.pods if pod.well}

    def as_json(self) -> dict[str, Any]:
        return {
            "packages": [package.as_json() for package in self.packages],
            "pods": [pod.as_json() for pod in self.pods],
            "packages_done": sum(package.state == "succeeded" for package in self.packages),
            "packages_total": len(self.packages),
            "pods_running": self.well,
            "pods_total": len(self.pods),
        }


class PackagesAndPods:
    slug = "packages-and-pods"
    title = _("Wait for packages and pods")
    doing = _("Packages are reconciling and pods are starting")
    systems: tuple[str, ...] = ("registry", "cluster", "services")
    shows = Progress.PACKAGES
    reads: tuple[str, ...] = ("bundle.release", "cluster.kubeconfig", "cluster.context")

    def is_done(self, context: Context) -> bool:
        snapshot = _look(context)
        if snapshot.done:
            context.report.progress(snapshot.as_json())
        return snapshot.done

    def run(self, context: Context) -> None:
        teller = _ChangeReporter(context)
        wait_for(
            lambda: _look(context),
            teller.tell,
            deadline=DEADLINE,
            describe=describe,
            cancelled=context.cancelled,
            on_wait=context.report.waiting_for,
            interval=INTERVAL,
        )
        context.report.event("packages.done", level="success")


class _ChangeReporter:
    """Shows each picture, tells what is new in it, and gives up when nothing gets on any more."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._report = context.report
        self._told: set[tuple[str, str]] = set()
        self._well: set[str] = set()
        self._moved = time.monotonic()
        self._parent = FailureDeadline(GIVE_UP)

    def tell(self, snapshot: Snapshot) -> bool:
        """Whether all is done."""
        self._report.progress(snapshot.as_json())
        for package in snapshot.packages:
            self._tell_package(package)
        parent = snapshot.packages[-1]
        self._parent.look(parent.state == "failed" and bool(own_words(parent.message)), lambda: _failed(parent))
        if not snapshot.names_of_well <= self._well:
            self._well |= snapshot.names_of_well
            self._moved = time.monotonic()
        elif time.monotonic() - self._moved > STANDSTILL:
            raise stands_still(snapshot)
        if not snapshot.done:
            self._context.watch()
        return snapshot.done

    def _tell_package(self, package: Package) -> None:
        """Each state of a package once, and each message of a failure once."""
        told = package.name, package.message if package.state == "failed" else package.state
        if told in self._told:
            return
        self._told.add(told)
        if package.state == "succeeded":
            self._report.event("package.reconciled", name=package.name, version=package.version)
        elif package.state == "failed":
            self._report.event("package.failed", level="warning", text=package.message, name=package.name)


def describe(snapshot: Snapshot | None) -> Text:
    """What is waited for now."""
    if snapshot is None:
        return text(_("the cluster to respond"))
    open_ones = [package.name for package in snapshot.packages if package.state != "succeeded"]
    return text(
        ngettext(
            "%(count)s package to reconcile: %(names)s; %(well)s of %(pods)s pods running",
            "%(count)s packages to reconcile: %(names)s; %(well)s of %(pods)s pods running",
        ),
        count=len(open_ones),
        names=", ".join(open_ones[:3]),
        well=snapshot.well,
        pods=len(snapshot.pods),
    )


def _failed(parent: Package) -> SystemFailure:
    return SystemFailure(
        text(_("Package %(name)s cannot be installed."), name=parent.name),
        value=parent.name,
        remedy=text(_("Read the package's own message, fix what it names, then resume.")),
        detail=parent.message,
        code="package-failed",
    )


def stuck_package(snapshot: Snapshot) -> Package:
    """The one that says most: a failed one with words of its own, a failed one, one that is there, any."""
    left = [package for package in snapshot.packages if package.state != "succeeded"]
    failed = sorted((each for each in left if each.state == "failed"), key=lambda each: not own_words(each.message))
    there = [each for each in left if each.state != "pending"]
    return (failed or there or left)[0]


def stands_still(snapshot: Snapshot) -> Stalled:
    """Names a child that is stuck: the parent's message only points to it."""
    stuck = stuck_package(snapshot)
    sick = [f"{pod.name}: {pod.phase} {pod.ready}" for pod in snapshot.pods if not pod.well]
    return Stalled(
        text(
            _("No progress for %(minutes)s minutes; package %(name)s is in state %(state)s."),
            minutes=round(STANDSTILL / 60),
            name=stuck.name,
            state=stuck.state,
        ),
        value=stuck.name,
        remedy=text(_("Check the status of this package and its pods, fix the problem, then resume.")),
        detail="\n".join([stuck.message, *sick[:20]]),
        code="packages-stalled",
    )


def _look(context: Context) -> Snapshot:
    context.check_cancelled()
    cluster, release = cluster_of(context), context.plan.known
    installs = cluster.list(carvel.PACKAGING, "PackageInstall", release.namespace)
    pods = cluster.list("v1", "Pod", release.namespace)
    return Snapshot(packages(installs, release), tuple(sorted(map(pod, pods), key=lambda found: found.name)))


def packages(installs: list[dict[str, Any]], release: Release) -> tuple[Package, ...]:
    """Every package of the release, there or not yet, by wave; then others in the namespace; the parent last."""
    found = {status.name: status for status in map(carvel.package_status, installs)}
    waves = {package.name: package.wave for package in release.packages}
    last = max(waves.values(), default=0) + 1
    names = [*waves, *sorted(set(found) - set(waves) - {release.install_name}), release.install_name]
    return tuple(_package(name, waves.get(name, last), found.get(name)) for name in names)


def _package(name: str, wave: int, status: carvel.PackageStatus | None) -> Package:
    if status is None:
        return Package(name, wave, "pending", "", "")
    return Package(name, wave, status.state, status.message, status.version)


def pod(obj: dict[str, Any]) -> Pod:
    status = obj.get("status") or {}
    containers = status.get("containerStatuses") or []
    expected = len((obj.get("spec") or {}).get("containers") or containers)
    ready = sum(bool(container.get("ready")) for container in containers)
    phase = _phase(status, containers)
    well = phase == "Completed" or (phase == "Running" and ready == expected)
    return Pod(obj["metadata"]["name"], phase, f"{ready}/{expected}", well)


def _phase(status: dict[str, Any], containers: list[dict[str, Any]]) -> str:
    """As kubectl's STATUS column: why a container waits says more than the phase."""
    phase = str(status.get("phase", "Pending"))
    if phase == "Succeeded":
        return "Completed"
    reasons = ((container.get("state") or {}).get("waiting") or {} for container in containers)
    return next((str(reason["reason"]) for reason in reasons if reason.get("reason")), phase)
