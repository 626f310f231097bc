"""Judging the cluster: versions, nodes, storage, packages and rights as facts/cluster.py observes them."""

from __future__ import annotations

from typing import Any

from installer_tasks import releases
from installer_tasks.checks.base import Check, Facts, Level, Owner, Verdict, passed
from installer_tasks.text import mark as _
from installer_tasks.text import text

GIB = 1024**3
READS = ("cluster.kubeconfig", "cluster.context")
WITH_RELEASE = (*READS, "bundle.release")
REACHED = ("cluster.reachable",)


def _reachable(facts: Facts) -> Verdict:
    access, version = facts("cluster", "kubeconfig"), facts("cluster", "version")
    return passed(
        _("%(server)s answers as Kubernetes %(version)s with a certificate of the kubeconfig's authority."),
        server=access["server"],
        version=version["git_version"],
        evidence={**access, **version},
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
        remedy=text(_("Use a kubeconfig of a cluster administrator, or bind the user to cluster-admin.")),
        command="kubectl create clusterrolebinding tmc-sm-installer --clusterrole=cluster-admin --user=<user>",
        evidence=rights,
    )


def _words(right: dict[str, Any]) -> dict[str, str]:
    return {"verb": str(right["verb"]), "resource": str(right["resource"])}


def _workers(facts: Facts) -> Verdict:
    release = releases.chosen(facts.answers)
    nodes = [node for node in facts("cluster", "nodes") if node["schedulable"]]
    unfit = {node["name"]: lack for node in nodes if (lack := _lack(node, release))}
    enough = len(nodes) - len(unfit)
    if enough >= release.workers:
        return passed(
            _("%(count)d workers have at least %(cpu)d CPU, %(memory)d GiB and %(disk)d GiB of disk."),
            count=enough,
            **_size(release),
            evidence={"nodes": nodes},
        )
    return Verdict(
        Level.FAIL,
        text(
            _("%(count)d of %(total)d schedulable workers are ready and large enough; %(workers)d are needed."),
            count=enough,
            total=len(nodes),
            workers=release.workers,
        ),
        value=", ".join(f"{name} ({lack})" for name, lack in unfit.items()) or str(len(nodes)),
        cause=text(
            _("A worker needs %(cpu)d CPU, %(memory)d GiB of memory and %(disk)d GiB of disk."), **_size(release)
        ),
        remedy=text(_("Add workers or enlarge these; pods that do not fit stay Pending.")),
        evidence={"nodes": nodes},
    )


def _lack(node: dict[str, Any], release: releases.Release) -> str:
    """What keeps this worker from counting. What a node can allocate is less than what it has: 15 % go to the system."""
    kept = 0.85
    lacks = (
        (not node["ready"], "NotReady"),
        (node["cpu"] < release.worker_cpu * kept, f"cpu {node['cpu']:g}"),
        (node["memory"] < release.worker_memory * kept, f"memory {node['memory'] / GIB:.1f} GiB"),
        (node["disk"] < release.worker_disk * kept, f"disk {node['disk'] / GIB:.1f} GiB"),
    )
    return ", ".join(words for lacking, words in lacks if lacking)


def _size(release: releases.Release) -> dict[str, int]:
    return {
        "cpu": release.worker_cpu,
        "memory": release.worker_memory // GIB,
        "disk": release.worker_disk // GIB,
    }


def _architecture(facts: Facts) -> Verdict:
    nodes = facts("cluster", "nodes")
    other = [node["name"] for node in nodes if node["schedulable"] and node["architecture"] != "amd64"]
    if not other:
        return passed(_("All workers are amd64, as the release's images."))
    return Verdict(
        Level.FAIL,
        text(_("%(count)d workers are not amd64."), count=len(other)),
        value=", ".join(other),
        cause=text(_("The images of the release are built for amd64 only.")),
        remedy=text(_("Use amd64 workers, or taint the others.")),
    )


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
        remedy=text(_("Resuming is fine. For a fresh start delete the namespace first.")),
        command=f"kubectl delete namespace {left['namespace']}",
        evidence=left,
    )


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
    Check("cluster.workers", _("There are enough workers, large enough"), Owner.PLATFORM, WITH_RELEASE, _workers,
          needs=REACHED),
    Check("cluster.architecture", _("The workers run the release's images"), Owner.PLATFORM, READS, _architecture,
          needs=REACHED),
    Check("cluster.default-storage-class", _("There is exactly one default StorageClass"), Owner.PLATFORM, READS,
          _default_storage_class, needs=REACHED),
    Check("cluster.kapp-controller", _("kapp-controller serves packages"), Owner.PLATFORM, READS, _kapp_controller,
          needs=REACHED),
    Check("cluster.leftovers", _("Nothing is left of an earlier installation"), Owner.PLATFORM, WITH_RELEASE, _leftovers,
          needs=REACHED),
    Check("cluster.no-other-contour", _("No second Contour is in the cluster"), Owner.PLATFORM, WITH_RELEASE,
          _no_other_contour, needs=REACHED),
)  # fmt: skip
