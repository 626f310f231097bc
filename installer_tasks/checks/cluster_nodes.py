"""Judging the nodes: whether they are well, large enough, of the right kind, and have room left."""

from __future__ import annotations

from typing import Any

from installer_tasks import releases
from installer_tasks.checks.base import Check, Facts, Level, Owner, Verdict, passed
from installer_tasks.checks.cluster import REACHED, READS, WITH_RELEASE
from installer_tasks.text import mark as _
from installer_tasks.text import text

GIB = 1024**3
#: Of what the release's workers have together: what must be left of it once everything else has its share.
ROOM = 0.6


def _nodes_healthy(facts: Facts) -> Verdict:
    nodes = facts("cluster", "nodes")
    ill = {node["name"]: signs for node in nodes if (signs := _signs(node))}
    if not ill:
        return passed(_("All %(count)d nodes are Ready and under no pressure."), count=len(nodes))
    well = [node for node in nodes if node["schedulable"] and node["name"] not in ill]
    enough = len(well) >= releases.chosen(facts.answers).workers
    first = next(iter(ill))
    return Verdict(
        Level.WARN if enough else Level.FAIL,
        text(_("%(count)d of %(total)d nodes are not well."), count=len(ill), total=len(nodes)),
        value="; ".join(f"{name}: {', '.join(signs)}" for name, signs in ill.items()),
        cause=text(_("Pods of such a node are not started, or are evicted; pods that must run on every node hang.")),
        remedy=text(_("Mend or drain and remove these nodes; DiskPressure: give containerd's volume 40 GiB or more.")),
        command=f"kubectl describe node {first}",
        evidence={"nodes": [node for node in nodes if node["name"] in ill]},
    )


def _signs(node: dict[str, Any]) -> list[str]:
    return [*([] if node["ready"] else ["NotReady"]), *node["pressures"]]


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


def _node_room(facts: Facts) -> Verdict:
    release, requested = releases.chosen(facts.answers), facts("cluster", "requested")
    nodes = [node for node in facts("cluster", "nodes") if node["schedulable"]]
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
            _("%(cpu)s CPU and %(memory)s GiB of the workers are not asked for yet."),
            cpu=words["cpu"],
            memory=words["memory"],
        )
    fullest = min(nodes, key=lambda node: _left(node, requested, "cpu") / max(node["cpu"], 0.1), default={"name": "-"})
    return Verdict(
        Level.WARN,
        text(
            _("Only %(cpu)s CPU and %(memory)s GiB of the workers are left for the release."),
            cpu=words["cpu"],
            memory=words["memory"],
        ),
        value=", ".join(_words(node, requested) for node in nodes) or "-",
        cause=text(
            _("Pods of others ask for the rest; about %(needed_cpu)s CPU and %(needed_memory)s GiB should be free."),
            needed_cpu=words["needed_cpu"],
            needed_memory=words["needed_memory"],
        ),
        remedy=text(_("Add workers, or move other workloads away; pods that find no room stay Pending.")),
        command=f"kubectl describe node {fullest['name']} | sed -n '/Allocated resources/,$p'",
        evidence={"requested": requested, "free": free},
    )


def _left(node: dict[str, Any], requested: dict[str, dict[str, float]], size: str) -> float:
    return float(max(node[size] - requested.get(node["name"], {}).get(size, 0), 0))


def _words(node: dict[str, Any], requested: dict[str, dict[str, float]]) -> str:
    cpu, memory = _left(node, requested, "cpu"), _left(node, requested, "memory") / GIB
    return f"{node['name']}: {cpu:.1f} CPU, {memory:.1f} GiB"


CHECKS = (
    Check("cluster.nodes-healthy", _("Every node is well"), Owner.PLATFORM, WITH_RELEASE, _nodes_healthy, needs=REACHED),
    Check("cluster.workers", _("There are enough workers, large enough"), Owner.PLATFORM, WITH_RELEASE, _workers,
          needs=("cluster.nodes-healthy",)),
    Check("cluster.architecture", _("The workers run the release's images"), Owner.PLATFORM, READS, _architecture,
          needs=REACHED),
    Check("cluster.node-room", _("The workers have room for the release"), Owner.PLATFORM, WITH_RELEASE, _node_room,
          needs=("cluster.workers",)),
)  # fmt: skip
