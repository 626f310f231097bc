"""Faults of storage, load balancer and nodes: what only a trial in the cluster brings to light."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from installer_tasks.rehearsal.controllers.site import PROVISIONER
from installer_tasks.rehearsal.controllers.world import Address
from installer_tasks.rehearsal.faults.base import Change, Fault
from installer_tasks.text import mark as _

if TYPE_CHECKING:
    from installer_tasks.rehearsal.estate import Estate

WORKER = "practice-worker-1"
FULL = "rpc error: code = ResourceExhausted desc = no datastore has 1Gi of free space"


def _no_provisioner(estate: Estate) -> Callable[[], None]:
    """As when the CSI driver was never installed, or its pods have gone."""
    estate.site.provisioners.clear()
    return lambda: estate.site.provisioners.update({PROVISIONER: ""})


def _full(estate: Estate) -> Callable[[], None]:
    estate.site.provisioners[PROVISIONER] = FULL
    return lambda: estate.site.provisioners.update({PROVISIONER: ""})


def _no_address(estate: Estate) -> Callable[[], None]:
    return _giving(estate, None)


def _another_address(estate: Estate) -> Callable[[], None]:
    return _giving(estate, Address("127.0.0.77", estate.edge.port))


def _giving(estate: Estate, address: Address | None) -> Callable[[], None]:
    usual, estate.site.give = estate.site.give, lambda _service: address

    def undo() -> None:
        estate.site.give = usual

    return undo


def _odd_node(**changes: Any) -> Change:
    """One of the workers is unlike the others."""

    def change(estate: Estate) -> Callable[[], None]:
        estate.site.odd_nodes[WORKER] = replace(estate.site.node, **changes)
        return estate.site.odd_nodes.clear

    return change


FAULTS = (
    Fault("storage.no-provisioner", _("No provisioner serves the default StorageClass"), "cluster.volume-provisioned",
          "provisioner is running", change=_no_provisioner),
    Fault("storage.full", _("The datastore has no room for a volume"), "cluster.volume-provisioned", "free space",
          change=_full),
    Fault("balancer.no-address", _("The load balancer has no address left"), "services.load-balancer", "no address",
          change=_no_address),
    Fault("balancer.another-address", _("The load balancer ignores the asked address"), "services.load-balancer",
          "ignores the asked address", change=_another_address),
    Fault("nodes.untrusted-registry", _("One worker does not trust the registry's CA"), "registry.pull-on-nodes",
          "does not trust", change=_odd_node(authorities="")),
    Fault("nodes.no-name", _("One worker cannot resolve the registry's name"), "registry.pull-on-nodes",
          "does not find", change=_odd_node(finds_names=False)),
    Fault("nodes.no-route", _("A firewall stands between one worker and the registry"), "registry.pull-on-nodes",
          "does not reach", change=_odd_node(reaches=False)),
    Fault("nodes.old-login", _("One worker's containerd sends an old password to the registry"),
          "registry.pull-on-nodes", "old credentials", change=_odd_node(login="robot$old:expired")),
)  # fmt: skip
