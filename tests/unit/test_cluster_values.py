"""Small readings of Kubernetes objects: which webhooks concern a namespace, what pods ask for, when tokens end."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from installer_tasks.systems.cluster import inventory
from installer_tasks.systems.cluster.admission import strict_webhooks
from installer_tasks.systems.cluster.credentials import Credentials
from installer_tasks.systems.cluster.expiry import validity

LABELS = {"kubernetes.io/metadata.name": "tmc-local"}
RULES = [{"apiGroups": [""], "resources": ["pods"]}]
SERVICE = {"service": {"namespace": "policy", "name": "engine"}}


def found(**hook: Any) -> list[str]:
    hook = {"name": "hook", "rules": RULES, "clientConfig": SERVICE, **hook}
    configuration = {"kind": "ValidatingWebhookConfiguration", "metadata": {"name": "c"}, "webhooks": [hook]}
    return [one["service"] for one in strict_webhooks(configuration, LABELS)]


def selecting(operator: str, *values: str) -> dict[str, Any]:
    key = "kubernetes.io/metadata.name"
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


@pytest.mark.parametrize(
    ("hook", "concerned"),
    [
        ({}, True),  # Fail is the default
        ({"failurePolicy": "Ignore"}, False),
        ({"clientConfig": {"url": "https://127.0.0.1"}}, False),
        ({"rules": [{"apiGroups": ["velero.io"], "resources": ["*"]}]}, False),
        ({"rules": [{"apiGroups": ["*"], "resources": ["*"]}]}, True),
        ({"namespaceSelector": {"matchLabels": {"team": "blue"}}}, False),
        ({"namespaceSelector": selecting("NotIn", "kube-system")}, True),
        ({"namespaceSelector": selecting("NotIn", "tmc-local")}, False),
        ({"namespaceSelector": selecting("In", "tmc-local")}, True),
        ({"namespaceSelector": selecting("DoesNotExist")}, False),
        ({"namespaceSelector": selecting("Exists")}, True),
    ],
)
def test_which_webhooks_can_hold_an_installation_up(hook: dict[str, Any], concerned: bool) -> None:
    assert found(**hook) == (["policy/engine"] if concerned else [])


def test_what_a_pod_asks_for() -> None:
    containers = [{"resources": {"requests": {"cpu": "250m", "memory": "1Gi"}}}, {"resources": {}}, {}]
    pod = {"spec": {"containers": containers, "overhead": {"cpu": "50m"}}}
    assert inventory.requests(pod) == (pytest.approx(0.3), 1024**3)


@pytest.mark.parametrize(("key", "closed"), [("node.kubernetes.io/not-ready", False), ("dedicated", True)])
def test_a_taint_of_kubernetes_makes_a_node_ill_and_not_closed(key: str, closed: bool) -> None:
    taints = [{"key": key, "effect": "NoSchedule"}]
    node = inventory.node({"metadata": {"name": "n"}, "spec": {"taints": taints}, "status": {}})
    assert node["schedulable"] is not closed


def _token(claims: Any) -> str:
    return f"e30.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.c2ln"


@pytest.mark.parametrize(
    ("token", "end"),
    [
        (_token({"exp": 1800000000}), datetime.fromtimestamp(1800000000, UTC)),
        (_token({"sub": "ada"}), None),
        (_token({"exp": "soon"}), None),
        (_token({"exp": 1e300}), None),
        (_token([]), None),
        ("a.b.c", None),
        ("opaque", None),
    ],
)
def test_when_a_token_ends(token: str, end: datetime | None) -> None:
    found = validity(Credentials(token=token))
    assert (found and found.until) == end


EMPTY = {"data": {"caCerts": "", "httpProxy": "", "noProxy": " "}}
SECRET = {"data": {"caCerts": "UEVN"}}


@pytest.mark.parametrize(
    ("secret", "config_map", "says"),
    [
        (None, None, False),
        (None, {}, False),
        (None, EMPTY, False),
        (EMPTY, {"data": {"noProxy": "10.0.0.0/8"}}, False),  # a Secret hides the ConfigMap
        (SECRET, EMPTY, True),
        (None, {"data": {"noProxy": "10.0.0.0/8"}}, True),
    ],
)
def test_a_configuration_of_kapp_controller_that_says_nothing_is_none(secret: Any, config_map: Any, says: bool) -> None:
    assert inventory.says_anything(secret, config_map) is says
