"""Faults of storage, load balancer and nodes: what only a trial in the cluster brings to light."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from installer_tasks.rehearsal.controllers.site import PROVISIONER
from installer_tasks.rehearsal.controllers.world import Address
from installer_tasks.rehearsal.dns import DnsServer
from installer_tasks.rehearsal.faults.base import Change, Fault
from installer_tasks.rehearsal.kube.resources import GVR
from installer_tasks.rehearsal.kube.seed_dns import COREFILE
from installer_tasks.text import mark as _

if TYPE_CHECKING:
    from installer_tasks.rehearsal.estate import Estate

OLD = "192.0.2.77"  #: where the zone was before
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


def _corefile(changed: Callable[[Estate, str], str]) -> Change:
    """CoreDNS is configured otherwise; what it has is handed in."""

    def change(estate: Estate) -> Callable[[], None]:
        text = changed(estate, COREFILE)
        _configure(estate, text)
        return lambda: _configure(estate, COREFILE)

    return change


def _configure(estate: Estate, text: str, **imported: str) -> None:
    where = GVR("", "v1", "configmaps"), "kube-system", "coredns"
    estate.store.change(*where, lambda live: {**live, "data": {"Corefile": text, **imported}})


def _elsewhere(estate: Estate) -> Callable[[], None]:
    """The zone goes to a server of before a move, which nobody switched off."""
    old = DnsServer(estate.zone).start()
    for name in estate.release.public_names(estate.zone):
        old.set(name, OLD)
    back = _corefile(lambda _estate, text: f"{text}{estate.zone}:53 {{\n    forward . {old.address}\n}}\n")(estate)

    def undo() -> None:
        back()
        old.stop()

    return undo


def _hosts(estate: Estate, text: str) -> str:
    lines = f"    hosts {{\n        {OLD} auth.{estate.zone}\n        fallthrough\n    }}\n"
    return text.replace("    forward .", f"{lines}    forward .", 1)


def _imported_hosts(estate: Estate) -> Callable[[], None]:
    """As AKS and k3s have it: what a team adds lies in files that the Corefile imports."""
    text = COREFILE.replace("    forward .", "    import custom/*.override\n    forward .", 1)
    _configure(estate, text, **{"tmc.override": _hosts(estate, "    forward .").rpartition("    forward .")[0]})
    return lambda: _configure(estate, COREFILE)


def _isolated(_estate: Estate, text: str) -> str:
    return text.replace("    forward . /etc/resolv.conf {\n       max_concurrent 1000\n    }\n", "", 1)


FAULTS = (
    Fault("storage.no-provisioner", _("No provisioner serves the default StorageClass"), "cluster.volume-provisioned",
          "provisioner is running", change=_no_provisioner),
    Fault("storage.full", _("The datastore has no space for a volume"), "cluster.volume-provisioned", "free space",
          change=_full),
    Fault("balancer.no-address", _("The load balancer has no free address"), "services.load-balancer", "no address",
          change=_no_address),
    Fault("balancer.another-address", _("The load balancer ignores the requested address"), "services.load-balancer",
          "ignores the requested address", change=_another_address),
    Fault("pods.zone-elsewhere", _("CoreDNS forwards the zone to a server from before a migration"), "dns.cluster-agrees", OLD,
          change=_elsewhere),
    Fault("pods.hosts-entry", _("CoreDNS has a fixed, outdated address for a public name"), "dns.cluster-agrees",
          "hosts plugin", change=_corefile(_hosts)),
    Fault("pods.imported-hosts", _("A file that CoreDNS imports has an old address of a public name"),
          "dns.cluster-agrees", "hosts plugin", change=_imported_hosts),
    Fault("pods.no-forward", _("CoreDNS forwards no names outside the cluster"), "dns.cluster-agrees", "does not forward",
          change=_corefile(_isolated)),
    Fault("nodes.untrusted-registry", _("One worker does not trust the registry's CA"), "registry.pull-on-nodes",
          "does not trust", change=_odd_node(authorities="")),
    Fault("nodes.no-name", _("One worker cannot resolve the registry's name"), "registry.pull-on-nodes",
          "cannot resolve the registry's name", change=_odd_node(finds_names=False)),
    Fault("nodes.no-route", _("A firewall blocks one worker's connection to the registry"), "registry.pull-on-nodes",
          "cannot reach the registry", change=_odd_node(reaches=False)),
    Fault("nodes.old-login", _("One worker's containerd sends an outdated password to the registry"),
          "registry.pull-on-nodes", "old credentials", change=_odd_node(login="robot$old:expired")),
)  # fmt: skip
