"""Faults of the practice estate: small named values, grouped by system, switched by name while it runs.

A server asks `faults.active("<system>.<what>")` where a fault would bite; what no server can do is a `change` to the
running estate, or what its customer answers. `Estate.switch` turns one on and off. A new fault is one value in its
system's module.
"""

from __future__ import annotations

from installer_tasks.rehearsal.faults import (
    bundle,
    bundle_download,
    certificates,
    dns,
    edge,
    identity,
    kube,
    kube_objects,
    ldap,
    registry,
    services,
    switches,
    trials,
)
from installer_tasks.rehearsal.faults.base import Fault, Variant
from installer_tasks.rehearsal.faults.healthy import VARIANTS

__all__ = ["BY_NAME", "FAULTS", "NAMES", "VARIANTS", "Fault", "Faults", "Variant"]

FAULTS: tuple[Fault, ...] = (
    *kube.FAULTS,
    *kube_objects.FAULTS,
    *dns.FAULTS,
    *edge.FAULTS,
    *identity.FAULTS,
    *ldap.FAULTS,
    *registry.FAULTS,
    *certificates.FAULTS,
    *bundle.FAULTS,
    *bundle_download.FAULTS,
    *services.FAULTS,
    *trials.FAULTS,
)
BY_NAME = {fault.name: fault for fault in FAULTS}
NAMES = frozenset(BY_NAME)


class Faults(switches.Faults):
    """The estate's own switches."""

    def __init__(self, *names: str) -> None:
        super().__init__(NAMES, *names)
