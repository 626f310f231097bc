"""Which package of which release a PackageInstall asks for, and with which values."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass

from installer_tasks.rehearsal import releases
from installer_tasks.rehearsal.controllers.objects import Object, ObjectClient
from installer_tasks.rehearsal.controllers.status import PhaseFailed
from installer_tasks.releases import Package, Release


@dataclass(frozen=True)
class Values:
    """What the user gave, and what the parent of the namespace was given: children deploy by that."""

    own: str | None  #: None when the Secret is missing
    parent: str

    @classmethod
    def of(cls, desk: ObjectClient, install: Object) -> Values:
        parent = parent_install(desk, install["metadata"]["namespace"])
        return cls(_text(desk, install), (_text(desk, parent) or "") if parent is not None else "")

    def fingerprint(self, install: Object) -> str:
        """Changes with the install and with any of its values."""
        content = json.dumps([install["metadata"].get("generation", 1), self.own, self.parent])
        return hashlib.sha256(content.encode()).hexdigest()


def _text(desk: ObjectClient, install: Object) -> str | None:
    texts: list[str] = []
    for source in install["spec"].get("values") or []:
        name = (source.get("secretRef") or {}).get("name", "")
        secret = desk.get("Secret", name, install["metadata"]["namespace"])
        if secret is None:
            return None
        texts += [base64.b64decode(value).decode("utf-8", "replace") for value in (secret.get("data") or {}).values()]
    return "\n".join(texts)


def parent_install(desk: ObjectClient, namespace: str) -> Object | None:
    """The install of TMC-SM itself in this namespace."""
    parents = {releases.get(version).ref_name for version in releases.playable()}
    found = desk.objects("PackageInstall", namespace)
    return next((item for item in found if item["spec"]["packageRef"].get("refName") in parents), None)


def wanted_package(desk: ObjectClient, install: Object) -> tuple[Release, Package | None]:
    """The release, and which child of it; None for the parent. Raises PhaseFailed in kapp-controller's words."""
    reference = install["spec"].get("packageRef") or {}
    name = str(reference.get("refName", ""))
    version = str((reference.get("versionSelection") or {}).get("constraints", ""))
    packages = desk.objects("Package", install["metadata"]["namespace"])
    offered = [item["spec"]["version"] for item in packages if item["spec"]["refName"] == name]
    if not offered:
        raise PhaseFailed("fetch", f"Package {name} not found")
    if version not in offered:
        count = len(offered)
        filters = f"all={count} -> after-prereleases-filter={count} -> after-constraints-filter=0"
        raise PhaseFailed("fetch", f"Expected to find at least one version, but did not (details: {filters})")
    return _known(desk, install, name, version)


def _known(desk: ObjectClient, install: Object, name: str, version: str) -> tuple[Release, Package | None]:
    """Two releases may have the same package: which of them it is, the parent says."""
    parent = parent_install(desk, install["metadata"]["namespace"])
    release = releases.get(_version(parent or install) if parent or version in releases.playable() else version)
    if (name, version) == (release.ref_name, release.version):
        return release, None
    found = [package for package in release.packages if (name, version) == (package.ref_name, package.version)]
    if not found:
        raise PhaseFailed("fetch", f"Package {name} not found")
    return release, found[0]


def _version(install: Object) -> str:
    return str((install["spec"].get("packageRef") or {}).get("versionSelection", {}).get("constraints", ""))
