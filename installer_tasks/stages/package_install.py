"""The parent package with its values: what `tanzu package install` creates, by server-side apply."""

from __future__ import annotations

import base64
from typing import Any

from installer_tasks.cluster import carvel
from installer_tasks.errors import Conflict
from installer_tasks.stages import removal
from installer_tasks.stages.base import Context
from installer_tasks.stages.systems import cluster_of
from installer_tasks.text import mark as _
from installer_tasks.text import text

#: kapp waits 15 minutes for what it deletes, then tries again.
REMOVAL = 30 * 60.0
LET_GO = '\'{"metadata":{"finalizers":null}}\''


class PackageInstall:
    slug = "package-install"
    title = _("Install the package")
    undo_title = _("Remove the packages")
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

    def is_undone(self, context: Context) -> bool:
        return all(removal.find(context, made) is None for made in _objects(context))

    def undo(self, context: Context) -> None:
        """The PackageInstall first: kapp-controller removes with its account what it made with it."""
        *rights, values, install = _objects(context)
        if removal.find(context, install) is not None:
            _require_lasting_namespace(context)
            for right in rights:  # whoever removed them by hand has kapp-controller try for ever
                cluster_of(context).apply(right, force=True)
            removal.remove(context, install, deadline=REMOVAL, others=lambda: _children(context), said=_said)
        for made in (values, *reversed(rights)):
            removal.remove(context, made, deadline=60.0)

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


def _children(context: Context) -> tuple[str, ...]:
    """Names of the packages that are still there, without the one that holds them."""
    release = context.plan.known
    found = cluster_of(context).list(carvel.PACKAGING, "PackageInstall", release.namespace)
    names = (str(each["metadata"]["name"]) for each in found)
    return tuple(sorted(name for name in names if name != release.install_name))


def _said(install: dict[str, Any]) -> str:
    return carvel.package_status(install).message


def _require_lasting_namespace(context: Context) -> None:
    """Deleting a namespace takes the accounts at once; kapp-controller then cannot remove what it made."""
    name = context.plan.known.namespace
    found = cluster_of(context).find("v1", "Namespace", name)
    if found is None or "deletionTimestamp" not in found["metadata"]:
        return
    template = _(
        "Let go of them, then resume: kubectl patch packageinstall -n %(namespace)s %(names)s --type=merge -p %(patch)s"
    )
    names = " ".join((*_children(context), context.plan.known.install_name))
    raise Conflict(
        text(_("The namespace %(namespace)s is being deleted, and waits for its packages for ever."), namespace=name),
        value=name,
        remedy=text(template, namespace=name, names=names, patch=LET_GO),
        code="undo-namespace-terminating",
        retry=False,
    )


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
