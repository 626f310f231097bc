"""What the plan wants in the cluster around the parent package, and whether that is what stands there."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from installer_tasks import answer_keys
from installer_tasks.runs.stages.base import Context
from installer_tasks.runs.stages.systems import cluster_of
from installer_tasks.systems.cluster import carvel

Object = dict[str, Any]
#: The answers that the objects are made of.
READS = (
    "bundle.release",
    "cluster.kubeconfig",
    "cluster.context",
    "dns.zone",
    "identity.kind",
    "identity.issuer_url",
    "identity.client_id",
    "identity.client_secret",
    "identity.ca",
    "identity.groups_claim",
    "identity.scopes",
    "identity.ldap_type",
    "identity.ldap_host",
    "identity.ldap_ca",
    "identity.ldap_username",
    "identity.ldap_password",
    "identity.ldap_domain",
    "identity.ldap_user_base",
    "identity.ldap_user_filter",
    "identity.ldap_user_attribute",
    "identity.ldap_group_base",
    "identity.ldap_group_filter",
    "identity.admin_group",
    "identity.member_group",
    "registry.project",
    "registry.ca",
    "certificates.cluster_issuer",
    "certificates.ca",
    "services.size",
    "services.postgres_password",
    "services.postgres_max_connections",
    "services.minio_username",
    "services.minio_password",
    "services.redis_password",
    "services.service_type",
    "services.load_balancer_ip",
    "services.load_balancer_class",
    "services.telemetry",
    answer_keys.DESCRIBED,
    answer_keys.SETTINGS,
)


@dataclass(frozen=True)
class Change:
    """Something that is not as planned, and who wrote it last, as far as the cluster knows."""

    what: str  #: `Secret tmc-local/tanzu-mission-control-tmc-local-values`
    found: str
    wanted: str
    manager: str = ""

    def __str__(self) -> str:
        by = f", written by {self.manager}" if self.manager else ""
        return f"{self.what}: {self.found} instead of {self.wanted}{by}"


def objects(context: Context) -> tuple[Object, ...]:
    return made(context, context.plan.values_yaml(masked=False))


def made(context: Context, values_yaml: str = "") -> tuple[Object, ...]:
    """Without the values, which nobody needs to remove what was made of them."""
    release = context.plan.known
    names = carvel.Names(release.install_name, release.namespace)
    return carvel.install_objects(names, release.ref_name, release.version, values_yaml)


def stands(context: Context, wanted: Object) -> bool:
    found = _find(context, wanted)
    return found is not None and _same(found, wanted)


def changes(context: Context) -> Iterator[Change]:
    """Everything of ours that is gone or different."""
    for wanted in objects(context):
        found, what = _find(context, wanted), _named(wanted)
        if found is None:
            yield Change(what, "nothing", "what was applied")
        elif not _same(found, wanted):
            yield Change(what, "other content", "what was applied", _manager(found, wanted["kind"]))
    yield from _version(context)
    yield from _repository(context)


def _version(context: Context) -> Iterator[Change]:
    """Of the parent; those of its children are its own business."""
    release = context.plan.known
    name, namespace = release.install_name, release.namespace
    found = cluster_of(context).find(carvel.PACKAGING, "PackageInstall", name, namespace)
    version = carvel.package_status(found).version if found else ""
    if version and version != release.version:
        yield Change(f"PackageInstall {namespace}/{name}", version, release.version)


def _repository(context: Context) -> Iterator[Change]:
    release = context.plan.known
    wanted = release.repository_image(context.plan.project)
    name, namespace = release.repository_name, release.namespace
    found = cluster_of(context).find(carvel.PACKAGING, "PackageRepository", name, namespace)
    image = carvel.repository_image(found) if found else "nothing"
    if image != wanted:
        yield Change(f"PackageRepository {namespace}/{name}", image, wanted, _manager(found or {}, "PackageRepository"))


def _find(context: Context, wanted: Object) -> Object | None:
    metadata = wanted["metadata"]
    return cluster_of(context).find(
        wanted["apiVersion"], wanted["kind"], metadata["name"], metadata.get("namespace", "")
    )


def _same(found: Object, wanted: Object) -> bool:
    if wanted["kind"] == "Secret":
        return _values(found) == _values(wanted)
    return wanted["kind"] != "PackageInstall" or chosen(found) == chosen(wanted)


def _values(secret: Object) -> bytes:
    return base64.b64decode((secret.get("data") or {}).get("values.yaml", ""))


def chosen(install: Object) -> tuple[str, str, list[Any]]:
    """Package, version and values of a PackageInstall."""
    spec = install.get("spec") or {}
    package = spec.get("packageRef") or {}
    version = (package.get("versionSelection") or {}).get("constraints", "")
    return str(package.get("refName", "")), str(version), list(spec.get("values") or [])


def _named(obj: Object) -> str:
    metadata = obj["metadata"]
    place = "/".join(filter(None, (metadata.get("namespace", ""), metadata["name"])))
    return f"{obj['kind']} {place}"


def _manager(found: Mapping[str, Any], kind: str) -> str:
    """Who wrote its content last."""
    part = "f:data" if kind == "Secret" else "f:spec"
    entries = [
        (str(entry.get("time", "")), str(entry.get("manager", "")))
        for entry in (found.get("metadata") or {}).get("managedFields") or []
        if part in (entry.get("fieldsV1") or {}) and entry.get("subresource") != "status"
    ]
    return max(entries)[1] if entries else ""
