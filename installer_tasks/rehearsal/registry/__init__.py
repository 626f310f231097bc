"""The practice registry: OCI Distribution and the part of Harbor's API that an installer uses."""

from __future__ import annotations

from installer_tasks.rehearsal.registry.counters import RequestRecord
from installer_tasks.rehearsal.registry.faults import READ_ONLY, UNAVAILABLE, Faults
from installer_tasks.rehearsal.registry.server import RegistryServer
from installer_tasks.rehearsal.registry.users import User, practice_users

__all__ = [
    "READ_ONLY",
    "UNAVAILABLE",
    "Faults",
    "RegistryServer",
    "RequestRecord",
    "User",
    "practice_users",
]
