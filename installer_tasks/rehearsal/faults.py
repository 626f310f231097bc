"""Faults of the practice estate: small named values, grouped by system, switched by name while it runs.

Servers ask `faults.active("<system>.<what>")` where a fault would bite. A new fault is one line here and that question.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from installer_tasks.text import mark as _


@dataclass(frozen=True)
class Fault:
    """A switchable defect of the estate."""

    name: str  #: `<system>.<what>`
    title: str  #: what is wrong, marked for translation

    @property
    def system(self) -> str:
        return self.name.partition(".")[0]


FAULTS: tuple[Fault, ...] = (
    Fault("kube.slow", _("The Kubernetes API takes two seconds for each answer")),
    Fault("kube.unavailable", _("The Kubernetes API answers 503")),
    Fault("dns.servfail", _("The DNS server answers SERVFAIL")),
    Fault("dns.silent", _("The DNS server does not answer")),
    Fault("edge.unavailable", _("The load balancer answers 503")),
    Fault("identity.unavailable", _("The identity provider answers 503")),
    Fault("identity.issuer-mismatch", _("The identity provider calls itself by another name")),
    Fault("registry.read-only", _("The registry is in read-only mode")),
    Fault("registry.unavailable", _("The registry answers 503")),
)
NAMES = frozenset(fault.name for fault in FAULTS)


class Faults:
    """Which faults are on; safe to ask from any thread."""

    def __init__(self, *names: str) -> None:
        self._lock = threading.Lock()
        self._on: set[str] = set()
        for name in names:
            self.switch(name, on=True)

    def active(self, name: str) -> bool:
        with self._lock:
            return name in self._on

    def switch(self, name: str, *, on: bool) -> None:
        """KeyError for a name that is not a fault."""
        if name not in NAMES:
            raise KeyError(name)
        with self._lock:
            (self._on.add if on else self._on.discard)(name)
