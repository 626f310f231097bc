"""Pods of trials: they want next to nothing and keep the strictest rules of pod security."""

from __future__ import annotations

from installer_tasks.errors import Stalled
from installer_tasks.preflight.facts.trials import wait_until
from installer_tasks.systems.cluster.interface import Cluster, Object
from installer_tasks.text import mark as _
from installer_tasks.text import text

NOBODY = 65532
ACCOUNT_DEADLINE = 15.0


def quiet_pod(name: str, namespace: str, image: str, *, pull: str = "Always", node: str = "") -> Object:
    """It needs not run: what it is for happens before."""
    container = {
        "name": "trial",
        "image": image,
        "imagePullPolicy": pull,
        "command": ["/trial.txt"],
        "resources": {key: {"cpu": "10m", "memory": "16Mi"} for key in ("requests", "limits")},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    spec: Object = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 0,
        "securityContext": {"runAsNonRoot": True, "runAsUser": NOBODY, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
    }
    if node:
        spec["nodeName"] = node
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace}, "spec": spec}


def wait_for_account(cluster: Cluster, namespace: str) -> None:
    """A new namespace takes no pods before its default service account is there."""
    stalled = Stalled(
        text(_("The cluster created no service account in a new namespace.")),
        value=f"{namespace}/default",
        remedy=text(_("Check the log of kube-controller-manager.")),
    )
    wait_until(lambda: cluster.find("v1", "ServiceAccount", "default", namespace), stalled, seconds=ACCOUNT_DEADLINE)
