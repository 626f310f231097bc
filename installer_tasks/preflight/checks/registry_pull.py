"""Judging whether every worker pulls from the registry: see facts/trial_pull.py."""

from __future__ import annotations

from shlex import quote

from installer_tasks.preflight.checks.base import Check, Facts, Level, Owner, Verdict, passed
from installer_tasks.preflight.shapes import registry as shapes
from installer_tasks.text import mark as _
from installer_tasks.text import mark_plural as ngettext
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
        _("The node does not trust the registry's certificate. The kubelet reports: %(words)s"),
        _("Add the registry's CA certificate to the nodes' trust store, then replace the nodes or restart containerd on them."),
    ),
    "name": (
        _("The node cannot resolve the registry's name. The kubelet reports: %(words)s"),
        _("Make the nodes' DNS servers resolve this name, or configure other DNS servers on the nodes."),
    ),
    "network": (
        _("The node cannot reach the registry. The kubelet reports: %(words)s"),
        _("Allow traffic from the nodes to the registry: check firewall, routes and the proxy setting of the nodes' containerd."),
    ),
    "rights": (
        _("The registry rejects the node. The kubelet reports: %(words)s"),
        _("Make the project public, and remove old credentials for this registry from the nodes' containerd."),
    ),
    "missing": (
        _("The node pulls from another registry, which does not have the image. The kubelet reports: %(words)s"),
        _("Check the nodes' containerd for a mirror of this registry; remove the mirror or add the images to it."),
    ),
    "other": (
        _("The kubelet reports: %(words)s"),
        _("Check the kubelet and containerd logs on that node."),
    ),
}  # fmt: skip


def _pull_on_nodes(facts: Facts) -> Verdict:
    if not facts(shapes.PROJECT)["exists"]:
        return _no_project(facts.answers["registry.project"])
    pull = facts(shapes.PULL)
    if pull["skipped"]:
        return _no_cluster()
    refused = [node for node in pull["nodes"] if node["outcome"] == "refused"]
    unknown = [node for node in pull["nodes"] if node["outcome"] == "unknown"]
    if refused:
        return _refused(pull, refused)
    if unknown or not pull["nodes"]:
        return _unknown(pull, unknown)
    return passed(
        ngettext(
            "%(count)d worker pulled a test image from %(host)s.",
            "All %(count)d workers pulled a test image from %(host)s.",
        ),
        count=len(pull["nodes"]),
        host=pull["host"],
        evidence=pull,
    )


def _no_project(project: str) -> Verdict:
    return Verdict(
        Level.WARN,
        text(_("No worker has pulled an image yet, because the project does not exist.")),
        value=project,
        cause=text(_("This test needs the project.")),
        remedy=text(_("Create the project and check again, or let the run create it.")),
    )


def _no_cluster() -> Verdict:
    return Verdict(
        Level.BLOCKED,
        text(_("Not checked: no cluster has been chosen yet.")),
        cause=text(_("This check makes the cluster's workers pull an image.")),
        remedy=text(_("Upload the kubeconfig, then check again.")),
        evidence={"blocked_by": "cluster.reachable"},
    )


def _refused(pull: shapes.Pull, refused: list[shapes.NodePull]) -> Verdict:
    kinds = list(WHY)
    first = min(refused, key=lambda node: kinds.index(node["kind"]))
    cause, remedy = WHY[first["kind"]]
    return Verdict(
        Level.FAIL,
        text(
            ngettext(
                "%(count)d of %(total)d workers cannot pull from %(host)s.",
                "%(count)d of %(total)d workers cannot pull from %(host)s.",
            ),
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


def _command(node: shapes.NodePull, host: str) -> str:
    """On the node itself: what shows the cause, and for trust what to hand to those who own the nodes."""
    name = host.partition(":")[0]
    shown = {
        "certificate": "# Tanzu: Cluster.spec.topology.variables; the Secret <cluster>-user-trusted-ca-secret holds"
        " the PEM as registry-ca\n- name: trust\n  value:\n    additionalTrustedCAs:\n      - name: registry-ca",
        "name": f"ssh {quote(node['node'])} getent hosts {quote(name)}",
        "network": f"ssh {quote(node['node'])} curl -v https://{quote(host)}/v2/",
    }
    return shown.get(node["kind"], f"ssh {quote(node['node'])} cat /etc/containerd/config.toml")


def _unknown(pull: shapes.Pull, unknown: list[shapes.NodePull]) -> Verdict:
    return Verdict(
        Level.WARN,
        text(
            ngettext(
                "%(count)d worker did not report a result in time.",
                "%(count)d workers did not report a result in time.",
            ),
            count=len(unknown),
        ),
        value=", ".join(node["node"] for node in unknown) or pull["host"],
        cause=text(
            _("Their pods did not start to pull the image. %(words)s"),
            words=next((node["words"] for node in unknown if node["words"]), ""),
        ),
        remedy=text(_("Check the kubelet of these nodes, then check again.")),
        command="kubectl describe node " + " ".join(node["node"] for node in unknown),
        evidence=pull,
    )


CHECKS = (
    Check("registry.pull-on-nodes", _("Every worker can pull from the registry"), Owner.PLATFORM, READS, _pull_on_nodes,
          needs=("cluster.reachable", "registry.push-allowed", "registry.pull-allowed"),
          touches=_("Pushes a test image, starts a pod with it on every worker, then deletes everything.")),
)  # fmt: skip
