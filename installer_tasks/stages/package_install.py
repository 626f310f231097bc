"""The parent package with its values: what `tanzu package install` creates, by server-side apply."""

from __future__ import annotations

import base64
from typing import Any

from installer_tasks.cluster import carvel
from installer_tasks.errors import Conflict
from installer_tasks.stages.base import Context
from installer_tasks.stages.systems import cluster_of
from installer_tasks.text import mark as _
from installer_tasks.text import text


class PackageInstall:
    slug = "package-install"
    title = _("Install the package")
    reads: tuple[str, ...] = (
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
        "services.service_type",
        "services.load_balancer_ip",
        "services.load_balancer_class",
        "services.telemetry",
    )

    def is_done(self, context: Context) -> bool:
        """Everything is there, with these values and this version."""
        return all(self._stands(context, wanted) for wanted in _objects(context))

    def run(self, context: Context) -> None:
        self._check_no_other(context)
        for wanted in _objects(context):
            context.check_cancelled()
            cluster_of(context).apply(wanted, force=True)
            metadata = wanted["metadata"]
            context.report.event("install.applied", kind=wanted["kind"], name=metadata["name"])

    def undo(self, context: Context) -> None:
        """The other way round: while the PackageInstall is there, its account must be able to remove what it made."""
        for wanted in reversed(_objects(context)):
            metadata = wanted["metadata"]
            cluster_of(context).delete(
                wanted["apiVersion"], wanted["kind"], metadata["name"], metadata.get("namespace", "")
            )

    def _stands(self, context: Context, wanted: dict[str, Any]) -> bool:
        metadata = wanted["metadata"]
        found = cluster_of(context).find(
            wanted["apiVersion"], wanted["kind"], metadata["name"], metadata.get("namespace", "")
        )
        if found is None:
            return False
        if wanted["kind"] == "Secret":
            return _values(found) == _values(wanted)
        return wanted["kind"] != "PackageInstall" or _chosen(found) == _chosen(wanted)

    def _check_no_other(self, context: Context) -> None:
        """The package may be installed under another name; a second one of it would fight with the first."""
        release = context.plan.known
        for found in cluster_of(context).list(carvel.PACKAGING, "PackageInstall", release.namespace):
            name = found["metadata"]["name"]
            if _chosen(found)[0] == release.ref_name and name != release.install_name:
                raise _other(name, release.namespace)


def _objects(context: Context) -> tuple[dict[str, Any], ...]:
    plan, release = context.plan, context.plan.known
    names = carvel.Names(release.install_name, release.namespace)
    return carvel.install_objects(names, release.ref_name, release.version, plan.values_yaml(masked=False))


def _values(secret: dict[str, Any]) -> bytes:
    return base64.b64decode((secret.get("data") or {}).get("values.yaml", ""))


def _chosen(install: dict[str, Any]) -> tuple[str, str, list[Any]]:
    spec = install.get("spec") or {}
    package = spec.get("packageRef") or {}
    version = (package.get("versionSelection") or {}).get("constraints", "")
    return str(package.get("refName", "")), str(version), list(spec.get("values") or [])


def _other(name: str, namespace: str) -> Conflict:
    return Conflict(
        text(_("TMC is installed in %(namespace)s already, under the name %(name)s."), namespace=namespace, name=name),
        value=name,
        remedy=text(
            _("Remove it first: tanzu package installed delete %(name)s -n %(namespace)s"),
            name=name,
            namespace=namespace,
        ),
        code="install-other-name",
        retry=False,
    )
