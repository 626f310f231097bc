"""PackageInstalls of the TMC package and its children: fetch, template, deploy, wait; the parent succeeds last."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass, field

import yaml

from installer_tasks.rehearsal.controllers import catalogue, kapp, ytt
from installer_tasks.rehearsal.controllers.certificates import is_ready as is_issued
from installer_tasks.rehearsal.controllers.issuing import Issued
from installer_tasks.rehearsal.controllers.objects import Object
from installer_tasks.rehearsal.controllers.packages import Values, wanted_package
from installer_tasks.rehearsal.controllers.removal import Removals
from installer_tasks.rehearsal.controllers.status import PhaseFailed, Progress, app_status, install_status, succeeded
from installer_tasks.rehearsal.controllers.workloads import is_ready
from installer_tasks.rehearsal.controllers.world import World
from installer_tasks.releases import Package, Release

PREPARING = 0.005  #: share of an installation for fetch and template together
LOOK_AGAIN = 0.5  #: seconds
KAPPCTRL = "kappctrl.k14s.io/v1alpha1"

Waits = dict[str, str]  #: what kapp waits for: resource and why


@dataclass
class _Attempt:
    """One reconciliation: of one generation of the install, with one set of values."""

    fingerprint: str
    progress: Progress = field(default_factory=Progress)
    transcript: kapp.Transcript = field(default_factory=kapp.Transcript)
    settings: Object = field(default_factory=dict)  #: the parent's values, once they are known to be good


class Installs:
    kinds = ("PackageInstall",)

    def __init__(self, world: World) -> None:
        self._world = world
        self._attempts: dict[str, _Attempt] = {}
        self._removals = Removals(world)

    def reconcile(self, obj: Object) -> float | None:
        if "deletionTimestamp" in obj["metadata"]:
            return self._removals.advance(obj)
        obj = self._removals.protect(obj)
        values = Values.of(self._world.desk, obj)
        attempt = self._attempt(obj, values)
        if obj["spec"].get("paused"):
            seen = {"observedGeneration": obj["metadata"].get("generation", 1)}
            status = {**(obj.get("status") or {}), **seen, "friendlyDescription": "Canceled/paused"}
            self._world.desk.status(obj, status)
            return None
        if attempt.progress.state == "succeeded":
            return None
        try:
            again = self._advance(obj, attempt, values)
        except PhaseFailed as failure:
            attempt.progress.fail(failure.phase, str(failure))
            again = LOOK_AGAIN
        self._report(obj, attempt)
        return again

    def _attempt(self, obj: Object, values: Values) -> _Attempt:
        uid, fingerprint = obj["metadata"]["uid"], values.fingerprint(obj)
        known = self._attempts.get(uid)
        if known is None or known.fingerprint != fingerprint:
            known = self._attempts[uid] = _Attempt(fingerprint)
        return known

    def _advance(self, obj: Object, attempt: _Attempt, values: Values) -> float | None:
        release, package = wanted_package(self._world.desk, obj)
        if not attempt.settings:
            self._check(obj, release, package, values)
            attempt.settings = yaml.safe_load(values.parent) or {}
        key = ("install", obj["metadata"]["uid"], attempt.fingerprint)
        left = self._world.left(PREPARING, "prepare", *key)
        if left > 0:
            return left
        settings = attempt.settings
        if package is None:
            left, waits = 0.0, self._deploy_parent(obj, attempt.transcript, release)
        else:
            left = self._world.left(catalogue.share(package), "deploy", *key)
            objects = catalogue.child_objects(release, package, obj["metadata"]["namespace"], settings)
            waits = self._deploy_child(obj, attempt.transcript, objects)
        if waits or left > 0:
            self._check_patience(waits, key)
            attempt.progress.at("deploy")
            return min(LOOK_AGAIN, left) if left > 0 else LOOK_AGAIN
        attempt.progress.at("deploy")
        attempt.progress.succeed()
        attempt.transcript.finish()
        if package is None:
            self._announce(obj, release, settings)
        return None

    def _check(self, obj: Object, release: Release, package: Package | None, values: Values) -> None:
        """What kapp-controller looks at before it deploys anything."""
        account, namespace = obj["spec"].get("serviceAccountName", ""), obj["metadata"]["namespace"]
        failing = self._world.hooks.failing(obj)
        if failing is not None:
            raise PhaseFailed(*failing)
        if values.own is None:
            name = obj["spec"]["values"][0]["secretRef"]["name"]
            raise PhaseFailed("template", f'Templating dir: secrets "{name}" not found')
        problem = ytt.validate(values.own, release.values_schema) if package is None else ""
        if problem:
            raise PhaseFailed("template", problem)
        if self._world.desk.get("ServiceAccount", account, namespace) is None:
            raise PhaseFailed(
                "deploy", f'Preparing kapp: Getting service account: serviceaccounts "{account}" not found'
            )

    def _check_patience(self, waits: Waits, key: tuple[str, ...]) -> None:
        if waits and self._world.clock.since("give-up", *key) > self._world.pace.give_up:
            names = ", ".join(sorted(waits))
            raise PhaseFailed("deploy", f"kapp: Error: Timed out waiting after 15m0s for resources: [{names}]")

    def _deploy_parent(self, obj: Object, transcript: kapp.Transcript, release: Release) -> Waits:
        """Children wave by wave; waves overlap."""
        namespace = obj["metadata"]["namespace"]
        groups = {package.name: catalogue.child_install(package, namespace) for package in release.packages}
        rights = catalogue.install_rights(namespace)
        transcript.expect(len(rights) + sum(map(len, groups.values())))
        for item in self._put(rights, obj, transcript):
            transcript.done(item)
        done = {name for name in groups if self._is_done(name, namespace)}
        begun = [package for package in release.packages if may_begin(package, release.packages, done)]
        stored = self._put([obj for package in begun for obj in groups[package.name]], obj, transcript)
        children = {item["metadata"]["name"]: item for item in stored if item["kind"] == "PackageInstall"}
        for item in stored:
            if item["kind"] != "PackageInstall":
                transcript.done(item)
        waits: Waits = {
            kapp.resource(groups[package.name][-1]): "not yet created"
            for package in release.packages
            if package.name not in children
        }
        for name, child in children.items():
            self._look_at(child, name in done, transcript, waits)
        return waits

    def _look_at(self, child: Object, done: bool, transcript: kapp.Transcript, waits: Waits) -> None:
        """Raises PhaseFailed as kapp does when the child says that it has failed."""
        if done:
            transcript.done(child)
            return
        problem = str((child.get("status") or {}).get("usefulErrorMessage", ""))
        if problem:
            words = f"Finished unsuccessfully (Reconcile failed:  (message: {problem}))"
            raise PhaseFailed("deploy", f"kapp: Error: waiting on reconcile {kapp.resource(child)}:\n  {words}")
        waits[kapp.resource(child)] = "Reconciling"
        transcript.ongoing(child, "Reconciling")

    def _is_done(self, name: str, namespace: str) -> bool:
        child = self._world.desk.get("PackageInstall", name, namespace)
        if child is None or not succeeded(child):
            return False
        # A success with the values of before does not count.
        return self._attempt(child, Values.of(self._world.desk, child)).progress.state == "succeeded"

    def _deploy_child(self, obj: Object, transcript: kapp.Transcript, objects: list[Object]) -> Waits:
        transcript.expect(len(objects))
        waits: Waits = {}
        for stored in self._put(objects, obj, transcript):
            why = _unready(stored)
            if why:
                waits[kapp.resource(stored)] = why
                transcript.ongoing(stored, why)
            else:
                transcript.done(stored)
        return waits

    def _put(self, objects: Iterable[Object], owner: Object, transcript: kapp.Transcript) -> list[Object]:
        stored = [self._world.desk.ensure(obj, owner=owner) for obj in objects]
        transcript.applied(stored)
        return stored

    def _report(self, obj: Object, attempt: _Attempt) -> None:
        name = {"name": obj["metadata"]["name"], "namespace": obj["metadata"]["namespace"]}
        account = obj["spec"].get("serviceAccountName", "")
        app = {"apiVersion": KAPPCTRL, "kind": "App", "metadata": name, "spec": {"serviceAccountName": account}}
        stored = self._world.desk.ensure(app, owner=obj)
        self._world.desk.status(stored, app_status(stored, attempt.progress, str(attempt.transcript)))
        self._world.desk.status(obj, install_status(obj, attempt.progress))

    def _announce(self, obj: Object, release: Release, settings: Object) -> None:
        """The estate now publishes the names, with the certificates of their Secrets."""
        zone = str(settings.get("dnsZone", ""))
        certificates: dict[str, Issued] = {}
        for wanted in release.certificates:
            secret = self._world.desk.get("Secret", wanted.secret, obj["metadata"]["namespace"])
            if secret is not None:
                issued = _issued(secret)
                certificates |= {f"{host}.{zone}" if host else zone: issued for host in wanted.hosts}
        self._world.hooks.on_ready(settings, certificates)


def may_begin(package: Package, packages: Iterable[Package], done: set[str]) -> bool:
    """A wave begins when the one before it has begun to succeed, and all earlier ones are done."""
    before = [other for other in packages if other.wave == package.wave - 1]
    earlier = [other for other in packages if other.wave < package.wave - 1]
    return all(other.name in done for other in earlier) and (not before or any(other.name in done for other in before))


def _unready(obj: Object) -> str:
    """Why kapp still waits for it; empty when it does not."""
    kind = obj["kind"]
    if kind == "Certificate" and not is_issued(obj):
        return "Condition Ready is not True"
    if kind == "Service" and obj["spec"].get("type") == "LoadBalancer":
        ingress = (obj.get("status") or {}).get("loadBalancer", {}).get("ingress")
        return "" if ingress else "Load balancer ingress is empty"
    if kind == "HTTPProxy" and (obj.get("status") or {}).get("currentStatus") != "valid":
        return "HTTPProxy is not valid"
    if kind in ("Deployment", "StatefulSet", "DaemonSet", "Job") and not is_ready(obj):
        return "Waiting for pods to be ready"
    return ""


def _issued(secret: Object) -> Issued:
    data = {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}
    return Issued(data["tls.crt"], data["tls.key"], data.get("ca.crt", ""))
