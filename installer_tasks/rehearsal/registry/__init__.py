"""The practice registry: OCI Distribution and the part of Harbor's API that an installer uses."""

from __future__ import annotations

from installer_tasks.rehearsal.registry.counters import RequestRecord
from installer_tasks.rehearsal.registry.faults import FAULTS, READ_ONLY, UNAVAILABLE, Fault, Faults
from installer_tasks.rehearsal.registry.server import RegistryServer
from installer_tasks.rehearsal.registry.users import User, practice_users

__all__ = [
    "FAULTS",
    "READ_ONLY",
    "UNAVAILABLE",
    "Fault",
    "Faults",
    "RegistryServer",
    "RequestRecord",
    "User",
    "practice_users",
]
