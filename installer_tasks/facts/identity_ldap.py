"""The directory, asked as Pinniped will ask it, stage by stage: reached, secured, signed in, the person, their groups.

What one stage shows the next one needs; each has an outcome of its own, and the whole a deadline.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from installer_tasks import certificates, directory, net
from installer_tasks.directory import Entry, Place, Session
from installer_tasks.errors import InstallerError, TlsFailure, Unreachable
from installer_tasks.facts.authority import supplied
from installer_tasks.facts.base import Observations
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

SECONDS = 20.0  #: of the whole conversation; connecting and the handshake have these each
A_MOMENT = 3.0  #: for looking again, only to say more about a failure
MOST_GROUPS = 500  #: of one person
MOST_SHOWN = 20
IN_CHAIN = "1.2.840.113556.1.4.1941"  #: Active Directory's rule for membership through other groups
_GROUPS = "(|(objectClass=group)(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=posixGroup))"
_LDAPS = Text(_("Name the port of LDAPS: 636, or 3269 for a global catalogue. Passwords go over TLS only."))
#: How a failed handshake looks when nobody speaks TLS there.
_NO_TLS = ("tls-none", "tls-handshake", "unreachable-ended", "unreachable-timeout")


@dataclass(frozen=True)
class Reached:
    """The name resolves, and something listens."""

    place: str
    address: str


@dataclass(frozen=True)
class Secured:
    """Its certificate is for this name, and trusted."""

    place: str
    protocol: str
    issuer: str
    expires: str
    days: int


@dataclass(frozen=True)
class Bound:
    """The service account may sign in."""

    account: str


@dataclass(frozen=True)
class Base:
    """This part of the directory is there, for the service account to read."""

    dn: str


@dataclass(frozen=True)
class Sought:
    """What the filter found: `asked` is the name that was put in, "" for anybody."""

    base: str
    filter: str
    asked: str
    hits: tuple[str, ...]
    more: bool
    referrals: int
    attribute: str  #: that holds the user name
    name: str  #: as TMC-SM will know the person
    mail: str
    has: tuple[str, ...]  #: attributes, of those that can be a user name


@dataclass(frozen=True)
class SignedIn:
    """The person themselves with their password; `tried` only where one was typed."""

    dn: str
    tried: bool
    error: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Group:
    """One of the two groups by name: below the base, and elsewhere in the directory where it is not."""

    wanted: str
    found: tuple[str, ...]
    dns: tuple[str, ...]
    elsewhere: tuple[str, ...]

    @property
    def exact(self) -> bool:
        return self.wanted in self.found


@dataclass(frozen=True)
class Membership:
    """A person's groups as Pinniped would give them, and others that hold them: as a member, or by nesting alone."""

    dn: str
    base: str
    filter: str
    groups: tuple[str, ...]
    more: bool
    by_member: tuple[str, ...]
    by_nesting: tuple[str, ...]


#: What may be somebody's name; asked for to say which of them there is.
USER_ATTRIBUTES = ("userPrincipalName", "sAMAccountName", "uid", "mail", "cn")


def collect(answers: Mapping[str, str], observations: Observations) -> None:
    look = _Look(answers)
    with contextlib.closing(look):
        if observations.observe("ldap_connect", lambda: asdict(look.reached())) is None:
            return
        if observations.observe("ldap_tls", lambda: asdict(look.secured())) is None:
            return
        if observations.observe("ldap_bind", lambda: asdict(look.bound())) is None:
            return
        if observations.observe("ldap_user_base", lambda: asdict(look.base("identity.ldap_user_base"))) is not None:
            user = observations.observe("ldap_user", lambda: asdict(look.user()))
            if user and user["asked"] and len(user["hits"]) == 1:
                observations.observe("ldap_sign_in", partial(look.signed_in, user["hits"][0]))
        if observations.observe("ldap_group_base", lambda: asdict(look.base("identity.ldap_group_base"))) is None:
            return
        observations.observe("ldap_groups", look.groups)
        person = look.found
        if person is not None:
            observations.observe("ldap_membership", lambda: asdict(look.membership(person)))


class _Look:
    """One conversation after the other with the directory of these answers."""

    def __init__(self, answers: Mapping[str, str]) -> None:
        self._answers = answers
        self._session: Session | None = None
        self.found: Entry | None = None  #: the test user, when there is exactly one

    def close(self) -> None:
        if self._session is not None:
            self._session.close()

    @property
    def _place(self) -> Place:
        return directory.parse_place(self._answers["identity.ldap_host"], field="identity.ldap_host")

    @property
    def _ca(self) -> str | None:
        return supplied(self._answers, "identity.ldap_ca")

    def _open(self) -> Session:
        return Session(self._place, self._ca, SECONDS)

    def _bound_session(self) -> Session:
        assert self._session is not None  # noqa: S101 - `bound` came before
        return self._session

    def reached(self) -> Reached:
        place = self._place
        with net.connect(place.host, place.port, net.deadline(SECONDS)) as sock:
            return Reached(str(place), str(sock.getpeername()[0]))

    def secured(self) -> Secured:
        place = self._place
        try:
            seen = certificates.verify_endpoint(place.host, place.port, ca_pem=self._ca, timeout=SECONDS)
        except (TlsFailure, Unreachable) as error:
            if error.code in _NO_TLS and directory.speaks_plainly(place, A_MOMENT):
                raise _plain(place) from error
            raise
        leaf = seen.chain[0]
        ends = leaf.not_valid_after_utc
        days = (ends - datetime.now(UTC)).days
        return Secured(str(place), seen.protocol, leaf.issuer.rfc4514_string(), f"{ends:%Y-%m-%d}", days)

    def bound(self) -> Bound:
        account, password = self._answers["identity.ldap_username"], self._answers["identity.ldap_password"]
        self._session = self._open()
        self._session.bind(account, password)
        return Bound(account)

    def base(self, key: str) -> Base:
        dn = directory.parse_dn(self._answers[key], field=key)
        self._bound_session().search(dn, "(objectClass=*)", ("1.1",), limit=1, only=True)
        return Base(dn)

    def user(self) -> Sought:
        answers = self._answers
        asked, base, attribute = (
            answers[f"identity.ldap_{name}"] for name in ("test_user", "user_base", "user_attribute")
        )
        template = directory.parse_template(answers["identity.ldap_user_filter"], field="identity.ldap_user_filter")
        wanted = directory.fill(template, asked) if asked else directory.fill_any(template)
        found = self._bound_session().search(base, wanted, (attribute, *USER_ATTRIBUTES), limit=3 if asked else 1)
        entries = found.entries
        if asked and len(entries) == 1 and not found.cut:
            self.found = entries[0]
        first = entries[0] if entries else Entry("")
        return Sought(
            base=base,
            filter=wanted,
            asked=asked,
            hits=tuple(entry.dn for entry in entries),
            more=found.cut,
            referrals=found.referrals,
            attribute=attribute,
            name=next(iter(first.values(attribute)), "")[:300],
            mail=next(iter(first.values("mail")), "")[:300],
            has=tuple(name for name in USER_ATTRIBUTES if first.values(name)),
        )

    def signed_in(self, dn: str) -> dict[str, Any]:
        """In a conversation of its own: a bind changes who is asking."""
        password = self._answers["identity.ldap_test_password"]
        if not password:
            return asdict(SignedIn(dn, tried=False))
        with self._open() as session:
            try:
                session.bind(dn, password)
            except InstallerError as error:
                return asdict(SignedIn(dn, tried=True, error=error.as_json()))
        return asdict(SignedIn(dn, tried=True))

    def groups(self) -> dict[str, Any]:
        """Both groups by their names, whoever is in them."""
        found = {role: self._group(self._answers[f"identity.{role}_group"]) for role in ("admin", "member")}
        return {role: {**asdict(group), "exact": group.exact} for role, group in found.items()}

    def _group(self, wanted: str) -> Group:
        base, asked = self._answers["identity.ldap_group_base"], f"(&(cn={directory.escape(wanted)}){_GROUPS})"
        entries = self._bound_session().search(base, asked, ("cn",), limit=MOST_SHOWN).entries
        elsewhere = () if entries else self._elsewhere(base, asked)
        names = tuple(name for entry in entries for name in entry.values("cn"))
        return Group(wanted, names, tuple(entry.dn for entry in entries), elsewhere)

    def _elsewhere(self, base: str, asked: str) -> tuple[str, ...]:
        """Only to say more: whoever may not look there is told less."""
        try:
            entries = self._bound_session().search(directory.suffix(base), asked, ("cn",), limit=MOST_SHOWN).entries
        except InstallerError:
            return ()
        return tuple(entry.dn for entry in entries)

    def membership(self, person: Entry) -> Membership:
        key = "identity.ldap_group_filter"
        base, template = self._answers["identity.ldap_group_base"], self._answers[key]
        wanted = directory.fill(directory.parse_template(template, field=key), person.dn)
        found = self._bound_session().search(base, wanted, ("cn",), limit=MOST_GROUPS)
        groups = _names(found.entries)
        members = set(self._others(base, f"(member={directory.escape(person.dn)})")) - set(groups)
        chain = f"(&(objectClass=group)(member:{IN_CHAIN}:={directory.escape(person.dn)}))"
        nested = set(self._others(base, chain)) - set(groups) - members
        return Membership(person.dn, base, wanted, groups, found.cut, tuple(sorted(members)), tuple(sorted(nested)))

    def _others(self, base: str, wanted: str) -> tuple[str, ...]:
        """Only to say more: not every directory knows the rule for nested groups; it says so, or finds nothing."""
        try:
            return _names(self._bound_session().search(base, wanted, ("cn",), limit=MOST_GROUPS).entries)
        except InstallerError:
            return ()


def _names(entries: tuple[Entry, ...]) -> tuple[str, ...]:
    return tuple(sorted(name for entry in entries for name in entry.values("cn")))


def _plain(place: Place) -> TlsFailure:
    return TlsFailure(
        text(_("%(place)s speaks LDAP without TLS."), place=str(place)),
        value=str(place),
        remedy=_LDAPS,
        code="tls-none",
    )
