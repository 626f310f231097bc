"""What TMC-SM makes of the groups that a token names, and what was probably meant by those that it does not know."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from installer_tasks.local.outside import shortened
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

Role = Literal["admin", "member", ""]
MAX_SHOWN = 120
MAX_GROUPS = 5000
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_SID = re.compile(r"S-1-[0-9-]+")


@dataclass(frozen=True)
class Wanted:
    """The names that decide: the claim, and the two groups."""

    claim: str
    admin: str
    member: str

    @property
    def groups(self) -> tuple[str, str]:
        return self.admin, self.member


@dataclass(frozen=True)
class NearMiss:
    """A group that is not the wanted one, but looks like it."""

    group: str
    meant: str
    why: Text


def names_in(value: object) -> tuple[str, ...] | None:
    """The group names that a claim holds, exactly as they are; None for what Pinniped does not read as groups."""
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return tuple(value[:MAX_GROUPS])
    return None


def role_of(groups: object, admin: str, member: str) -> Role:
    """The role that TMC-SM gives for a groups claim: names are compared to the letter."""
    names = names_in(groups) or ()
    if admin in names:
        return "admin"
    return "member" if member in names else ""


def near_misses(groups: Sequence[str], wanted: Wanted) -> tuple[NearMiss, ...]:
    """Groups that were probably meant, each with what is different about it."""
    found = (_near(name, meant) for name in groups if name not in wanted.groups for meant in wanted.groups)
    return tuple(miss for miss in found if miss)


def _near(group: str, meant: str) -> NearMiss | None:
    name, wanted = group.casefold(), meant.casefold()
    rules = (
        (name == wanted, _("It differs from %(meant)s only in case.")),
        (name.strip() == wanted, _("It is %(meant)s with a space before or after it.")),
        (_last(name, "/") == wanted, _("It is a path; only the name %(meant)s is needed.")),
        (_last(name, "\\") == wanted, _("It is %(meant)s with a domain prefix.")),
        (_common_name(name) == wanted, _("It is a distinguished name; only its CN %(meant)s is needed.")),
        (name.partition("@")[0] == wanted, _("It is %(meant)s with a domain suffix.")),
        (_one_of(name, wanted), _("It is one string with several names; a list that contains %(meant)s is needed.")),
        (name.endswith(wanted), _("It is %(meant)s with a prefix.")),
        (name.startswith(wanted), _("It is %(meant)s with a suffix.")),
        (_letters(name) == _letters(wanted) != "", _("It is %(meant)s with different separators between the words.")),
    )
    why = next((words for matches, words in rules if matches), "")
    return NearMiss(shortened(group, MAX_SHOWN), meant, text(why, meant=meant)) if why else None


def _last(group: str, separator: str) -> str:
    _head, found, tail = group.rpartition(separator)
    return tail if found else ""


def _common_name(group: str) -> str:
    found = re.match(r"\s*CN=((?:[^,\\]|\\.)+)", group, re.IGNORECASE)
    return found[1].strip() if found else ""


def _one_of(group: str, meant: str) -> bool:
    parts = [part.strip(" []\"'") for part in re.split(r"[,;|\s]+", group)]
    return len(parts) > 1 and meant in parts


def _letters(name: str) -> str:
    return re.sub(r"[\W_]", "", name)


def looks_like_ids(groups: Sequence[str]) -> bool:
    """As Entra ID (GUIDs) and AD FS (SIDs) write groups, unless told to write names."""
    return bool(groups) and all(_GUID.fullmatch(name) or _SID.fullmatch(name) for name in groups)


def elsewhere(claims: Mapping[str, Any], wanted: Wanted) -> tuple[str, ...]:
    """Other claims that hold a wanted group, or nearly, written as a path: `realm_access.roles`."""
    found = []
    for path, value in _lists(claims):
        names = names_in(value) or ()
        if path != wanted.claim and (set(names) & set(wanted.groups) or near_misses(names[:200], wanted)):
            found.append(shortened(path, MAX_SHOWN))
    return tuple(found[:5])


def _lists(claims: Mapping[str, Any], above: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    for name, value in list(claims.items())[:200]:
        if isinstance(value, dict) and depth < 3:
            yield from _lists(value, f"{above}{name}.", depth + 1)
        elif isinstance(value, list):
            yield f"{above}{name}", value
