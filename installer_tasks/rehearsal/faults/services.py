"""Faults of what this customer answers for the services."""

from __future__ import annotations

from installer_tasks.rehearsal.faults.base import Fault

FAULTS: tuple[Fault, ...] = ()
