"""Judging how pods come by the names of the zone: see facts/cluster_dns.py."""

from __future__ import annotations

from typing import Any

from installer_tasks.checks.base import Check, Facts, Level, Owner, Verdict, passed
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

READS = ("dns.zone", "dns.server", "bundle.release", "cluster.kubeconfig", "cluster.context")
EDIT = "kubectl -n kube-system edit configmap coredns"
NODES = "/etc/resolv.conf"


def _forwards(facts: Facts) -> Verdict:
    seen, records = facts("dns", "pods"), facts("dns", "records")
    if seen["skipped"]:
        return _no_cluster()
    if not seen["found"] or not seen["blocks"]:
        return _unknown(seen)
    found = [verdict for block in seen["blocks"] for verdict in (_problem(block, records),) if verdict]
    return found[0] if found else _right(seen)


def _right(seen: dict[str, Any]) -> Verdict:
    block = seen["blocks"][0]
    asked = [view["server"] for view in block["views"] if not view.get("error")]
    if asked:
        said = _("CoreDNS sends the zone to %(to)s, which answers as the zone's server does.")
        return passed(said, to=", ".join(asked), evidence=seen)
    said = _("CoreDNS sends the zone on to %(to)s and answers nothing of it itself; what pods get is not tried out.")
    return passed(said, to=", ".join(block["to"]), evidence=seen)


def _problem(block: dict[str, Any], records: dict[str, Any]) -> Verdict | None:
    known = {name: record["addresses"] for name, record in records.items() if record["addresses"]}
    return (
        _written_in(block, known)
        or _answered_itself(block)
        or _sent_nowhere(block)
        or _answered_otherwise(block, known)
        or _cannot_be_asked(block)
    )


def _written_in(block: dict[str, Any], known: dict[str, list[str]]) -> Verdict | None:
    other = [name for name, found in block["hosts"].items() if set(found) != set(known.get(name, found))]
    if not other:
        return None
    cause = _("Its hosts plugin has %(own)s written in, while the zone's server answers %(right)s.")
    own, right = ", ".join(block["hosts"][other[0]]), ", ".join(known[other[0]])
    return _different(block, ", ".join(other), text(cause, own=own, right=right))


def _answered_itself(block: dict[str, Any]) -> Verdict | None:
    if not block["itself"]:
        return None
    cause = _("Its plugin %(plugin)s answers for the zone and asks nobody; what it answers was not compared.")
    return _different(block, block["itself"], text(cause, plugin=block["itself"]))


def _sent_nowhere(block: dict[str, Any]) -> Verdict | None:
    if block["to"]:
        return None
    return _different(block, block["zone"], text(_("It sends names of the zone to no other server.")))


def _answered_otherwise(block: dict[str, Any], known: dict[str, list[str]]) -> Verdict | None:
    for view in block["views"]:
        seen = {name: view["records"].get(name) for name in block["names"]}
        other = [name for name in known if seen.get(name) is not None and set(seen[name] or ()) != set(known[name])]
        if other:
            cause = _(
                "It sends the zone to %(server)s, which answers %(own)s for %(name)s; the zone's server %(right)s."
            )
            own = ", ".join(seen[other[0]] or ()) or "-"
            right = ", ".join(known[other[0]])
            params = {"server": view["server"], "own": own, "name": other[0], "right": right}
            return _different(block, view["server"], text(cause, **params))
    return None


def _cannot_be_asked(block: dict[str, Any]) -> Verdict | None:
    """For all names it is the usual; a server for this zone alone somebody has set for a reason."""
    answered = [view for view in block["views"] if not view.get("error")]
    if block["zone"] == "." or answered or block["to"] == [NODES]:
        return None
    to = ", ".join(block["to"])
    return Verdict(
        Level.WARN,
        text(_("What pods get for the names of the zone is not known.")),
        value=to,
        cause=text(_("CoreDNS sends the zone to %(to)s, which cannot be asked from this machine."), to=to),
        remedy=text(_("Ask that server for the public names from a machine that reaches it.")),
        command=f"dig @{block['to'][0]} {block['names'][0]}",
        evidence=block,
    )


def _different(block: dict[str, Any], value: str, cause: Text) -> Verdict:
    return Verdict(
        Level.WARN,
        text(_("Pods may get another answer for names of the zone than browsers.")),
        value=value,
        cause=cause,
        remedy=text(_("Change the block %(zone)s of CoreDNS's configuration so that the zone's server is asked."),
                    zone=block["zone"]),
        command=EDIT,
        evidence=block,
    )  # fmt: skip


def _unknown(seen: dict[str, Any]) -> Verdict:
    return Verdict(
        Level.WARN,
        text(_("What pods get for the names of the zone is not known.")),
        value="configmap kube-system/coredns",
        cause=text(_("This cluster keeps no configuration of CoreDNS for the zone where others do.")),
        remedy=text(_("Look up a public name in any pod that has a shell.")),
        command="kubectl exec -it <pod> -- nslookup <name>",
        evidence=seen,
    )


def _no_cluster() -> Verdict:
    return Verdict(
        Level.BLOCKED,
        text(_("Not judged, because no cluster is named yet.")),
        cause=text(_("The configuration of the cluster's own DNS is read.")),
        remedy=text(_("Upload the kubeconfig, then check again.")),
        evidence={"blocked_by": "cluster.reachable"},
    )


CHECKS = (
    Check("dns.cluster-agrees", _("The cluster's DNS forwards the zone"), Owner.PLATFORM, READS, _forwards,
          needs=("cluster.reachable", "dns.zone-exists")),
)  # fmt: skip
