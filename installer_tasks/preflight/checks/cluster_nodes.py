"""Judging the nodes: whether they are well, large enough, of the right kind, and have room left."""

from __future__ import annotations

from shlex import quote
from typing import Literal

from installer_tasks import releases
from installer_tasks.preflight.checks.base import Check, Facts, Level, Owner, Verdict, passed
from installer_tasks.preflight.checks.cluster import REACHED, READS, WITH_RELEASE
from installer_tasks.preflight.shapes import cluster as shapes
from installer_tasks.systems.cluster.values import Node
from installer_tasks.text import mark as _
from installer_tasks.text import mark_plural as ngettext
from installer_tasks.text import text

GIB = 1024**3
#: Of what the release's workers have together: what must be left of it once everything else has its share.
ROOM = 0.6


def _nodes_healthy(facts: Facts) -> Verdict:
    nodes = facts.some(shapes.NODES)
    ill = {node["name"]: signs for node in nodes if (signs := _signs(node))}
    if not ill:
        return passed(
            ngettext(
                "%(count)d node is Ready and not under pressure.",
                "All %(count)d nodes are Ready and not under pressure.",
            ),
            count=len(nodes),
        )
    well = [node for node in nodes if node["schedulable"] and node["name"] not in ill]
    enough = len(well) >= releases.chosen(facts.answers).workers
    first = next(iter(ill))
    return Verdict(
        Level.WARN if enough else Level.FAIL,
        text(
            ngettext("%(count)d of %(total)d nodes is not healthy.", "%(count)d of %(total)d nodes are not healthy."),
            count=len(ill),
            total=len(nodes),
        ),
        value="; ".join(f"{name}: {', '.join(signs)}" for name, signs in ill.items()),
        cause=text(_("Pods on such a node do not start or are evicted, and DaemonSet pods on it stay pending.")),
        remedy=text(
            _("Fix these nodes, or drain and remove them. For DiskPressure, give containerd's volume at least 40 GiB.")
        ),
        command=f"kubectl describe node {quote(first)}",
        evidence={"nodes": [node for node in nodes if node["name"] in ill]},
    )


def _signs(node: Node) -> list[str]:
    return [*([] if node["ready"] else ["NotReady"]), *node["pressures"]]


def _workers(facts: Facts) -> Verdict:
    release = releases.chosen(facts.answers)
    nodes = [node for node in facts.some(shapes.NODES) if node["schedulable"]]
    unfit = {node["name"]: lack for node in nodes if (lack := _lack(node, release))}
    enough = len(nodes) - len(unfit)
    if enough >= release.workers:
        return passed(
            ngettext(
                "%(count)d worker has at least %(cpu)d CPUs, %(memory)d GiB of memory and %(disk)d GiB of disk.",
                "%(count)d workers have at least %(cpu)d CPUs, %(memory)d GiB of memory and %(disk)d GiB of disk each.",
            ),
            count=enough,
            **_size(release),
            evidence={"nodes": nodes},
        )
    return Verdict(
        Level.FAIL,
        text(
            ngettext(
                "%(count)d of %(total)d schedulable workers is ready and large enough; %(workers)d are required.",
                "%(count)d of %(total)d schedulable workers are ready and large enough; %(workers)d are required.",
            ),
            count=enough,
            total=len(nodes),
            workers=release.workers,
        ),
        value=", ".join(f"{name} ({lack})" for name, lack in unfit.items()) or str(len(nodes)),
        cause=text(
            _("A worker needs %(cpu)d CPUs, %(memory)d GiB of memory and %(disk)d GiB of disk."), **_size(release)
        ),
        remedy=text(_("Add workers or enlarge these; pods that do not fit stay Pending.")),
        evidence={"nodes": nodes},
    )


def _lack(node: Node, release: releases.Release) -> str:
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
    nodes = facts.some(shapes.NODES)
    other = [node["name"] for node in nodes if node["schedulable"] and node["architecture"] != "amd64"]
    if not other:
        return passed(_("All workers are amd64, like the release's images."))
    return Verdict(
        Level.FAIL,
        text(ngettext("%(count)d worker is not amd64.", "%(count)d workers are not amd64."), count=len(other)),
        value=", ".join(other),
        cause=text(_("The images of the release support only amd64.")),
        remedy=text(_("Use amd64 workers, or taint the others.")),
        hopeless=len(other) == sum(bool(node["schedulable"]) for node in nodes),
    )


def _node_room(facts: Facts) -> Verdict:
    release, requested = releases.chosen(facts.answers), facts.some(shapes.REQUESTED)
    nodes = [node for node in facts.some(shapes.NODES) if node["schedulable"]]
    free = {size: sum(_left(node, requested, size) for node in nodes) for size in ("cpu", "memory")}
    needed = {
        "cpu": release.workers * release.worker_cpu * ROOM,
        "memory": release.workers * release.worker_memory * ROOM,
    }
    words = {
        "cpu": round(free["cpu"], 1),
        "memory": round(free["memory"] / GIB, 1),
        "needed_cpu": round(needed["cpu"], 1),
        "needed_memory": round(needed["memory"] / GIB, 1),
    }
    if all(free[size] >= needed[size] for size in needed):
        return passed(
            _("%(cpu)s CPU and %(memory)s GiB of memory on the workers are not requested by other pods."),
            cpu=words["cpu"],
            memory=words["memory"],
        )
    fullest = min(nodes, key=lambda node: _left(node, requested, "cpu") / max(node["cpu"], 0.1), default={"name": "-"})
    return Verdict(
        Level.WARN,
        text(
            _("Only %(cpu)s CPU and %(memory)s GiB of memory remain on the workers for the release."),
            cpu=words["cpu"],
            memory=words["memory"],
        ),
        value=", ".join(_words(node, requested) for node in nodes) or "-",
        cause=text(
            _(
                "Other pods request the rest; about %(needed_cpu)s CPU and %(needed_memory)s GiB of memory are required."
            ),
            needed_cpu=words["needed_cpu"],
            needed_memory=words["needed_memory"],
        ),
        remedy=text(_("Add workers, or move other workloads away; pods that do not fit stay Pending.")),
        command=f"kubectl describe node {quote(fullest['name'])} | sed -n '/Allocated resources/,$p'",
        evidence={"requested": requested, "free": free},
    )


def _left(node: Node, requested: dict[str, dict[str, float]], size: Literal["cpu", "memory"]) -> float:
    return float(max(node[size] - requested.get(node["name"], {}).get(size, 0), 0))


def _words(node: Node, requested: dict[str, dict[str, float]]) -> str:
    cpu, memory = _left(node, requested, "cpu"), _left(node, requested, "memory") / GIB
    return f"{node['name']}: {cpu:.1f} CPU, {memory:.1f} GiB"


CHECKS = (
    Check("cluster.nodes-healthy", _("Every node is healthy"), Owner.PLATFORM, WITH_RELEASE, _nodes_healthy, needs=REACHED),
    Check("cluster.workers", _("There are enough workers, and they are large enough"), Owner.PLATFORM, WITH_RELEASE, _workers,
          needs=("cluster.nodes-healthy",)),
    Check("cluster.architecture", _("The workers support the architecture of the release's images"), Owner.PLATFORM, READS, _architecture,
          needs=REACHED),
    Check("cluster.node-room", _("The workers have enough free capacity for the release"), Owner.PLATFORM, WITH_RELEASE, _node_room,
          needs=("cluster.workers",)),
)  # fmt: skip
