"""For whom each address is. The middleware enforces this table; an address that is not in it is for nobody.

`scripts/role_matrix.py` asks every address as every role, with every method, and holds the responses against it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

READING = frozenset({"GET", "HEAD", "OPTIONS"})


class For(StrEnum):
    """Who may use an address. With a number of an installation in it, roles are those at its customer."""

    ANYBODY = "anybody"
    PERSONS = "whoever is signed in"
    VIEWERS = "viewers and installers of the customer"
    INSTALLERS = "installers of the customer"
    SOMEWHERE = "whoever is an installer of any customer"
    ADMINISTRATORS = "administrators"


@dataclass(frozen=True)
class Route:
    """Who may GET it and who may POST to it; None where the view has no such method."""

    reads: For | None
    sends: For | None
    any_method: bool = False  #: whether the view takes every other method too

    def audience(self, method: str) -> For:
        """Whom the view may answer, if only that it has no such method."""
        found = (self.reads or self.sends) if method in READING else (self.sends or self.reads)
        if found is For.VIEWERS and method not in READING:
            return For.INSTALLERS
        return found or For.ADMINISTRATORS


OPEN = Route(For.ANYBODY, For.ANYBODY)
OPEN_TO_READ = Route(For.ANYBODY, None)
OPEN_TO_SEND = Route(None, For.ANYBODY)
OWN_PAGE = Route(For.PERSONS, None)
OWN_FORM = Route(For.PERSONS, For.PERSONS)
OWN_ACTION = Route(None, For.PERSONS)
PAGE = Route(For.VIEWERS, None)
FORM = Route(For.VIEWERS, For.INSTALLERS)
ACTION = Route(None, For.INSTALLERS)
OUTWARD = Route(For.INSTALLERS, None)  #: a GET that asks another system
ADMINISTRATION = Route(For.ADMINISTRATORS, For.ADMINISTRATORS)
ADMINISTRATIVE_ACTION = Route(None, For.ADMINISTRATORS)

#: By the name of the address in `wizard/urls.py`.
ROUTES: dict[str, Route] = {
    "sign-in": OPEN,
    "sign-in-link": OPEN,
    "exposed-link": Route(For.ANYBODY, For.ANYBODY, any_method=True),
    "sign-out": OPEN_TO_SEND,
    "language": OPEN,
    "theme": OPEN_TO_SEND,
    "healthz": OPEN_TO_READ,
    "favicon": OPEN_TO_READ,
    "installations": Route(For.PERSONS, For.SOMEWHERE),
    "welcome": OWN_FORM,
    "sessions": OWN_PAGE,
    "session-end": OWN_ACTION,
    "audit": OWN_PAGE,
    "audit-table": OWN_PAGE,
    "reference": OWN_PAGE,
    "checklist": OWN_PAGE,
    "manual": OWN_PAGE,
    "live": OWN_PAGE,
    "design": OWN_PAGE,
    "people": ADMINISTRATION,
    "roles": ADMINISTRATIVE_ACTION,
    "person-link": ADMINISTRATIVE_ACTION,
    "retire": ADMINISTRATIVE_ACTION,
    "bring-back": ADMINISTRATIVE_ACTION,
    "bundle-folders": ADMINISTRATION,
    "bundle-folder-close": ADMINISTRATIVE_ACTION,
    "program-confirm": ADMINISTRATIVE_ACTION,
    "program-withdraw": ADMINISTRATIVE_ACTION,
    "open": PAGE,
    "delete": FORM,
    "start-over": FORM,
    "rail": PAGE,
    "step": FORM,
    "findings": PAGE,
    "check": ACTION,
    "options": PAGE,
    "generate": ACTION,
    "take-over": ACTION,
    "check-one": ACTION,
    "fix": Route(For.INSTALLERS, For.INSTALLERS),
    "sign-in-rehearsal": PAGE,
    "sign-in-rehearsal-start": OUTWARD,
    "sign-in-rehearsal-callback": OUTWARD,
    "sign-in-rehearsal-password": ACTION,
    "waive": ACTION,
    "unwaive": ACTION,
    "all-settings": FORM,
    "review": PAGE,
    "readiness": PAGE,
    "map": PAGE,
    "check-all": ACTION,
    "install": ACTION,
    "run": PAGE,
    "resume": ACTION,
    "undo": FORM,
    "attempt": PAGE,
    "progress": PAGE,
    "log": PAGE,
    "log-download": PAGE,
    "support": PAGE,
    "support-bundle": PAGE,
    "cancel": FORM,
    "done": PAGE,
    "handover": PAGE,
    "handover-file": PAGE,
    "practice": FORM,
}
