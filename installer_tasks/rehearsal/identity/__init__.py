"""The practice OpenID Connect provider: Authlib speaks the protocol, this package has the people and the pages."""

from __future__ import annotations

from installer_tasks.rehearsal.identity.faulty import ISSUER_MISMATCH, UNAVAILABLE
from installer_tasks.rehearsal.identity.people import ADMIN_GROUP, MEMBER_GROUP, Client, Person, practice_people
from installer_tasks.rehearsal.identity.server import IdentityServer

__all__ = [
    "ADMIN_GROUP",
    "ISSUER_MISMATCH",
    "MEMBER_GROUP",
    "UNAVAILABLE",
    "Client",
    "IdentityServer",
    "Person",
    "practice_people",
]
