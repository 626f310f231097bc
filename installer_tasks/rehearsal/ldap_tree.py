"""What the practice directory holds: the people of the practice provider and their groups, as in Active Directory."""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from installer_tasks.rehearsal.identity import Person
from installer_tasks.systems.directory import filters
from installer_tasks.systems.directory.filters import Filter
from installer_tasks.systems.directory.names import is_below, normal, parts

ROOT = "DC=practice,DC=example"
PEOPLE, GROUPS = f"OU=people,{ROOT}", f"OU=groups,{ROOT}"
SERVICE = f"CN=svc-tmc,OU=services,{ROOT}"
NESTED = "platform-team"  #: in the group of members, and all that is in it
IN_CHAIN = "1.2.840.113556.1.4.1941"
_NAMES = ("member", "memberof", "distinguishedname")

Attributes = Mapping[str, tuple[str, ...]]


class Tree:
    """Entries by name; safe to change while it is searched, since a search reads a copy."""

    def __init__(self, passwords: Mapping[str, str]) -> None:
        self._passwords = {normal(dn): password for dn, password in passwords.items()}
        self._entries: dict[str, tuple[str, Attributes]] = {}

    def add(self, dn: str, **attributes: str | Iterable[str]) -> None:
        found = {name: (value,) if isinstance(value, str) else tuple(value) for name, value in attributes.items()}
        kind, _equals, value = parts(dn)[0].partition("=")
        found = {kind.lower(): (value,), "distinguishedName": (dn,), **found}
        self._entries[normal(dn)] = (dn, found)

    def remove(self, dn: str) -> None:
        del self._entries[normal(dn)]

    def holds(self, dn: str) -> bool:
        return normal(dn) in self._entries

    def accepts(self, dn: str, password: str) -> bool:
        known = self._passwords.get(normal(dn))
        return known is not None and hmac.compare_digest(known.encode(), password.encode())

    def known_above(self, dn: str) -> str:
        """As much of this name as there is."""
        every = parts(dn)
        return next((above for at in range(1, len(every)) if self.holds(above := ",".join(every[at:]))), "")

    def search(self, base: str, wanted: Filter, *, only: bool) -> Iterator[tuple[str, Attributes]]:
        for dn, attributes in list(self._entries.values()):
            inside = normal(dn) == normal(base) if only else is_below(dn, base)
            if inside and self._matches(wanted, dn, attributes):
                yield dn, attributes

    def _matches(self, wanted: Filter, dn: str, attributes: Attributes) -> bool:
        if wanted.kind in _COMBINED:
            return _COMBINED[wanted.kind](self._matches(part, dn, attributes) for part in wanted.parts)
        name = wanted.attribute.lower()
        values = next((values for key, values in attributes.items() if key.lower() == name), ())
        if wanted.kind == filters.PRESENT:
            return bool(values)
        if wanted.kind == filters.SUBSTRINGS:
            return any(_like(value, wanted.pieces) for value in values)
        value = wanted.value.decode("utf-8", "replace")
        if wanted.kind == filters.RULE:
            return wanted.rule == IN_CHAIN and name == "member" and self._in_chain(dn, value)
        return any(_same(name, each, value) for each in values)

    def _in_chain(self, group: str, member: str, seen: frozenset[str] = frozenset()) -> bool:
        """Whether the member is in the group, through other groups too."""
        _dn, attributes = self._entries.get(normal(group), ("", {}))
        inside = {normal(each) for each in attributes.get("member", ())}
        if normal(member) in inside:
            return True
        return any(self._in_chain(each, member, seen | inside) for each in inside - seen)


def _none(found: Iterable[bool]) -> bool:
    return not any(found)


_COMBINED: dict[int, Callable[[Iterable[bool]], bool]] = {filters.AND: all, filters.OR: any, filters.NOT: _none}


def _same(name: str, one: str, other: str) -> bool:
    return normal(one) == normal(other) if name in _NAMES else one.casefold() == other.casefold()


def _like(value: str, pieces: Sequence[bytes]) -> bool:
    pattern = ".*".join(re.escape(piece.decode("utf-8", "replace")) for piece in pieces)
    return re.fullmatch(pattern, value, re.IGNORECASE | re.DOTALL) is not None


def person_dn(name: str) -> str:
    return f"CN={name.capitalize()} Practice,{PEOPLE}"


def group_dn(name: str) -> str:
    return f"CN={name},{GROUPS}"


def practice_tree(people: Sequence[Person], service_password: str) -> Tree:
    """Everybody of the practice provider with their groups. Members are in theirs through another group."""
    tree = Tree({person_dn(person.name): person.password for person in people} | {SERVICE: service_password})
    tree.add(ROOT, objectClass=("top", "domain"))
    for unit in ("people", "groups", "services"):
        tree.add(f"OU={unit},{ROOT}", objectClass=("top", "organizationalUnit"))
    tree.add(SERVICE, objectClass=("top", "person", "user"), sAMAccountName="svc-tmc")
    for person in people:
        tree.add(
            person_dn(person.name),
            objectClass=("top", "person", "organizationalPerson", "user", "inetOrgPerson"),
            sAMAccountName=person.name,
            uid=person.name,
            userPrincipalName=person.email,
            mail=person.email,
            givenName=person.first_name,
            sn=person.last_name,
        )
    _add_groups(tree, people)
    return tree


def _add_groups(tree: Tree, people: Sequence[Person]) -> None:
    """The first group holds its people, the second one another group that does."""
    by_group: dict[str, list[str]] = {}
    for person in people:
        for group in person.groups:
            by_group.setdefault(group, []).append(person_dn(person.name))
    for number, (group, members) in enumerate(by_group.items()):
        inner = [group_dn(NESTED)] if number else []
        if inner:
            tree.add(inner[0], objectClass=("top", "group", "groupOfNames"), sAMAccountName=NESTED, member=members)
        tree.add(
            group_dn(group), objectClass=("top", "group", "groupOfNames"), sAMAccountName=group, member=inner or members
        )
