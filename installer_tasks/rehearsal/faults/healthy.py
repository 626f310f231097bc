"""Healthy estates that look unlike the usual one: what is said of them is a false alarm."""

from __future__ import annotations

from installer_tasks.rehearsal.faults import bundle, certificates, dns, identity, ldap, registry
from installer_tasks.rehearsal.faults.base import Variant

VARIANTS: tuple[Variant, ...] = (
    *bundle.VARIANTS,
    *registry.VARIANTS,
    *dns.VARIANTS,
    *certificates.VARIANTS,
    *identity.VARIANTS,
    *ldap.VARIANTS,
)
