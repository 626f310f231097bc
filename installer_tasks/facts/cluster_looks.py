"""What else of the cluster decides whether an installation goes through: one look a fact, each asking side by side."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any

from installer_tasks.cluster import admission, carvel, inventory
from installer_tasks.cluster.abreast import side_by_side
from installer_tasks.cluster.client import Cluster, Object
from installer_tasks.errors import Busy

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


def clock(cluster: Cluster) -> dict[str, Any]:
    """How far the API server's clock is ahead of ours, in seconds; None when it does not tell the time."""
    asked = datetime.now(UTC)
    date = cluster.clock()
    here = asked + (datetime.now(UTC) - asked) / 2
    try:
        there = parsedate_to_datetime(date) + timedelta(seconds=0.5)  # it tells whole seconds
        ahead = round((there - here).total_seconds(), 1)
    except (TypeError, ValueError):
        return {"server": date[:40], "here": here.isoformat(timespec="seconds"), "ahead": None}
    return {"server": there.isoformat(timespec="seconds"), "here": here.isoformat(timespec="seconds"), "ahead": ahead}


def kinds(cluster: Cluster) -> dict[str, Any]:
    """Of what the release needs: what is not served, and what is announced but does not answer."""
    answers = side_by_side(partial(_served, cluster, *kind) for kind in KINDS)
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


def trust(cluster: Cluster, answers: Mapping[str, str]) -> dict[str, Any]:
    """Whether kapp-controller trusts the registry's authority, and what it would have to be told."""
    authority = answers["registry.ca"].strip()
    namespace = inventory.kapp_controller(cluster)["namespace"]
    secret, config_map = side_by_side(
        partial(cluster.find, "v1", kind, carvel.KAPP_CONFIG, namespace) for kind in ("Secret", "ConfigMap")
    )
    there = "Secret" if secret else "ConfigMap" if config_map else ""
    wanted = carvel.trust_secret(namespace, (authority,), secret=secret, config_map=config_map) if authority else None
    trusted = inventory.trusted(secret, config_map)
    return {
        "namespace": namespace,
        "config": there,
        "authority": bool(authority),
        "trusted": bool(authority) and carvel.merge_pems(trusted, authority) == carvel.merge_pems(trusted),
        "wanted": carvel.merge_pems(trusted, authority) if wanted else "",
    }


def limits(cluster: Cluster, namespace: str) -> dict[str, Any]:
    """Quotas and limit ranges of the namespace."""
    quotas, ranges = side_by_side(
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


def ingress(cluster: Cluster, namespace: str) -> dict[str, Any]:
    """The release's IngressClass and Contour's kind, who made them, and whether that was this release."""
    ingress_class, definition, contour = side_by_side(
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


def webhooks(cluster: Cluster, namespace: str) -> list[dict[str, Any]]:
    """Webhooks that refuse everything while nobody answers at their service, and that are asked about this namespace."""
    *configurations, endpoints = side_by_side(
        [
            lambda: cluster.list(admission.API, "ValidatingWebhookConfiguration"),
            lambda: cluster.list(admission.API, "MutatingWebhookConfiguration"),
            lambda: cluster.list("v1", "Endpoints"),
        ]
    )
    answering = {_name(item) for item in endpoints if admission.answers(item)}
    labels = {"kubernetes.io/metadata.name": namespace, carvel.POD_SECURITY: "privileged"}
    return [
        {**hook, "answers": hook["service"] in answering}
        for configuration in (item for found in configurations for item in found)
        for hook in admission.strict_webhooks(configuration, labels)
    ]


def _name(obj: Object) -> str:
    return f"{obj['metadata']['namespace']}/{obj['metadata']['name']}"


def home(cluster: Cluster, namespace: str) -> dict[str, Any]:
    """The release's namespace as it is: whether it is going away and what holds it, and what it enforces of pods."""
    found, old_policies = side_by_side(
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


def _state(cluster: Cluster, found: Object) -> dict[str, Any]:
    metadata, name = found["metadata"], found["metadata"]["name"]
    going = bool(metadata.get("deletionTimestamp"))
    return {
        "going": going,
        "since": str(metadata.get("deletionTimestamp") or ""),
        "enforces": str((metadata.get("labels") or {}).get(carvel.POD_SECURITY, "")),
        "held": _held(cluster, name) if going else [],
    }


def _held(cluster: Cluster, namespace: str) -> list[dict[str, Any]]:
    """What in the namespace waits for somebody who no longer comes."""
    found = side_by_side(partial(inventory.objects, cluster, *kind, namespace) for kind in HOLDING)
    return [
        {"kind": obj["kind"], "name": obj["metadata"]["name"], "finalizers": obj["metadata"]["finalizers"]}
        for objects in found
        for obj in objects
        if obj["metadata"].get("finalizers")
    ]
