"""Faults of the release bundle."""

from __future__ import annotations

from installer_tasks.rehearsal.faults.base import Fault

FAULTS: tuple[Fault, ...] = ()
