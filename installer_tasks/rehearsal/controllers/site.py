"""What stands around the cluster's control plane: storage and load balancer. Faults change it while it runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from installer_tasks.rehearsal.controllers.world import Address

PROVISIONER = "csi.vsphere.vmware.com"


@dataclass
class Site:
    """`give` answers for the load balancer: the address for a Service, or None."""

    give: Callable[[dict[str, Any]], Address | None]
    #: By name, why it makes no volumes; empty when it does.
    provisioners: dict[str, str] = field(default_factory=lambda: {PROVISIONER: ""})

    def address(self, service: dict[str, Any]) -> Address | None:
        return self.give(service)

    def provision(self, provisioner: str) -> str | None:
        return self.provisioners.get(provisioner)
