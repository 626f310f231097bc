"""Watches the packages reconcile and their pods start, until the parent package says that all is well.

A package that fails on the way is no end: kapp-controller tries again, and the vendor's start order makes pods crash
for some minutes. Only when nothing at all moves for STANDSTILL is it given up, and the error names what stands still.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from installer_tasks.cluster import carvel
from installer_tasks.cluster.waiting import wait_for
from installer_tasks.errors import Stalled
from installer_tasks.releases import Release
from installer_tasks.stages.base import Context, Reporter
from installer_tasks.stages.systems import cluster_of
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

#: kapp itself waits so long for one package; alarm when nothing moves for as long.
STANDSTILL = 15 * 60.0
DEADLINE = 90 * 60.0
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
class Picture:
    """All packages and pods at one moment."""

    packages: tuple[Package, ...]
    pods: tuple[Pod, ...]

    @property
    def done(self) -> bool:
        return all(package.state == "succeeded" for package in self.packages)

    @property
    def well(self) -> int:
        return sum(pod.well for pod in self.pods)

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
    reads: tuple[str, ...] = ("bundle.release", "cluster.kubeconfig", "cluster.context")

    def is_done(self, context: Context) -> bool:
        picture = _look(context)
        if picture.done:
            context.report.progress(picture.as_json())
        return picture.done

    def run(self, context: Context) -> None:
        teller = _Teller(context.report)
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


class _Teller:
    """Shows each picture, tells what changed since the last, and gives up when nothing changes any more."""

    def __init__(self, report: Reporter) -> None:
        self._report = report
        self._states: dict[str, str] = {}
        self._last: tuple[object, ...] = ()
        self._moved = time.monotonic()

    def tell(self, picture: Picture) -> bool:
        """Whether all is done."""
        self._report.progress(picture.as_json())
        for package in picture.packages:
            self._tell_package(package)
        seen = tuple((package.name, package.state) for package in picture.packages), picture.well
        if seen != self._last:
            self._last, self._moved = seen, time.monotonic()
        elif time.monotonic() - self._moved > STANDSTILL:
            raise stands_still(picture)
        return picture.done

    def _tell_package(self, package: Package) -> None:
        before = self._states.get(package.name, "pending")
        self._states[package.name] = package.state
        if package.state == before:
            return
        if package.state == "succeeded":
            self._report.event("package.reconciled", name=package.name, version=package.version)
        elif package.state == "failed":
            self._report.event("package.failed", level="warning", text=package.message, name=package.name)


def describe(picture: Picture | None) -> Text:
    """What is waited for now."""
    if picture is None:
        return text(_("The cluster answers"))
    open_ones = [package.name for package in picture.packages if package.state != "succeeded"]
    return text(
        _("%(count)s packages reconcile: %(names)s; %(well)s of %(pods)s pods run"),
        count=len(open_ones),
        names=", ".join(open_ones[:3]),
        well=picture.well,
        pods=len(picture.pods),
    )


def stands_still(picture: Picture) -> Stalled:
    """Names the first child that is not there: the parent's message only points to it."""
    stuck = next(package for package in picture.packages if package.state != "succeeded")
    sick = [f"{pod.name}: {pod.phase} {pod.ready}" for pod in picture.pods if not pod.well]
    return Stalled(
        text(
            _("Nothing has moved for %(minutes)s minutes; package %(name)s is %(state)s."),
            minutes=round(STANDSTILL / 60),
            name=stuck.name,
            state=stuck.state,
        ),
        value=stuck.name,
        remedy=text(_("See what this package and its pods say, mend that, then resume.")),
        detail="\n".join([stuck.message, *sick[:20]]),
        code="packages-stalled",
    )


def _look(context: Context) -> Picture:
    context.check_cancelled()
    cluster, release = cluster_of(context), context.plan.known
    installs = cluster.list(carvel.PACKAGING, "PackageInstall", release.namespace)
    pods = cluster.list("v1", "Pod", release.namespace)
    return Picture(packages(installs, release), tuple(sorted(map(pod, pods), key=lambda found: found.name)))


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
