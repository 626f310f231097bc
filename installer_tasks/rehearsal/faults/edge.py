"""Faults of the practice load balancer."""

from __future__ import annotations

from installer_tasks.rehearsal.faults.base import Fault
from installer_tasks.text import mark as _

FAULTS = (Fault("edge.unavailable", _("The load balancer returns 503")),)
