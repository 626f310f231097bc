"""Where the public names lead: to addresses, or all to the one name of a load balancer. Pure.

A load balancer of a cloud has a name of its own (AWS, Azure) and several addresses, or one in turn: names that are
aliases of it agree, whatever it answers at a moment. A name that holds its addresses itself, as the zone's own must
where DNS allows no alias, agrees when they are among those of the alias.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from installer_tasks.preflight.shapes.dns import Record
from installer_tasks.systems.dns import records

Observed = dict[str, Record]


def targets(observed: Observed) -> dict[str, str]:
    """Of each name that resolves: the alias it leads through, else its addresses."""
    pools: dict[str, set[str]] = {}
    for item in observed.values():
        if item["cname"] and item["addresses"]:
            pools.setdefault(item["cname"], set()).update(item["addresses"])
    return {name: _target(item, pools) for name, item in observed.items() if item["addresses"]}


def _target(item: Record, pools: Mapping[str, set[str]]) -> str:
    if item["cname"]:
        return str(item["cname"])
    addresses = set(item["addresses"])
    return next((alias for alias, pool in pools.items() if addresses <= pool), ", ".join(sorted(addresses)))


def shared_alias(observed: Observed) -> str:
    """The one alias through which all names lead that resolve; "" where there is none."""
    found = set(targets(observed).values())
    aliases = {item["cname"] for item in observed.values() if item["cname"] and item["addresses"]}
    return found.pop() if len(found) == 1 and found <= aliases else ""


def usual(observed: Observed) -> str:
    """What most names lead to, as it can be written into a record: one address or one name."""
    counts = Counter(targets(observed).values())
    most = counts.most_common(1)[0][0] if counts else ""
    return records.UNKNOWN if not most or ", " in most else most
