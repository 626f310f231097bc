"""What stands around the cluster's control plane: storage, load balancer, nodes. Faults change it while it runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from installer_tasks.rehearsal.controllers.pulling import Node, pull_image
from installer_tasks.rehearsal.controllers.troubles import Trouble
from installer_tasks.rehearsal.controllers.world import Address

PROVISIONER = "csi.vsphere.vmware.com"


@dataclass
class Site:
    """`give` answers for the load balancer: the address for a Service, or None."""

    give: Callable[[dict[str, Any]], Address | None]
    registry: Callable[[], str]  #: host and port of the registry that is asked for its images; others are believed
    node: Node  #: what every node is like
    #: By name, why it makes no volumes; empty when it does.
    provisioners: dict[str, str] = field(default_factory=lambda: {PROVISIONER: ""})
    #: Nodes that are unlike the others.
    odd_nodes: dict[str, Node] = field(default_factory=dict)

    #: What is wrong with pods, by how their names begin; "" is every pod of a package.
    troubles: dict[str, Trouble] = field(default_factory=dict)
    #: Phase and words of packages that fail, by name.
    failing: dict[str, tuple[str, str]] = field(default_factory=dict)
    #: Image of a pod to why no node can pull it.
    pulling: Callable[[str], str] = field(default=lambda _image: "")
    #: What the load balancer controller says of a Service without an address.
    balancing: str = ""

    def pull_any(self, image: str) -> str:
        return self.pulling(image)

    def trouble(self, pod: dict[str, Any]) -> Trouble | None:
        found = (self.troubles[name] for name in self.troubles if pod["metadata"]["name"].startswith(name))
        return next(found, None)

    def fails(self, install: dict[str, Any]) -> tuple[str, str] | None:
        return self.failing.get(install["metadata"]["name"])

    def address(self, service: dict[str, Any]) -> Address | None:
        return self.give(service)

    def provision(self, provisioner: str) -> str | None:
        return self.provisioners.get(provisioner)

    def pull(self, image: str, node: str) -> str:
        if not image.startswith(f"{self.registry()}/"):
            return ""
        return pull_image(image, self.odd_nodes.get(node, self.node))
