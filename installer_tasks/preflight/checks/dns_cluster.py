"""Judging how pods come by the names of the zone: see facts/cluster_dns.py."""

from __future__ import annotations

from shlex import quote

from installer_tasks.preflight.checks.base import Check, Facts, Level, Owner, Verdict, passed
from installer_tasks.preflight.shapes import dns as shapes
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

READS = ("dns.zone", "dns.server", "bundle.release", "cluster.kubeconfig", "cluster.context")
EDIT = "kubectl -n kube-system edit configmap coredns"
NODES = "/etc/resolv.conf"


def _forwards(facts: Facts) -> Verdict:
    seen, records = facts(shapes.PODS), facts(shapes.RECORDS)
    if seen["skipped"]:
        return _no_cluster()
    if not seen["found"] or not seen["blocks"]:
        return _unknown(seen)
    found = [verdict for block in seen["blocks"] for verdict in (_problem(block, records),) if verdict]
    return found[0] if found else _right(seen)


def _right(seen: shapes.Forwarding) -> Verdict:
    block = seen["blocks"][0]
    asked = [view["server"] for view in block["views"] if not view.get("error")]
    if asked:
        said = _("CoreDNS forwards the zone to %(to)s, which returns the same addresses as the zone's DNS server.")
        return passed(said, to=", ".join(asked), evidence=seen)
    said = _("CoreDNS forwards the zone to %(to)s and does not answer for it; what pods receive was not tested.")
    return passed(said, to=", ".join(block["to"]), evidence=seen)


def _problem(block: shapes.Block, records: dict[str, shapes.Record]) -> Verdict | None:
    known = {name: record["addresses"] for name, record in records.items() if record["addresses"]}
    aliases = {name: record["cname"] for name, record in records.items() if record.get("cname")}
    return (
        _written_in(block, known)
        or _answered_itself(block)
        or _sent_nowhere(block)
        or _answered_otherwise(block, known, aliases)
        or _cannot_be_asked(block)
    )


def _written_in(block: shapes.Block, known: dict[str, list[str]]) -> Verdict | None:
    other = [name for name, found in block["hosts"].items() if set(found) != set(known.get(name, found))]
    if not other:
        return None
    cause = _("Its hosts plugin contains %(own)s, but the zone's DNS server returns %(right)s.")
    own, right = ", ".join(block["hosts"][other[0]]), ", ".join(known[other[0]])
    return _different(block, ", ".join(other), text(cause, own=own, right=right))


def _answered_itself(block: shapes.Block) -> Verdict | None:
    if not block["itself"]:
        return None
    cause = _("Its plugin %(plugin)s answers for the zone without forwarding; its answers were not compared.")
    return _different(block, block["itself"], text(cause, plugin=block["itself"]))


def _sent_nowhere(block: shapes.Block) -> Verdict | None:
    if block["to"]:
        return None
    return _different(block, block["zone"], text(_("It does not forward names of the zone to another server.")))


def _answered_otherwise(block: shapes.Block, known: dict[str, list[str]], aliases: dict[str, str]) -> Verdict | None:
    for view in block["views"]:
        same = {name for name, alias in view.get("aliases", {}).items() if alias == aliases.get(name)}
        seen = {name: view["records"].get(name) for name in block["names"] if name not in same}
        other = [name for name in known if seen.get(name) is not None and set(seen[name] or ()) != set(known[name])]
        if other:
            cause = _(
                "It forwards the zone to %(server)s, which returns %(own)s for %(name)s; the zone's DNS server returns %(right)s."
            )
            own = ", ".join(seen[other[0]] or ()) or "-"
            right = ", ".join(known[other[0]])
            params = {"server": view["server"], "own": own, "name": other[0], "right": right}
            return _different(block, view["server"], text(cause, **params))
    return None


def _cannot_be_asked(block: shapes.Block) -> Verdict | None:
    """For all names it is the usual; a server for this zone alone somebody has set for a reason."""
    answered = [view for view in block["views"] if not view.get("error")]
    if block["zone"] == "." or answered or block["to"] == [NODES]:
        return None
    to = ", ".join(block["to"])
    return Verdict(
        Level.WARN,
        text(_("It is unknown how pods resolve the names of the zone.")),
        value=to,
        cause=text(_("CoreDNS forwards the zone to %(to)s, which this machine cannot query."), to=to),
        remedy=text(_("Query that server for the public names from a machine that can reach it.")),
        command=f"dig @{quote(block['to'][0])} {quote(block['names'][0])}",
        evidence=block,
    )


def _different(block: shapes.Block, value: str, cause: Text) -> Verdict:
    return Verdict(
        Level.WARN,
        text(_("Pods may resolve names of the zone differently than browsers.")),
        value=value,
        cause=cause,
        remedy=text(_("Change the block %(zone)s in the CoreDNS configuration so that it queries the zone's DNS server."),
                    zone=block["zone"]),
        command=EDIT,
        evidence=block,
    )  # fmt: skip


def _unknown(seen: shapes.Forwarding) -> Verdict:
    return Verdict(
        Level.WARN,
        text(_("It is unknown how pods resolve the names of the zone.")),
        value="configmap kube-system/coredns",
        cause=text(_("No CoreDNS configuration for the zone was found in the usual place.")),
        remedy=text(_("Resolve a public name in any pod that has a shell.")),
        command="kubectl exec -it <pod> -- nslookup <name>",
        evidence=seen,
    )


def _no_cluster() -> Verdict:
    return Verdict(
        Level.BLOCKED,
        text(_("Not checked: no cluster has been chosen yet.")),
        cause=text(_("This check reads the configuration of the cluster's DNS.")),
        remedy=text(_("Upload the kubeconfig, then check again.")),
        evidence={"blocked_by": "cluster.reachable"},
    )


CHECKS = (
    Check("dns.cluster-agrees", _("The cluster's DNS resolves the zone correctly"), Owner.PLATFORM, READS, _forwards,
          needs=("cluster.reachable", "dns.zone-exists")),
)  # fmt: skip
