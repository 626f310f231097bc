"""The directory, asked as Pinniped will ask it, stage by stage: reached, secured, signed in, the person, their groups.

What one stage shows the next one needs; each has an outcome of its own, and the whole a deadline.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple

from installer_tasks.errors import InstallerError, TlsFailure, Unreachable
from installer_tasks.local.outside import shortened
from installer_tasks.preflight.facts.authority import supplied
from installer_tasks.preflight.facts.base import Observations
from installer_tasks.preflight.shapes import identity as shapes
from installer_tasks.systems import certificates, directory, net
from installer_tasks.systems.directory import Entry, Place, Session
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

SECONDS = 20.0  #: of the whole conversation; connecting and the handshake have these each
A_MOMENT = 3.0  #: for looking again, only to say more about a failure
MOST_GROUPS = 500  #: of one person
MOST_SHOWN = 20
IN_CHAIN = "1.2.840.113556.1.4.1941"  #: Active Directory's rule for membership through other groups
_GROUPS = "(|(objectClass=group)(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=posixGroup))"
_LDAPS = Text(_("Enter the LDAPS port: 636, or 3269 for a global catalog. Passwords are sent only over TLS."))
#: How a failed handshake looks when nobody speaks TLS there.
_NO_TLS = ("tls-none", "tls-handshake", "unreachable-ended", "unreachable-timeout")
#: What may be somebody's name; asked for to say which of them there is.
USER_ATTRIBUTES = ("userPrincipalName", "sAMAccountName", "uid", "mail", "cn")


def collect(answers: Mapping[str, str], observations: Observations) -> None:
    look = _Look(answers)
    if observations.observe(shapes.LDAP_CONNECT, look.reached) is None:
        return
    if observations.observe(shapes.LDAP_TLS, look.secured) is None:
        return
    session = observations.observe_with(
        shapes.LDAP_BIND, look.bound, lambda _session: {"account": answers["identity.ldap_username"]}
    )
    if session is None:
        return
    with session:
        _ask(_Questions(answers, session), look, observations)


def _ask(questions: _Questions, look: _Look, observations: Observations) -> None:
    person: Entry | None = None
    if observations.observe(shapes.LDAP_USER_BASE, partial(questions.base, "identity.ldap_user_base")) is not None:
        found = observations.observe_with(shapes.LDAP_USER, questions.user, lambda found: found.sought)
        person = found.person if found else None
    if observations.observe(shapes.LDAP_GROUP_BASE, partial(questions.base, "identity.ldap_group_base")) is not None:
        observations.observe(shapes.LDAP_GROUPS, questions.groups)
        if person is not None:
            observations.observe(shapes.LDAP_MEMBERSHIP, partial(questions.membership, person))
    if person is not None:
        observations.observe(shapes.LDAP_SIGN_IN, partial(look.signed_in, person.dn))


class _Look:
    """One conversation after the other with the directory of these answers."""

    def __init__(self, answers: Mapping[str, str]) -> None:
        self._answers = answers

    @property
    def _place(self) -> Place:
        return directory.parse_place(self._answers["identity.ldap_host"], field="identity.ldap_host")

    @property
    def _ca(self) -> str | None:
        return supplied(self._answers, "identity.ldap_ca")

    def _open(self) -> Session:
        return Session(self._place, self._ca, SECONDS)

    def reached(self) -> shapes.Reached:
        place = self._place
        with net.connect(place.host, place.port, net.deadline(SECONDS)) as sock:
            return {"place": str(place), "address": str(sock.getpeername()[0])}

    def secured(self) -> shapes.Secured:
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
        return {
            "place": str(place),
            "protocol": seen.protocol,
            "issuer": certificates.issuer_of(leaf),
            "expires": f"{ends:%Y-%m-%d}",
            "days": days,
        }

    def bound(self) -> Session:
        """A conversation with the directory as the service account."""
        session = self._open()
        try:
            session.bind(self._answers["identity.ldap_username"], self._answers["identity.ldap_password"])
        except BaseException:
            session.close()
            raise
        return session

    def signed_in(self, dn: str) -> shapes.SignedIn:
        """In a conversation of its own: a bind changes who is asking."""
        password = self._answers["identity.ldap_test_password"]
        if not password:
            return {"dn": dn, "tried": False, "error": None}
        with self._open() as session:
            try:
                session.bind(dn, password)
            except InstallerError as error:
                return {"dn": dn, "tried": True, "error": error.as_json()}
        return {"dn": dn, "tried": True, "error": None}


class _Found(NamedTuple):
    sought: shapes.Sought
    person: Entry | None  #: the test user, when there is exactly one


class _Questions:
    """What the service account asks."""

    def __init__(self, answers: Mapping[str, str], session: Session) -> None:
        self._answers = answers
        self._session = session

    def base(self, key: str) -> shapes.Base:
        dn = directory.parse_dn(self._answers[key], field=key)
        self._session.search(dn, "(objectClass=*)", ("1.1",), limit=1, only=True)
        return {"dn": dn}

    def user(self) -> _Found:
        answers = self._answers
        asked, base, attribute = (
            answers[f"identity.ldap_{name}"] for name in ("test_user", "user_base", "user_attribute")
        )
        template = directory.parse_template(answers["identity.ldap_user_filter"], field="identity.ldap_user_filter")
        wanted = directory.fill(template, asked) if asked else directory.fill_any(template)
        found = self._session.search(base, wanted, (attribute, *USER_ATTRIBUTES), limit=3 if asked else 1)
        entries = found.entries
        first = entries[0] if entries else Entry("")
        sought: shapes.Sought = {
            "base": base,
            "filter": wanted,
            "asked": asked,
            "hits": tuple(entry.dn for entry in entries),
            "more": found.cut,
            "referrals": found.referrals,
            "attribute": attribute,
            "name": shortened(next(iter(first.values(attribute)), ""), 300),
            "mail": shortened(next(iter(first.values("mail")), ""), 300),
            "has": tuple(name for name in USER_ATTRIBUTES if first.values(name)),
        }
        return _Found(sought, first if asked and len(entries) == 1 and not found.cut else None)

    def groups(self) -> dict[str, shapes.Group]:
        """Both groups by their names, whoever is in them."""
        return {role: self._group(self._answers[f"identity.{role}_group"]) for role in ("admin", "member")}

    def _group(self, wanted: str) -> shapes.Group:
        base, asked = self._answers["identity.ldap_group_base"], f"(&(cn={directory.escape(wanted)}){_GROUPS})"
        entries = self._session.search(base, asked, ("cn",), limit=MOST_SHOWN).entries
        elsewhere = () if entries else self._elsewhere(base, asked)
        names = tuple(name for entry in entries for name in entry.values("cn"))
        return {
            "wanted": wanted,
            "found": names,
            "dns": tuple(entry.dn for entry in entries),
            "elsewhere": elsewhere,
            "exact": wanted in names,
        }

    def _elsewhere(self, base: str, asked: str) -> tuple[str, ...]:
        """Only to say more: whoever may not look there is told less."""
        try:
            entries = self._session.search(directory.suffix(base), asked, ("cn",), limit=MOST_SHOWN).entries
        except InstallerError:
            return ()
        return tuple(entry.dn for entry in entries)

    def membership(self, person: Entry) -> shapes.Membership:
        key = "identity.ldap_group_filter"
        base, template = self._answers["identity.ldap_group_base"], self._answers[key]
        wanted = directory.fill(directory.parse_template(template, field=key), person.dn)
        found = self._session.search(base, wanted, ("cn",), limit=MOST_GROUPS)
        groups = _names(found.entries)
        members = set(self._others(base, f"(member={directory.escape(person.dn)})")) - set(groups)
        chain = f"(&(objectClass=group)(member:{IN_CHAIN}:={directory.escape(person.dn)}))"
        nested = set(self._others(base, chain)) - set(groups) - members
        return {
            "dn": person.dn,
            "base": base,
            "filter": wanted,
            "groups": groups,
            "more": found.cut,
            "by_member": tuple(sorted(members)),
            "by_nesting": tuple(sorted(nested)),
        }

    def _others(self, base: str, wanted: str) -> tuple[str, ...]:
        """Only to say more: not every directory knows the rule for nested groups; it says so, or finds nothing."""
        try:
            return _names(self._session.search(base, wanted, ("cn",), limit=MOST_GROUPS).entries)
        except InstallerError:
            return ()


def _names(entries: tuple[Entry, ...]) -> tuple[str, ...]:
    return tuple(sorted(name for entry in entries for name in entry.values("cn")))


def _plain(place: Place) -> TlsFailure:
    return TlsFailure(
        text(_("%(place)s uses LDAP without TLS."), place=str(place)),
        value=str(place),
        remedy=_LDAPS,
        code="tls-none",
    )
