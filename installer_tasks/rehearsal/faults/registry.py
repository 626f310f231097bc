"""Faults of the practice registry and of what stands before it."""

from __future__ import annotations

from installer_tasks.rehearsal.faults.base import Fault
from installer_tasks.text import mark as _

FAULTS = (
    Fault("registry.read-only", _("The registry is in read-only mode"), "registry.push-allowed", "read-only"),
    Fault("registry.unavailable", _("The registry answers 503"), "registry.reachable", "503"),
)
