"""Judging the cluster: versions, nodes, storage, packages and rights as facts/cluster.py observes them."""

from __future__ import annotations

from shlex import quote

import yaml

from installer_tasks import releases
from installer_tasks.preflight.checks.base import Check, Facts, Failed, Level, Owner, Verdict, passed
from installer_tasks.preflight.shapes import cluster as shapes
from installer_tasks.systems.cluster.rights import NEEDED, rules
from installer_tasks.text import mark as _
from installer_tasks.text import mark_plural as ngettext
from installer_tasks.text import text

READS = ("cluster.kubeconfig", "cluster.context")
WITH_RELEASE = (*READS, "bundle.release")
REACHED = ("cluster.reachable",)
#: What asks for a token that passes `cluster.kubeconfig-expiry`.
RENEW = "kubectl -n kube-system create token <service-account> --duration=48h"
#: How a server refuses credentials: by 401, or during the handshake when they are a certificate.
REFUSED = ("kubernetes-unauthorized", "tls-handshake", "tls-client-certificate", "unreachable")


def _reachable(facts: Facts) -> Verdict:
    access = facts(shapes.KUBECONFIG)
    try:
        version = facts(shapes.VERSION)
    except Failed as failure:
        expires = access["expires"]
        if expires is not None and expires["seconds"] <= 0 and failure.error["code"] in REFUSED:
            return _expired_credentials(access, expires)
        raise
    return passed(
        _("%(server)s responds as Kubernetes %(version)s with a certificate from the kubeconfig's CA."),
        server=access["server"],
        version=version["git_version"],
        evidence={**access, **version},
    )


def _expired_credentials(access: shapes.Access, expires: shapes.Expiry) -> Verdict:
    return Verdict(
        Level.FAIL,
        text(_("The credentials of the kubeconfig have expired.")),
        value=expires["at"],
        cause=text(
            _("Its %(kind)s expired at %(at)s, so the cluster rejects it."),
            kind=access["user"],
            at=expires["at"],
        ),
        remedy=text(
            _("Create a kubeconfig with credentials that stay valid for the entire installation, then upload it.")
        ),
        command=RENEW,
        evidence=access,
    )


def _minor(version: str) -> tuple[int, int]:
    major, minor = version.lstrip("v").split(".")[:2]
    return int(major), int("".join(filter(str.isdigit, minor)))


def _version_supported(facts: Facts) -> Verdict:
    found = facts(shapes.VERSION)["git_version"]
    low, high = releases.chosen(facts.answers).kubernetes
    if _minor(low) <= _minor(found) <= _minor(high):
        return passed(
            _("Kubernetes %(found)s is within the supported range, %(low)s to %(high)s."),
            found=found,
            low=low,
            high=high,
        )
    too_old = _minor(found) < _minor(low)
    return Verdict(
        Level.FAIL if too_old else Level.WARN,
        text(
            _("Kubernetes %(found)s is outside the supported range, %(low)s to %(high)s."),
            found=found,
            low=low,
            high=high,
        ),
        value=found,
        cause=text(_("The release is known to work with versions %(low)s to %(high)s."), low=low, high=high),
        remedy=text(_("Use a cluster in that range, or accept the risk.")),
    )


def _rights(facts: Facts) -> Verdict:
    rights = facts(shapes.RIGHTS)
    if not rights["missing"]:
        return passed(
            ngettext(
                "The kubeconfig's user has the %(count)d permission that the run needs.",
                "The kubeconfig's user has all %(count)d permissions that the run needs.",
            ),
            count=rights["asked"],
        )
    first = rights["missing"][0]
    return Verdict(
        Level.FAIL,
        text(
            ngettext(
                "%(count)d of %(asked)d required permissions is missing.",
                "%(count)d of %(asked)d required permissions are missing.",
            ),
            count=len(rights["missing"]),
            asked=rights["asked"],
        ),
        value=f"{first['verb']} {_full(first)}",
        cause=text(
            _("The kubeconfig's user has no permission to %(verb)s %(resource)s."),
            verb=first["verb"],
            resource=_full(first),
        ),
        remedy=text(_("Use a cluster administrator's kubeconfig, or ask an administrator to apply this manifest.")),
        command=rights_manifest(rights["user"] or "<user>"),
        evidence=rights,
    )


def rights_manifest(user: str) -> str:
    """A ClusterRole of all that is needed, bound to the user: applied once more it takes nothing away again."""
    name = {"name": "tmc-sm-installer"}
    api_version = "rbac.authorization.k8s.io/v1"
    subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", **name}
    return yaml.safe_dump_all(
        (
            {"apiVersion": api_version, "kind": "ClusterRole", "metadata": name, "rules": rules(NEEDED)},
            {"apiVersion": api_version, "kind": "ClusterRoleBinding", "metadata": name, "subjects": [subject],
             "roleRef": role},
        ),
        sort_keys=False,
    )  # fmt: skip


def _full(right: shapes.Right) -> str:
    """`certificates.cert-manager.io`, with its name where the right is for one object."""
    resource = ".".join(filter(None, (str(right["resource"]), str(right["group"]))))
    return "/".join(filter(None, (resource, str(right["name"]))))


def _default_storage_class(facts: Facts) -> Verdict:
    classes = facts(shapes.STORAGE_CLASSES)
    default = [item["name"] for item in classes if item["default"]]
    if len(default) == 1:
        return passed(_("%(name)s is the only default StorageClass."), name=default[0], evidence={"classes": classes})
    return Verdict(
        Level.FAIL,
        text(
            ngettext(
                "%(count)d StorageClass is marked as default; exactly one is required.",
                "%(count)d StorageClasses are marked as default; exactly one is required.",
            ),
            count=len(default),
        ),
        value=", ".join(default or [item["name"] for item in classes]) or "storageclasses.storage.k8s.io",
        cause=text(_("The packages request volumes without naming a StorageClass.")),
        remedy=text(_("Mark exactly one StorageClass as default.")),
        command="\n".join(_mark(name, "false") for name in default[1:])
        or _mark(classes[0]["name"] if classes else "<name>", "true"),
        evidence={"classes": classes},
    )


def _storage_provisioner(facts: Facts) -> Verdict:
    (default,) = (item for item in facts(shapes.STORAGE_CLASSES) if item["default"])
    if default["provisioner"] != "kubernetes.io/no-provisioner":
        return passed(
            _("Provisioner of %(name)s: %(provisioner)s; binding mode: %(binding)s; reclaim policy: %(reclaim)s."),
            **{key: default[key] or "?" for key in ("name", "provisioner", "binding", "reclaim")},
            evidence=default,
        )
    return Verdict(
        Level.FAIL,
        text(_("The default StorageClass %(name)s does not provision volumes."), name=default["name"]),
        value=default["provisioner"],
        cause=text(_("It needs manually created volumes, and the packages request about ten.")),
        remedy=text(_("Make a StorageClass with a CSI provisioner the default.")),
        command=_mark(default["name"], "false"),
        evidence=default,
    )


def _mark(name: str, default: str) -> str:
    return (
        f"kubectl annotate --overwrite storageclass {quote(name)} storageclass.kubernetes.io/is-default-class={default}"
    )


def _kapp_controller(facts: Facts) -> Verdict:
    found = facts(shapes.KAPP_CONTROLLER)
    if not (found["namespace"] and found["resources"]):
        return Verdict(
            Level.FAIL,
            text(_("kapp-controller is not installed in this cluster.")),
            value="packageinstalls.packaging.carvel.dev",
            cause=text(_("The cluster does not serve packaging.carvel.dev, or has no kapp-controller Deployment.")),
            remedy=text(_("Install kapp-controller (Tanzu clusters include it).")),
            evidence=found,
            hopeless=True,
        )
    where = f"{found['namespace']}/{found['name']}"
    if not found["available"]:
        return Verdict(
            Level.FAIL,
            text(_("kapp-controller is not running.")),
            value=where,
            cause=text(_("Its Deployment has no available pod, so no package can be installed.")),
            remedy=text(_("Find out why its pod does not start, and fix the cause.")),
            command=f"kubectl -n {quote(found['namespace'])} describe pods -l app=kapp-controller",
            evidence=found,
        )
    return passed(
        _("kapp-controller runs in %(namespace)s and serves packages."),
        namespace=found["namespace"],
        evidence=found,
    )


def _leftovers(facts: Facts) -> Verdict:
    left = facts(shapes.LEFTOVERS)
    if not left["objects"]:
        return passed(_("%(namespace)s contains nothing from an earlier installation."), namespace=left["namespace"])
    return Verdict(
        Level.WARN,
        text(
            ngettext(
                "%(namespace)s contains %(count)d object from an earlier installation.",
                "%(namespace)s contains %(count)d objects from an earlier installation.",
            ),
            count=len(left["objects"]),
            namespace=left["namespace"],
        ),
        value=", ".join(left["objects"][:5]),
        cause=text(
            _("Secrets and volumes remain after the packages are deleted; old certificates then mix with new ones.")
        ),
        remedy=text(
            _(
                "To continue that installation, resume it. For a fresh start, undo the last run on its page, or delete the packages first and then the namespace. In the other order, the namespace stays in Terminating."
            )
        ),
        command=_to_clear(left["namespace"], left["objects"]),
        evidence=left,
    )


def _to_clear(namespace: str, objects: list[str]) -> str:
    """The package that holds the others takes them with it; only with the accounts of the namespace it can.

    kapp waits for ever for volume claims that bear its label and are not its own: it must not find any.
    """
    installs = [name.partition("/")[2] for name in objects if name.startswith("PackageInstall/")]
    parents = [name for name in installs if name in {releases.get(known).install_name for known in releases.known()}]
    packages = [
        f"kubectl label persistentvolumeclaims -n {quote(namespace)} -l kapp.k14s.io/app kapp.k14s.io/app-",
        f"kubectl delete persistentvolumeclaims --all -n {quote(namespace)} --wait=false",
        f"kubectl delete packageinstall {' '.join(map(quote, parents or installs))} -n {quote(namespace)}",
    ]
    return " && ".join([*(packages if installs else ()), f"kubectl delete namespace {quote(namespace)}"])


def _no_other_contour(facts: Facts) -> Verdict:
    others = facts.listed(shapes.OTHER_CONTOURS)
    if not others:
        return passed(_("This cluster has no other Contour."))
    return Verdict(
        Level.FAIL,
        text(_("Another Contour is running in this cluster.")),
        value=", ".join(others),
        cause=text(_("The release includes its own Contour, and both would manage the same HTTPProxies.")),
        remedy=text(_("Use a dedicated cluster for TMC-SM, or remove the other Contour.")),
    )


CHECKS = (
    Check("cluster.reachable", _("The API server is reachable and its certificate is trusted"), Owner.PLATFORM, READS, _reachable,
          strict=True),
    Check("cluster.version-supported", _("The release supports this Kubernetes version"), Owner.PLATFORM, WITH_RELEASE,
          _version_supported, needs=REACHED),
    Check("cluster.rights", _("The kubeconfig's user has every permission that the run needs"), Owner.PLATFORM, READS, _rights,
          needs=REACHED),
    Check("cluster.default-storage-class", _("Exactly one StorageClass is the default"), Owner.PLATFORM, READS,
          _default_storage_class, needs=REACHED),
    Check("cluster.storage-provisioner", _("The default StorageClass provisions volumes"), Owner.PLATFORM, READS,
          _storage_provisioner, needs=("cluster.default-storage-class",)),
    Check("cluster.kapp-controller", _("kapp-controller serves packages"), Owner.PLATFORM, READS, _kapp_controller,
          needs=REACHED),
    Check("cluster.leftovers", _("Nothing remains of an earlier installation"), Owner.PLATFORM, WITH_RELEASE, _leftovers,
          needs=REACHED),
    Check("cluster.no-other-contour", _("The cluster has no second Contour"), Owner.PLATFORM, WITH_RELEASE,
          _no_other_contour, needs=REACHED),
)  # fmt: skip
