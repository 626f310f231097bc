"""What else of the cluster decides whether an installation goes through: one look a fact, each asking side by side."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial

from installer_tasks.errors import Busy
from installer_tasks.local.outside import shortened
from installer_tasks.preflight.shapes import cluster as shapes
from installer_tasks.systems.cluster import admission, carvel, inventory
from installer_tasks.systems.cluster.concurrency import gather
from installer_tasks.systems.cluster.interface import Cluster, Object
from installer_tasks.systems.cluster.values import Webhook

#: Kinds of Kubernetes and kapp-controller that the run and the packages of a release make. cert-manager's are the
#: certificates' own check.
KINDS = (
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("batch/v1", "Job"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("policy/v1", "PodDisruptionBudget"),
    ("storage.k8s.io/v1", "StorageClass"),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
    ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration"),
    (carvel.PACKAGING, "PackageRepository"),
    (carvel.PACKAGING, "PackageInstall"),
    (carvel.KAPPCTRL, "App"),
    (carvel.DATA_PACKAGING, "Package"),
)
#: Kinds that are seen to keep a namespace from going.
HOLDING = (*inventory.LEFTOVERS, ("v1", "ConfigMap"), ("v1", "Service"), ("v1", "Pod"))


def clock(cluster: Cluster) -> shapes.Clock:
    """How far the API server's clock is ahead of ours, in seconds; None when it does not tell the time."""
    asked = datetime.now(UTC)
    date = cluster.clock()
    here = asked + (datetime.now(UTC) - asked) / 2
    try:
        there = parsedate_to_datetime(date) + timedelta(seconds=0.5)  # it tells whole seconds
        ahead = round((there - here).total_seconds(), 1)
    except (TypeError, ValueError):
        return {"server": shortened(date, 40), "here": here.isoformat(timespec="seconds"), "ahead": None}
    return {"server": there.isoformat(timespec="seconds"), "here": here.isoformat(timespec="seconds"), "ahead": ahead}


def kinds(cluster: Cluster) -> shapes.Kinds:
    """Of what the release needs: what is not served, and what is announced but does not answer."""
    answers = gather(partial(_served, cluster, *kind) for kind in KINDS)
    return {
        "asked": len(KINDS),
        "missing": [f"{kind}.{api}" for (api, kind), answer in zip(KINDS, answers, strict=True) if answer == "missing"],
        "silent": [f"{kind}.{api}" for (api, kind), answer in zip(KINDS, answers, strict=True) if answer == "silent"],
    }


def _served(cluster: Cluster, api_version: str, kind: str) -> str:
    try:
        return "served" if cluster.has_kind(api_version, kind) else "missing"
    except Busy:  # an aggregated API whose own server does not run
        return "silent"


def requested(cluster: Cluster, namespace: str) -> dict[str, dict[str, float]]:
    """By node: what pods ask for that are not the release's own."""
    found: dict[str, dict[str, float]] = {}
    for pod in cluster.list("v1", "Pod"):
        node = (pod.get("spec") or {}).get("nodeName")
        ended = (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")
        if node and not ended and pod["metadata"]["namespace"] != namespace:
            cpu, memory = inventory.requests(pod)
            sums = found.setdefault(node, {"cpu": 0.0, "memory": 0.0})
            sums["cpu"], sums["memory"] = sums["cpu"] + cpu, sums["memory"] + memory
    return found


def trust(cluster: Cluster, answers: Mapping[str, str]) -> shapes.Trust:
    """Whether kapp-controller trusts the registry's authority, and what it would have to be told."""
    authority = answers["registry.ca"].strip()
    namespace = inventory.kapp_controller(cluster)["namespace"]
    secret, config_map = gather(
        partial(cluster.find, "v1", kind, carvel.KAPP_CONFIG, namespace) for kind in ("Secret", "ConfigMap")
    )
    # A stock kapp-controller brings one that says nothing.
    there = ("Secret" if secret else "ConfigMap") if inventory.says_anything(secret, config_map) else ""
    wanted = carvel.trust_secret(namespace, (authority,), secret=secret, config_map=config_map) if authority else None
    trusted = inventory.trusted(secret, config_map)
    return {
        "namespace": namespace,
        "config": there,
        "authority": bool(authority),
        "trusted": bool(authority) and carvel.merge_pems(trusted, authority) == carvel.merge_pems(trusted),
        "wanted": carvel.merge_pems(trusted, authority) if wanted else "",
    }


def limits(cluster: Cluster, namespace: str) -> shapes.Limits:
    """Quotas and limit ranges of the namespace."""
    quotas, ranges = gather(
        [
            lambda: cluster.list("v1", "ResourceQuota", namespace),
            lambda: cluster.list("v1", "LimitRange", namespace),
        ]
    )
    return {
        "namespace": namespace,
        "quotas": [inventory.quota(item) for item in quotas],
        "ranges": [item["metadata"]["name"] for item in ranges if (item.get("spec") or {}).get("limits")],
    }


def ingress(cluster: Cluster, namespace: str) -> shapes.Ingress:
    """The release's IngressClass and Contour's kind, who made them, and whether that was this release."""
    ingress_class, definition, contour = gather(
        [
            lambda: cluster.find("networking.k8s.io/v1", "IngressClass", namespace),
            lambda: cluster.find("apiextensions.k8s.io/v1", "CustomResourceDefinition", inventory.HTTP_PROXIES),
            lambda: cluster.find(carvel.PACKAGING, "PackageInstall", "contour", namespace),
        ]
    )
    spec = (ingress_class or {}).get("spec") or {}
    return {
        "class": namespace if ingress_class else "",
        "controller": str(spec.get("controller", "")),
        "definition": inventory.HTTP_PROXIES if definition else "",
        "app": _app(definition) if definition else "",
        "ours": contour is not None,
    }


def _app(obj: Object) -> str:
    """kapp's label of what belongs to one of its applications."""
    return str((obj["metadata"].get("labels") or {}).get("kapp.k14s.io/app", ""))


def webhooks(cluster: Cluster, namespace: str) -> list[Webhook]:
    """Webhooks that refuse everything while nobody answers at their service, and that are asked about this namespace."""
    labels = {"kubernetes.io/metadata.name": namespace, carvel.POD_SECURITY: "privileged"}
    return admission.webhooks(cluster, labels)


def home(cluster: Cluster, namespace: str) -> shapes.Home:
    """The release's namespace as it is: whether it is going away and what holds it, and what it enforces of pods."""
    found, old_policies = gather(
        [
            lambda: cluster.find("v1", "Namespace", namespace),
            lambda: cluster.has_kind("policy/v1beta1", "PodSecurityPolicy"),
        ]
    )
    return {
        "name": namespace,
        "there": found is not None,
        "policies": old_policies,
        **_state(cluster, found or {"metadata": {"name": namespace}}),
    }


def _state(cluster: Cluster, found: Object) -> shapes.State:
    metadata, name = found["metadata"], found["metadata"]["name"]
    going = bool(metadata.get("deletionTimestamp"))
    return {
        "going": going,
        "since": str(metadata.get("deletionTimestamp") or ""),
        "enforces": str((metadata.get("labels") or {}).get(carvel.POD_SECURITY, "")),
        "held": _held(cluster, name) if going else [],
    }


def _held(cluster: Cluster, namespace: str) -> list[shapes.Held]:
    """What in the namespace waits for somebody who no longer comes."""
    found = gather(partial(inventory.objects, cluster, *kind, namespace) for kind in HOLDING)
    return [
        {"kind": obj["kind"], "name": obj["metadata"]["name"], "finalizers": obj["metadata"]["finalizers"]}
        for objects in found
        for obj in objects
        if obj["metadata"].get("finalizers")
    ]
