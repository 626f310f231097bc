"""Faults of the practice identity provider, its clients and its people."""

from __future__ import annotations

from installer_tasks.rehearsal.faults.base import Fault
from installer_tasks.text import mark as _

FAULTS = (
    Fault("identity.unavailable", _("The identity provider answers 503"), "identity.discovery", "503"),
    Fault(
        "identity.issuer-mismatch",
        _("The identity provider calls itself by another name"),
        "identity.discovery",
        "says that it is",
    ),
)
