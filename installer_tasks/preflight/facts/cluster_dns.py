"""How pods come by the names of the zone: read from CoreDNS's configuration, since no image may be expected to be there.

Servers that it names are asked from here, where that is possible; the resolvers of the nodes are not known here.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping

from installer_tasks.preflight.shapes import dns as shapes
from installer_tasks.systems.cluster import corefile
from installer_tasks.systems.cluster.access import connect
from installer_tasks.systems.cluster.interface import Cluster
from installer_tasks.systems.cluster.kubeconfig import parse_kubeconfig

NAMESPACE = "kube-system"
#: Where distributions keep it; the first imports what is in the second (AKS, k3s, RKE2).
CONFIGURATIONS = ("coredns", "coredns-custom")
MAX_SERVERS = 4
#: Asks one server for all public names.
View = Callable[[str], shapes.View]


def forwarding(
    answers: Mapping[str, str], wanted: tuple[str, ...], view: View
) -> shapes.NoForwarding | shapes.Forwarding:
    """By block of the configuration what becomes of the public names in it; `skipped` while no cluster was named."""
    if not answers["cluster.kubeconfig"].strip():
        return {"skipped": True}
    cluster = connect(parse_kubeconfig(answers["cluster.kubeconfig"], context=answers["cluster.context"]))
    try:
        text = _configuration(cluster)
    finally:
        cluster.close()
    blocks = [_block(*found, view) for found in _used(corefile.parse(text), wanted)]
    return {"skipped": False, "found": bool(text), "blocks": blocks}


def _configuration(cluster: Cluster) -> str:
    """The Corefile with what it imports; where no Corefile is, all that is there."""
    found = [cluster.find("v1", "ConfigMap", name, NAMESPACE) for name in CONFIGURATIONS]
    files = {key: text for obj in found if obj for key, text in (obj.get("data") or {}).items()}
    return corefile.expanded(files["Corefile"] if "Corefile" in files else "\n".join(files.values()), files)


def _used(blocks: list[corefile.Block], wanted: tuple[str, ...]) -> list[tuple[str, corefile.Block, list[str]]]:
    """The blocks that answer for any of the names, with those names."""
    used: dict[str, tuple[str, corefile.Block, list[str]]] = {}
    for name in wanted:
        if found := corefile.best(blocks, name):
            used.setdefault(found[0], (*found, []))[2].append(name)
    return list(used.values())


def _block(zone: str, block: corefile.Block, mine: list[str], view: View) -> shapes.Block:
    to = block.forwards(mine[0])
    servers = [server for server in map(_server, to) if server][:MAX_SERVERS]
    hosts = block.hosts()
    return {
        "zone": zone,
        "names": mine,
        "to": to,
        "hosts": {name: hosts[name] for name in mine if name in hosts},
        "itself": block.answers_itself(mine[0]),
        "views": [view(server) for server in servers],
    }


def _server(target: str) -> str:
    """`10.0.0.53`, `10.0.0.53:5353` or with `dns://` as the address to ask; "" for what cannot be asked so."""
    bare = target.removeprefix("dns://")
    host = bare.rpartition(":")[0] if bare.count(":") == 1 else bare
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return ""
    return bare
