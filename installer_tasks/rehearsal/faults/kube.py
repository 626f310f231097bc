"""Faults of the practice cluster."""

from __future__ import annotations

from installer_tasks.rehearsal.faults.base import Fault
from installer_tasks.text import mark as _

FAULTS = (
    Fault("kube.slow", _("The Kubernetes API takes two seconds for each answer")),
    Fault("kube.unavailable", _("The Kubernetes API answers 503"), "cluster.reachable", "overloaded"),
)
