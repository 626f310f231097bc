"""The customer's LDAP directory or Active Directory, asked as Pinniped will ask it: over LDAPS, with its filters.

The four messages that this takes are written and read here: docs/decisions/ldap-client.md says why.
"""

from __future__ import annotations

from installer_tasks.systems.directory.client import Found, Place, Session, parse_place, speaks_plainly
from installer_tasks.systems.directory.filters import escape, fill, fill_any, parse_template
from installer_tasks.systems.directory.messages import Entry
from installer_tasks.systems.directory.names import is_below, parse_dn, suffix

__all__ = [
    "Entry",
    "Found",
    "Place",
    "Session",
    "escape",
    "fill",
    "fill_any",
    "is_below",
    "parse_dn",
    "parse_place",
    "parse_template",
    "speaks_plainly",
    "suffix",
]
