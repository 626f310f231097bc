"""What TMC-SM makes of the groups that a token names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

Role = Literal["admin", "member", ""]


def role_of(groups: object, admin: str, member: str) -> Role:
    """The role that TMC-SM gives for a groups claim: names are compared to the letter."""
    names = [groups] if isinstance(groups, str) else list(groups) if isinstance(groups, Sequence) else []
    if admin in names:
        return "admin"
    return "member" if member in names else ""


def near_misses(groups: Sequence[str], admin: str, member: str) -> tuple[str, ...]:
    """Groups that were probably meant: another case, or the full path that Keycloak writes."""
    wanted = {admin.casefold(), member.casefold()}
    return tuple(
        name for name in groups if name not in (admin, member) and name.rpartition("/")[2].casefold() in wanted
    )
