"""Judging whether every worker pulls from the registry: see facts/trial_pull.py."""

from __future__ import annotations

from typing import Any

from installer_tasks.checks.base import Check, Facts, Level, Owner, Verdict, passed
from installer_tasks.text import mark as _
from installer_tasks.text import text

READS = (
    "registry.project",
    "registry.ca",
    "registry.username",
    "registry.password",
    "cluster.kubeconfig",
    "cluster.context",
)
#: Why a worker could not pull: the cause and what to do, by the kind that the collector found in the kubelet's words.
WHY = {
    "certificate": (
        _("The node does not trust the registry's certificate. The kubelet says: %(words)s"),
        _("Have the registry's CA added to the trust of the nodes, and the nodes replaced or their containerd restarted."),
    ),
    "name": (
        _("The node does not find the registry's name in DNS. The kubelet says: %(words)s"),
        _("Have the DNS servers of the nodes resolve this name, or give the nodes other DNS servers."),
    ),
    "network": (
        _("The node does not reach the registry. The kubelet says: %(words)s"),
        _("Open the way from the nodes to the registry: firewall, route, and the proxy in the nodes' containerd."),
    ),
    "rights": (
        _("The registry refuses the node. The kubelet says: %(words)s"),
        _("Make the project public, and remove old credentials for this registry from the nodes' containerd."),
    ),
    "missing": (
        _("The node asks somewhere else, where the image is not. The kubelet says: %(words)s"),
        _("Look for a mirror of this registry in the nodes' containerd, and remove it or fill it."),
    ),
    "other": (
        _("The kubelet says: %(words)s"),
        _("Look at the kubelet's and containerd's log on that node."),
    ),
}  # fmt: skip


def _pull_on_nodes(facts: Facts) -> Verdict:
    if not facts("registry", "project")["exists"]:
        return _no_project(facts.answers["registry.project"])
    pull = facts("registry", "pull")
    if pull["skipped"]:
        return _no_cluster()
    refused = [node for node in pull["nodes"] if node["outcome"] == "refused"]
    unknown = [node for node in pull["nodes"] if node["outcome"] == "unknown"]
    if refused:
        return _refused(pull, refused)
    if unknown or not pull["nodes"]:
        return _unknown(pull, unknown)
    return passed(
        _("Each of %(count)d workers pulled a tiny image from %(host)s."),
        count=len(pull["nodes"]),
        host=pull["host"],
        evidence=pull,
    )


def _no_project(project: str) -> Verdict:
    return Verdict(
        Level.WARN,
        text(_("No worker has pulled yet, because the project does not exist.")),
        value=project,
        cause=text(_("A trial would need the project.")),
        remedy=text(_("Create the project and check again, or let the run create it.")),
    )


def _no_cluster() -> Verdict:
    return Verdict(
        Level.BLOCKED,
        text(_("Not judged, because no cluster is named yet.")),
        cause=text(_("The workers of the cluster are asked to pull.")),
        remedy=text(_("Upload the kubeconfig, then check again.")),
        evidence={"blocked_by": "cluster.reachable"},
    )


def _refused(pull: dict[str, Any], refused: list[dict[str, Any]]) -> Verdict:
    kinds = list(WHY)
    first = min(refused, key=lambda node: kinds.index(node["kind"]))
    cause, remedy = WHY[first["kind"]]
    return Verdict(
        Level.FAIL,
        text(
            _("%(count)d of %(total)d workers cannot pull from %(host)s."),
            count=len(refused),
            total=len(pull["nodes"]),
            host=pull["host"],
        ),
        value=", ".join(node["node"] for node in refused),
        cause=text(cause, words=first["words"] or "-"),
        remedy=text(remedy),
        command=_command(first, pull["host"]),
        evidence=pull,
    )


def _command(node: dict[str, Any], host: str) -> str:
    """On the node itself: what shows the cause, and for trust what to hand to those who own the nodes."""
    name = host.partition(":")[0]
    shown = {
        "certificate": "# Tanzu: Cluster.spec.topology.variables; the Secret <cluster>-user-trusted-ca-secret holds"
        " the PEM as registry-ca\n- name: trust\n  value:\n    additionalTrustedCAs:\n      - name: registry-ca",
        "name": f"ssh {node['node']} getent hosts {name}",
        "network": f"ssh {node['node']} curl -v https://{host}/v2/",
    }
    return shown.get(node["kind"], f"ssh {node['node']} cat /etc/containerd/config.toml")


def _unknown(pull: dict[str, Any], unknown: list[dict[str, Any]]) -> Verdict:
    return Verdict(
        Level.WARN,
        text(_("%(count)d workers have not answered in time."), count=len(unknown)),
        value=", ".join(node["node"] for node in unknown) or pull["host"],
        cause=text(
            _("Their pods did not get as far as the image. %(words)s"),
            words=next((node["words"] for node in unknown if node["words"]), ""),
        ),
        remedy=text(_("Look at the kubelet of these nodes, then check again.")),
        command="kubectl describe node " + " ".join(node["node"] for node in unknown),
        evidence=pull,
    )


CHECKS = (
    Check("registry.pull-on-nodes", _("Every worker pulls from the registry"), Owner.PLATFORM, READS, _pull_on_nodes,
          needs=("cluster.reachable", "registry.push-allowed", "registry.pull-allowed"),
          touches=_("Pushes a tiny image, starts a pod for it on every worker, and removes all of it.")),
)  # fmt: skip
