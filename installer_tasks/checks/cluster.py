"""Judging the cluster: versions, nodes, storage, packages and rights as facts/cluster.py observes them."""

from __future__ import annotations

from typing import Any

import yaml

from installer_tasks import releases
from installer_tasks.checks.base import Check, Facts, Failed, Level, Owner, Verdict, passed
from installer_tasks.text import mark as _
from installer_tasks.text import text

READS = ("cluster.kubeconfig", "cluster.context")
WITH_RELEASE = (*READS, "bundle.release")
REACHED = ("cluster.reachable",)
#: How a server refuses credentials: by 401, or during the handshake when they are a certificate.
REFUSED = ("kubernetes-unauthorized", "tls", "unreachable")


def _reachable(facts: Facts) -> Verdict:
    access = facts("cluster", "kubeconfig")
    try:
        version = facts("cluster", "version")
    except Failed as failure:
        if _expired(access) and failure.error["code"] in REFUSED:
            return _expired_credentials(access)
        raise
    return passed(
        _("%(server)s answers as Kubernetes %(version)s with a certificate of the kubeconfig's authority."),
        server=access["server"],
        version=version["git_version"],
        evidence={**access, **version},
    )


def _expired(access: dict[str, Any]) -> bool:
    return access["expires"] is not None and access["expires"]["seconds"] <= 0


def _expired_credentials(access: dict[str, Any]) -> Verdict:
    return Verdict(
        Level.FAIL,
        text(_("The credentials of the kubeconfig have expired.")),
        value=access["expires"]["at"],
        cause=text(
            _("Its %(kind)s was good until %(at)s, so the cluster turns it away."),
            kind=access["user"],
            at=access["expires"]["at"],
        ),
        remedy=text(_("Make a kubeconfig with new credentials, good for the whole installation, and upload it.")),
        command="kubectl -n kube-system create token <service-account> --duration=48h",
        evidence=access,
    )


def _minor(version: str) -> tuple[int, int]:
    major, minor = version.lstrip("v").split(".")[:2]
    return int(major), int("".join(filter(str.isdigit, minor)))


def _version_supported(facts: Facts) -> Verdict:
    found = facts("cluster", "version")["git_version"]
    low, high = releases.chosen(facts.answers).kubernetes
    if _minor(low) <= _minor(found) <= _minor(high):
        return passed(_("Kubernetes %(found)s is between %(low)s and %(high)s."), found=found, low=low, high=high)
    too_old = _minor(found) < _minor(low)
    return Verdict(
        Level.FAIL if too_old else Level.WARN,
        text(_("Kubernetes %(found)s is outside %(low)s to %(high)s."), found=found, low=low, high=high),
        value=found,
        cause=text(_("The release has been seen working from %(low)s to %(high)s."), low=low, high=high),
        remedy=text(_("Use a cluster in that range, or accept the risk with a waiver.")),
    )


def _rights(facts: Facts) -> Verdict:
    rights = facts("cluster", "rights")
    if not rights["missing"]:
        return passed(_("All %(count)d rights that the run uses are given."), count=rights["asked"])
    first = rights["missing"][0]
    return Verdict(
        Level.FAIL,
        text(
            _("%(count)d of %(asked)d needed rights are missing."), count=len(rights["missing"]), asked=rights["asked"]
        ),
        value=f"{first['verb']} {first['resource']}",
        cause=text(_("The kubeconfig's user may not %(verb)s %(resource)s."), **_words(first)),
        remedy=text(_("Use a kubeconfig of a cluster administrator, or have one apply this manifest.")),
        command=rights_manifest(rights["missing"], rights["user"] or "<user>"),
        evidence=rights,
    )


def rights_manifest(missing: list[dict[str, Any]], user: str) -> str:
    """A ClusterRole of the missing rights alone, bound to the user."""
    name = {"name": "tmc-sm-installer"}
    api_version = "rbac.authorization.k8s.io/v1"
    subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", **name}
    return yaml.safe_dump_all(
        (
            {"apiVersion": api_version, "kind": "ClusterRole", "metadata": name, "rules": _rules(missing)},
            {"apiVersion": api_version, "kind": "ClusterRoleBinding", "metadata": name, "subjects": [subject],
             "roleRef": role},
        ),
        sort_keys=False,
    )  # fmt: skip


def _rules(missing: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One rule a resource, with all its missing verbs."""
    verbs: dict[tuple[str, str], list[str]] = {}
    for right in missing:
        resource = str(right["resource"]).removesuffix(f".{right['group']}") if right["group"] else right["resource"]
        verbs.setdefault((right["group"], resource), []).append(right["verb"])
    return [
        {"apiGroups": [group], "resources": [resource], "verbs": allowed}
        for (group, resource), allowed in verbs.items()
    ]


def _words(right: dict[str, Any]) -> dict[str, str]:
    return {"verb": str(right["verb"]), "resource": str(right["resource"])}


def _default_storage_class(facts: Facts) -> Verdict:
    classes = facts("cluster", "storage_classes")
    default = [item["name"] for item in classes if item["default"]]
    if len(default) == 1:
        return passed(_("%(name)s is the one default StorageClass."), name=default[0], evidence={"classes": classes})
    return Verdict(
        Level.FAIL,
        text(_("%(count)d StorageClasses are the default; exactly one must be."), count=len(default)),
        value=", ".join(default or [item["name"] for item in classes]) or "storageclasses.storage.k8s.io",
        cause=text(_("The packages ask for volumes without naming a class.")),
        remedy=text(_("Mark exactly one StorageClass as the default.")),
        command="\n".join(_mark(name, "false") for name in default[1:])
        or _mark(classes[0]["name"] if classes else "<name>", "true"),
        evidence={"classes": classes},
    )


def _storage_provisioner(facts: Facts) -> Verdict:
    (default,) = (item for item in facts("cluster", "storage_classes") if item["default"])
    if default["provisioner"] != "kubernetes.io/no-provisioner":
        return passed(
            _("%(name)s is served by %(provisioner)s, binds %(binding)s and reclaims by %(reclaim)s."),
            **{key: default[key] or "?" for key in ("name", "provisioner", "binding", "reclaim")},
            evidence=default,
        )
    return Verdict(
        Level.FAIL,
        text(_("The default StorageClass %(name)s makes no volumes."), name=default["name"]),
        value=default["provisioner"],
        cause=text(_("It waits for volumes that somebody makes by hand, and the packages ask for about ten.")),
        remedy=text(_("Make a class with a CSI provisioner the default.")),
        command=_mark(default["name"], "false"),
        evidence=default,
    )


def _mark(name: str, default: str) -> str:
    return f"kubectl annotate --overwrite storageclass {name} storageclass.kubernetes.io/is-default-class={default}"


def _kapp_controller(facts: Facts) -> Verdict:
    found = facts("cluster", "kapp_controller")
    if not (found["namespace"] and found["resources"]):
        return Verdict(
            Level.FAIL,
            text(_("kapp-controller is not in this cluster.")),
            value="packageinstalls.packaging.carvel.dev",
            cause=text(_("The cluster does not serve packaging.carvel.dev, or has no kapp-controller deployment.")),
            remedy=text(_("Install kapp-controller (on Tanzu clusters it comes with the cluster).")),
            evidence=found,
        )
    where = f"{found['namespace']}/{found['name']}"
    if not found["available"]:
        return Verdict(
            Level.FAIL,
            text(_("kapp-controller does not run.")),
            value=where,
            cause=text(_("Its deployment has no available pod, so no package would be installed.")),
            remedy=text(_("Look why its pod does not start, and mend that.")),
            command=f"kubectl -n {found['namespace']} describe pods -l app=kapp-controller",
            evidence=found,
        )
    return passed(
        _("kapp-controller runs in %(namespace)s and serves packages."),
        namespace=found["namespace"],
        evidence=found,
    )


def _leftovers(facts: Facts) -> Verdict:
    left = facts("cluster", "leftovers")
    if not left["objects"]:
        return passed(_("Nothing of an earlier installation is in %(namespace)s."), namespace=left["namespace"])
    return Verdict(
        Level.WARN,
        text(
            _("%(count)d objects of an earlier installation are in %(namespace)s."),
            count=len(left["objects"]),
            namespace=left["namespace"],
        ),
        value=", ".join(left["objects"][:5]),
        cause=text(
            _("Secrets and volumes survive the deletion of the packages; old certificates then mix with new ones.")
        ),
        remedy=text(
            _(
                "Resuming is fine. For a fresh start undo the last run on its page, or remove the packages and then the "
                "namespace; in the other order it waits for them for ever."
            )
        ),
        command=_to_clear(left["namespace"], left["objects"]),
        evidence=left,
    )


def _to_clear(namespace: str, objects: list[str]) -> str:
    """The package that holds the others takes them with it; only with the accounts of the namespace it can."""
    installs = [name.partition("/")[2] for name in objects if name.startswith("PackageInstall/")]
    parents = [name for name in installs if name in {releases.get(known).install_name for known in releases.known()}]
    first = f"kubectl delete packageinstall {' '.join(parents or installs)} -n {namespace} && " if installs else ""
    return f"{first}kubectl delete namespace {namespace}"


def _no_other_contour(facts: Facts) -> Verdict:
    others = list(facts("cluster", "other_contours"))
    if not others:
        return passed(_("No other Contour is in this cluster."))
    return Verdict(
        Level.FAIL,
        text(_("Another Contour runs in this cluster.")),
        value=", ".join(others),
        cause=text(_("The release brings its own Contour, and two of them fight over the same HTTPProxies.")),
        remedy=text(_("Use a cluster of its own for TMC-SM, or remove the other Contour.")),
    )


CHECKS = (
    Check("cluster.reachable", _("The cluster answers, with the right certificate"), Owner.PLATFORM, READS, _reachable,
          strict=True),
    Check("cluster.version-supported", _("The Kubernetes version suits the release"), Owner.PLATFORM, WITH_RELEASE,
          _version_supported, needs=REACHED),
    Check("cluster.rights", _("The kubeconfig's user has every right the run needs"), Owner.PLATFORM, READS, _rights,
          needs=REACHED),
    Check("cluster.default-storage-class", _("There is exactly one default StorageClass"), Owner.PLATFORM, READS,
          _default_storage_class, needs=REACHED),
    Check("cluster.storage-provisioner", _("The default StorageClass makes volumes by itself"), Owner.PLATFORM, READS,
          _storage_provisioner, needs=("cluster.default-storage-class",)),
    Check("cluster.kapp-controller", _("kapp-controller serves packages"), Owner.PLATFORM, READS, _kapp_controller,
          needs=REACHED),
    Check("cluster.leftovers", _("Nothing is left of an earlier installation"), Owner.PLATFORM, WITH_RELEASE, _leftovers,
          needs=REACHED),
    Check("cluster.no-other-contour", _("No second Contour is in the cluster"), Owner.PLATFORM, WITH_RELEASE,
          _no_other_contour, needs=REACHED),
)  # fmt: skip
