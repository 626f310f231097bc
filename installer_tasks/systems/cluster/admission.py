"""Admission webhooks: which of them refuse what the run makes while nobody answers."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from installer_tasks.systems.cluster.concurrency import gather
from installer_tasks.systems.cluster.interface import Cluster
from installer_tasks.systems.cluster.values import StrictWebhook, Webhook

API = "admissionregistration.k8s.io/v1"
#: Groups of what the run and its packages make; a webhook of other kinds holds up nobody here.
GROUPS = frozenset(
    {
        "",
        "*",
        "apps",
        "batch",
        "policy",
        "networking.k8s.io",
        "rbac.authorization.k8s.io",
        "apiextensions.k8s.io",
        "packaging.carvel.dev",
        "kappctrl.k14s.io",
        "cert-manager.io",
        "projectcontour.io",
    }
)


def webhooks(cluster: Cluster, labels: Mapping[str, str], groups: Collection[str] = GROUPS) -> list[Webhook]:
    """The strict ones that concern a namespace with these labels, and whether a pod stands behind each."""
    *configurations, endpoints = gather(
        [
            lambda: cluster.list(API, "ValidatingWebhookConfiguration"),
            lambda: cluster.list(API, "MutatingWebhookConfiguration"),
            lambda: cluster.list("v1", "Endpoints"),
        ]
    )
    answering = {f"{item['metadata']['namespace']}/{item['metadata']['name']}" for item in endpoints if answers(item)}
    return [
        {**hook, "answers": hook["service"] in answering}
        for configuration in (item for found in configurations for item in found)
        for hook in strict_webhooks(configuration, labels, groups)
    ]


def strict_webhooks(
    configuration: Mapping[str, Any], labels: Mapping[str, str], groups: Collection[str] = GROUPS
) -> Iterator[StrictWebhook]:
    """Those that a service answers, that refuse on failure and are asked about a namespace with these labels."""
    for hook in configuration.get("webhooks") or []:
        service = (hook.get("clientConfig") or {}).get("service")
        if service and hook.get("failurePolicy", "Fail") == "Fail" and _concerns(hook, labels, groups):
            yield {
                "configuration": f"{configuration['kind']}/{configuration['metadata']['name']}",
                "name": str(hook.get("name", "")),
                "service": f"{service['namespace']}/{service['name']}",
            }


def answers(endpoints: Mapping[str, Any]) -> bool:
    """Whether a pod stands behind a service."""
    return any(subset.get("addresses") for subset in endpoints.get("subsets") or [])


def _concerns(hook: Mapping[str, Any], labels: Mapping[str, str], groups: Collection[str]) -> bool:
    asked = {group for rule in hook.get("rules") or [] for group in rule.get("apiGroups") or []}
    return not asked.isdisjoint(groups) and _selects(hook.get("namespaceSelector") or {}, labels)


def _selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    wanted = selector.get("matchLabels") or {}
    if any(labels.get(key) != value for key, value in wanted.items()):
        return False
    return all(_matches(expression, labels) for expression in selector.get("matchExpressions") or [])


def _matches(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, values = expression["key"], expression.get("values") or []
    return {
        "In": labels.get(key) in values,
        "NotIn": labels.get(key) not in values,
        "Exists": key in labels,
        "DoesNotExist": key not in labels,
    }.get(expression["operator"], True)
