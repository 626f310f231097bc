"""Whether a person would enter TMC-SM, claim by claim, from what a token of theirs says. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from installer_tasks.local.outside import shortened
from installer_tasks.systems.identity.claims import (
    MAX_SHOWN,
    Role,
    Wanted,
    elsewhere,
    looks_like_ids,
    names_in,
    near_misses,
    role_of,
)
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _
from installer_tasks.text import mark_plural as ngettext

#: Up to release 1.4.2 a session cookie holds the groups, and a cookie holds 4 KiB.
MANY_GROUPS = 2500
SHOWN_GROUPS = 200
_NAMES = ("given_name", "family_name")


class Tone(StrEnum):
    GOOD = "good"
    WARN = "warn"
    BAD = "bad"  #: with this, nobody enters


@dataclass(frozen=True)
class Remark:
    """What one claim means."""

    tone: Tone
    claim: str
    found: str  #: as it is in the token
    message: Text
    remedy: Text | None = None

    def as_json(self) -> dict[str, Any]:
        remedy = self.remedy.as_json() if self.remedy else None
        return {"tone": str(self.tone), "claim": self.claim, "found": self.found, "message": self.message.as_json(),
                "remedy": remedy}  # fmt: skip


@dataclass(frozen=True)
class Judgement:
    """Who it was, the role, and why."""

    person: str
    role: Role
    groups: tuple[str, ...]
    remarks: tuple[Remark, ...]

    @property
    def enters(self) -> bool:
        return bool(self.role) and all(remark.tone != Tone.BAD for remark in self.remarks)

    def as_json(self) -> dict[str, Any]:
        """For pages; of many groups the first are there."""
        return {
            "person": self.person,
            "role": self.role,
            "enters": self.enters,
            "groups": [shortened(name, MAX_SHOWN) for name in self.groups[:SHOWN_GROUPS]],
            "more_groups": max(len(self.groups) - SHOWN_GROUPS, 0),
            "remarks": [remark.as_json() for remark in self.remarks],
        }


@dataclass(frozen=True)
class Told:
    """What a provider told of a person; `userinfo` is empty where it was not asked or did not answer."""

    claims: Mapping[str, Any]
    userinfo: Mapping[str, Any]
    refreshable: bool  #: a refresh token came along


def judge(told: Told, wanted: Wanted) -> Judgement:
    """What Pinniped and TMC-SM make of it. What userinfo adds counts: Pinniped asks it too."""
    both = {**told.userinfo, **told.claims}
    groups = both.get(wanted.claim)
    remarks = (
        *_of_groups(both, wanted),
        *_of_place(told, wanted.claim),
        *_of_email(both),
        *_of_names(both),
        *_of_refresh(told.refreshable),
    )
    return Judgement(_person(both), role_of(groups, wanted.admin, wanted.member), names_in(groups) or (), remarks)


def _person(claims: Mapping[str, Any]) -> str:
    named = (claims.get(name) for name in ("preferred_username", "upn", "email", "name", "sub"))
    return next((shortened(name, MAX_SHOWN) for name in named if isinstance(name, str) and name), "-")


def _shown(value: object) -> str:
    return shortened(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), MAX_SHOWN)


def _of_groups(claims: Mapping[str, Any], wanted: Wanted) -> Iterator[Remark]:
    if wanted.claim not in claims:
        yield _absent(claims, wanted)
        return
    value = claims[wanted.claim]
    names = names_in(value)
    if names is None:
        words = text(_("It is neither a name nor a list of names."))
        yield _bad(
            wanted.claim, value, words, _("Configure the provider to write a plain list of group names to this claim.")
        )
        return
    role = role_of(value, wanted.admin, wanted.member)
    if role:
        group = wanted.admin if role == "admin" else wanted.member
        yield Remark(Tone.GOOD, wanted.claim, group, text(_("The token contains exactly this group.")))
    yield from _misses(names, claims, wanted, role)
    if len(json.dumps(names)) > MANY_GROUPS:
        yield _many(names, wanted.claim)


def _absent(claims: Mapping[str, Any], wanted: Wanted) -> Remark:
    sources = claims.get("_claim_names")
    if claims.get("hasgroups") or (isinstance(sources, dict) and wanted.claim in sources):
        words = _("The user is in too many groups: Entra ID sends a link instead of the group names.")
        remedy = _("Configure Entra ID to send only the groups assigned to the application.")
        return _bad(wanted.claim, None, text(words), remedy)
    other = elsewhere(claims, wanted)
    if other:
        return _in_another(wanted, None, other, readable=other[0] in claims)
    return _bad(
        wanted.claim,
        None,
        text(_("The token does not contain this claim.")),
        _("Map the user's groups to this claim of the ID token. Some providers send it only if a "
          "scope of that name is requested: add it to the scopes."),
    )  # fmt: skip


def _misses(names: Sequence[str], claims: Mapping[str, Any], wanted: Wanted, role: Role) -> Iterator[Remark]:
    """Groups that would give more, but for how they are written; for nobody, there is always a reason."""
    remedy = text(_("Fix it at the provider, or enter the group on the identity page exactly as shown here."))
    worth = {"admin": (), "member": (wanted.admin,), "": wanted.groups}[role]
    misses = [miss for miss in near_misses(names, wanted) if miss.meant in worth][:5]
    for miss in misses:
        yield Remark(Tone.WARN if role else Tone.BAD, wanted.claim, miss.group, miss.why, remedy)
    if not misses and not role:
        yield _no_group(names, claims, wanted)


def _no_group(names: Sequence[str], claims: Mapping[str, Any], wanted: Wanted) -> Remark:
    shown = ", ".join(names)
    other = elsewhere(claims, wanted)
    if looks_like_ids(names):
        remedy = _("Configure the provider to send names, or enter the IDs of the two groups on the identity page.")
        return _bad(wanted.claim, shown, text(_("The token contains group IDs, not names.")), remedy)
    if other:
        return _in_another(wanted, shown, other, readable=other[0] in claims)
    words = text(_("The user is neither in %(admin)s nor in %(member)s."), admin=wanted.admin, member=wanted.member)
    remedy = _("Add the user to one of the two groups, and assign the group to the application.")
    return _bad(wanted.claim, shown, words, remedy)


def _in_another(wanted: Wanted, found: object, other: Sequence[str], *, readable: bool) -> Remark:
    remedy = _("Map the groups to the groups claim of the identity page; nested claims cannot be read.")
    if readable:
        remedy = _("Enter that claim on the identity page, or map the groups to the one entered there.")
    words = text(_("The groups are in another claim: %(claims)s."), claims=", ".join(other))
    return _bad(wanted.claim, found, words, remedy)


def _many(names: Sequence[str], claim: str) -> Remark:
    words = text(
        ngettext(
            "The user is in %(count)d group, which may be too large for a cookie.",
            "The user is in %(count)d groups, which may be too large for a cookie.",
        ),
        count=len(names),
    )
    remedy = text(_("Filter the groups at the provider, so that this token contains only the TMC groups."))
    return Remark(Tone.WARN, claim, str(len(names)), words, remedy)


def _of_place(told: Told, claim: str) -> Iterator[Remark]:
    if claim in told.userinfo and claim not in told.claims:
        words = text(_("It is only in the userinfo response, not in the ID token."))
        remedy = text(_("Add the claim to the ID token as well."))
        yield Remark(Tone.WARN, claim, _shown(told.userinfo[claim]), words, remedy)


def _of_email(claims: Mapping[str, Any]) -> Iterator[Remark]:
    email, verified = claims.get("email"), claims.get("email_verified", True)
    if not isinstance(email, str) or not email:
        remedy = _("Set an email address for the user, and request the scope email.")
        yield _bad("email", email, text(_("The email address is missing.")), remedy)
        return
    yield Remark(Tone.GOOD, "email", shortened(email, MAX_SHOWN), text(_("The token contains an email address.")))
    if verified is True:
        return
    words = text(_("The provider reports that the email address is not verified."))
    if verified is not False:
        words = text(_("It is neither true nor false; Pinniped rejects any other value."))
    remedy = _("Mark the address as verified at the provider; Keycloak: Email verified.")
    yield _bad("email_verified", verified, words, remedy)


def _of_names(claims: Mapping[str, Any]) -> Iterator[Remark]:
    absent = [name for name in _NAMES if not claims.get(name)]
    if absent and not claims.get("name"):
        words = text(_("The first or last name is missing."))
        remedy = text(_("Set the user's first and last name, and request the scope profile."))
        yield Remark(Tone.WARN, ", ".join(absent), "-", words, remedy)


def _of_refresh(refreshable: bool) -> Iterator[Remark]:
    if refreshable:
        yield Remark(Tone.GOOD, "refresh_token", "", text(_("The provider returned a refresh token.")))
        return
    words = text(_("The provider returned no refresh token; without one, Pinniped rejects every sign-in."))
    yield _bad("refresh_token", None, words,
               _("Enable the refresh token grant for this client, and allow the scope offline_access."))  # fmt: skip


def _bad(claim: str, found: object, message: Text, remedy: str) -> Remark:
    """`remedy` is a marked template."""
    return Remark(Tone.BAD, claim, "-" if found is None else _shown(found), message, text(remedy))
