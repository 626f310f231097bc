"""Faults of the practice DNS server and of the records in its zone."""

from __future__ import annotations

from installer_tasks.rehearsal.faults.base import Fault
from installer_tasks.text import mark as _

FAULTS = (
    Fault("dns.servfail", _("The DNS server answers SERVFAIL"), "dns.server-answers", "SERVFAIL"),
    Fault("dns.silent", _("The DNS server does not answer"), "dns.server-answers", "answer"),
)
