"""A tiny image of the customer's registry, pulled by every worker: name, route, trust and rights where they matter.

What the pod does afterwards is of no matter: a container that could not be started was pulled before.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from contextlib import suppress

from installer_tasks.errors import Missing, Stalled
from installer_tasks.local.outside import shortened
from installer_tasks.preflight.facts.trial_pods import quiet_pod, wait_for_account
from installer_tasks.preflight.facts.trials import patience, trial_namespace, words_about
from installer_tasks.preflight.shapes import registry as shapes
from installer_tasks.systems.cluster import inventory
from installer_tasks.systems.cluster.access import connect
from installer_tasks.systems.cluster.interface import Cluster, Object
from installer_tasks.systems.cluster.kubeconfig import parse_kubeconfig
from installer_tasks.systems.cluster.waiting import wait_for
from installer_tasks.systems.registry import Reference
from installer_tasks.systems.registry.trial import TrialImage
from installer_tasks.text import mark as _
from installer_tasks.text import text

#: Kubelets try again after ten and after thirty seconds.
DEADLINE = 60.0
PULLED, REFUSED, UNKNOWN = "pulled", "refused", "unknown"
#: What a container waits for before, or while, its image is pulled; everything else comes after the pull.
_BEFORE = frozenset({"", "ContainerCreating", "PodInitializing"})
_FAILED = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "ErrImageNeverPull",
        "InvalidImageName",
        "ImageInspectError",
        "RegistryUnavailable",
        "SignatureValidationFailed",
    }
)
#: The kind of a failure by the kubelet's words; the first that fits.
_KINDS = (
    ("certificate", r"x509|certificate"),
    ("name", r"no such host|server misbehaving|name resolution|lookup \S{1,300} on \S{1,100}: [^\n]{0,200}timeout"),
    ("network", r"timeout|connection refused|no route to host|network is unreachable|deadline exceeded"
                r"|connection reset|proxyconnect|\bEOF\b"),
    ("rights", r"\b40[13]\b|unauthorized|forbidden|denied|authoriz"),
    ("missing", r"not found|manifest unknown"),
)  # fmt: skip
#: Of these a second attempt makes nothing better.
_FINAL = frozenset({"certificate", "name", "rights", "missing"})
Outcome = shapes.NodePull


def pull_on_nodes(answers: Mapping[str, str], target: Reference, image: TrialImage) -> shapes.NoPull | shapes.Pull:
    """One outcome a worker; `skipped` while no cluster was named."""
    if not answers["cluster.kubeconfig"].strip():
        return {"skipped": True}
    cluster = connect(parse_kubeconfig(answers["cluster.kubeconfig"], context=answers["cluster.context"]))
    try:
        nodes = _workers(cluster)
        begun = time.monotonic()
        reference = f"{target.host}/{image.repository}@{image.digest}"
        with trial_namespace(cluster) as namespace:
            outcomes = _pull(cluster, namespace, reference, nodes)
    finally:
        cluster.close()
    seconds = round(time.monotonic() - begun)
    return {"skipped": False, "host": target.host, "image": reference, "seconds": seconds, "nodes": outcomes}


def _workers(cluster: Cluster) -> list[str]:
    nodes = [node["name"] for node in inventory.nodes(cluster) if node["schedulable"] and node["ready"]]
    if not nodes:
        raise Missing(
            text(_("No worker in the cluster is ready and schedulable.")),
            value="nodes",
            remedy=text(_("Check the cluster's nodes.")),
            code="no-workers",
        )
    return nodes


def _pull(cluster: Cluster, namespace: str, image: str, nodes: list[str]) -> list[Outcome]:
    wait_for_account(cluster, namespace)
    for number, node in enumerate(nodes):
        cluster.apply(quiet_pod(f"pull-{number}", namespace, image, node=node))
    found: dict[str, Outcome] = {}

    def look() -> bool:
        for pod in cluster.list("v1", "Pod", namespace):
            outcome = _outcome(cluster, pod)
            found[outcome["node"]] = _worse(found.get(outcome["node"]), outcome)
        return all(_is_final(found.get(node)) for node in nodes)

    words = text(_("the workers to pull the test image"))
    with suppress(Stalled):  # what is known by then is the finding
        wait_for(look, bool, deadline=patience(DEADLINE), describe=lambda _done: words, interval=0.2)
    return [found.get(node) or {"node": node, "outcome": UNKNOWN, "kind": "", "words": ""} for node in nodes]


def _is_final(outcome: Outcome | None) -> bool:
    return outcome is not None and (outcome["outcome"] == PULLED or outcome["kind"] in _FINAL)


def _worse(before: Outcome | None, now: Outcome) -> Outcome:
    """A kubelet says why only once: while it waits for its next attempt the reason stays what it was."""
    told = before is not None and before["outcome"] == REFUSED and before["kind"] != "other"
    return before if before is not None and told and now["outcome"] != PULLED else now


def _outcome(cluster: Cluster, pod: Object) -> Outcome:
    node, status = pod["spec"]["nodeName"], pod.get("status") or {}
    container = (status.get("containerStatuses") or [{}])[0]
    state = container.get("state") or {}
    reason = str((state.get("waiting") or {}).get("reason", ""))
    if reason in _FAILED:
        words = _words(cluster, pod, str(state["waiting"].get("message", "")))
        return {"node": node, "outcome": REFUSED, "kind": _kind(words), "words": words}
    lost = (state.get("terminated") or {}).get("reason") == "ContainerStatusUnknown"
    if reason not in _BEFORE or "running" in state or ("terminated" in state and not lost):
        return {"node": node, "outcome": PULLED, "kind": "", "words": ""}
    words = f"{status.get('reason', '')} {status.get('message', '')}".strip()
    return {"node": node, "outcome": UNKNOWN, "kind": "", "words": shortened(words, 500)}


def _words(cluster: Cluster, pod: Object, message: str) -> str:
    """The kubelet's own; when it only says that it waits, those of its events."""
    if _kind(message) == "other":
        message = words_about(cluster, pod["metadata"]["namespace"], pod["metadata"]["name"]) or message
    return shortened(message, 1000)


def _kind(words: str) -> str:
    return next((kind for kind, pattern in _KINDS if re.search(pattern, words, re.I)), "other")
