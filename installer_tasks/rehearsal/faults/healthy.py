"""Healthy estates that look unlike the usual one: what is said of them is a false alarm."""

from __future__ import annotations

from installer_tasks.rehearsal.faults import certificates, dns, ldap, registry
from installer_tasks.rehearsal.faults.base import Variant

VARIANTS: tuple[Variant, ...] = (*registry.VARIANTS, *dns.VARIANTS, *certificates.VARIANTS, *ldap.VARIANTS)
