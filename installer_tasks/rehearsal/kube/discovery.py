"""What the API serves, told to clients: groups, versions, resources."""

from __future__ import annotations

from typing import Any

from installer_tasks.rehearsal.kube.resources import REVIEWS, Served, review_discovery

Object = dict[str, Any]
VERSION = {
    "major": "1",
    "minor": "30",
    "gitVersion": "v1.30.2",
    "gitCommit": "39683505b630ff2121012f3c5b16215a1449d5ed",
    "gitTreeState": "clean",
    "buildDate": "2024-06-11T20:21:00Z",
    "goVersion": "go1.22.4",
    "compiler": "gc",
    "platform": "linux/amd64",
}


def version(git_version: str) -> Object:
    """The document of this version; what else it says is that of the usual one."""
    return VERSION | {"minor": git_version.split(".")[1], "gitVersion": git_version}


OLD = VERSION | {"minor": "22", "gitVersion": "v1.22.17+vmware.1", "buildDate": "2022-12-08T09:40:00Z"}


def answer(path: str, served: Served, address: str) -> Object | None:
    """The discovery document at a path, or None."""
    parts = path.strip("/").split("/")
    if parts == ["api"]:
        servers = [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}]
        return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": servers}
    if parts == ["api", "v1"]:
        return _resources(served, "", "v1")
    if parts == ["apis"]:
        groups = [_group(name, versions) for name, versions in sorted(group_versions(served).items()) if name]
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
    if parts[0] == "apis" and parts[1] in group_versions(served):
        versions = group_versions(served)[parts[1]]
        if len(parts) == 2:
            return {"kind": "APIGroup", "apiVersion": "v1", **_group(parts[1], versions)}
        if len(parts) == 3 and parts[2] in versions:
            return _resources(served, parts[1], parts[2])
    return None


def group_versions(served: Served) -> dict[str, list[str]]:
    """Versions of each group, stable ones first."""
    found: dict[str, set[str]] = {group: {"v1"} for group, _resource in REVIEWS}
    for resource in served.all():
        found.setdefault(resource.gvr.group, set()).add(resource.gvr.version)
    return {group: sorted(versions, key=lambda v: ("alpha" in v, "beta" in v, v)) for group, versions in found.items()}


def _group(name: str, versions: list[str]) -> Object:
    listed = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": listed, "preferredVersion": listed[0]}


def _resources(served: Served, group: str, version: str) -> Object:
    found = [
        entry
        for resource in served.all()
        if (resource.gvr.group, resource.gvr.version) == (group, version)
        for entry in resource.discovery()
    ]
    if version == "v1":
        found += review_discovery(group)
    name = f"{group}/{version}" if group else version
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": name, "resources": found}
