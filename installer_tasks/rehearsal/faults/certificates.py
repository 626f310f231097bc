"""Faults of the certificate authority, cert-manager and the issuer."""

from __future__ import annotations

from installer_tasks.rehearsal.faults.base import Fault

FAULTS: tuple[Fault, ...] = ()
