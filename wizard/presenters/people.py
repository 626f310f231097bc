"""The people who may enter, what they may do, and the roles that can be given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy

from installer_tasks.models import Membership, Role, SignInLink, Workspace
from installer_tasks.saved_answers import DEFAULT_WORKSPACE, default_workspace
from wizard.accounts.forms import InviteForm
from wizard.accounts.people import NOTHING
from wizard.presenters.states import Shown

WORD: dict[str, Any] = {
    Role.INSTALLER: gettext_lazy("Installer"),
    Role.VIEWER: gettext_lazy("Viewer"),
    NOTHING: gettext_lazy("No access"),
}


@dataclass(frozen=True)
class RoleAt:
    """One person's role at one customer, as a control of a form."""

    field: str
    customer: str
    chosen: str
    options: tuple[tuple[str, Any], ...]

    @property
    def word(self) -> Any:
        return WORD.get(self.chosen, WORD[NOTHING])


@dataclass(frozen=True)
class Person:
    pk: int
    name: str
    me: bool
    active: bool
    administrator: bool
    shown: Shown
    last_seen: datetime | None
    invited_until: datetime | None
    roles: tuple[RoleAt, ...]

    @property
    def held(self) -> tuple[RoleAt, ...]:
        return tuple(role for role in self.roles if role.chosen in Role.values)


def page(me: User, form: InviteForm, places: Sequence[Workspace]) -> dict[str, Any]:
    given = {"administrator": form.data.get("administrator"), "name": form.data.get("name", "")}
    chosen = {place.pk: form.data.get(f"role-{place.pk}", _first_choice(places)) for place in places}
    held, until = _all_roles(), _invitations()
    everybody = User.objects.order_by("-is_active", "username")
    return {
        "people": [_person(who, me, _roles(places, held.get(who.pk, {})), until.get(who.pk)) for who in everybody],
        "form": form,
        "given": given,
        "new_roles": _roles(places, chosen),
    }


def places() -> list[Workspace]:
    """Every customer; at least the one that is nobody's by name."""
    default_workspace()
    return list(Workspace.objects.order_by("name"))


def label(place: Workspace, count: int) -> str:
    """What a customer is called on pages."""
    if place.name != DEFAULT_WORKSPACE:
        return place.name
    return gettext("Without a customer") if count > 1 else gettext("All installations")


def _first_choice(places: Sequence[Workspace]) -> str:
    return Role.INSTALLER if len(places) == 1 else NOTHING


def _all_roles() -> dict[int, dict[int, str]]:
    """Of everybody: roles by the number of the workspace."""
    found: dict[int, dict[int, str]] = {}
    for person, workspace, role in Membership.objects.values_list("person", "workspace", "role"):
        found.setdefault(person, {})[workspace] = role
    return found


def _person(who: User, me: User, roles: tuple[RoleAt, ...], until: datetime | None) -> Person:
    return Person(
        pk=who.pk,
        name=who.username,
        me=who.pk == me.pk,
        active=who.is_active,
        administrator=who.is_superuser,
        shown=_shown(who, until),
        last_seen=who.last_login,
        invited_until=until,
        roles=roles,
    )


def _roles(places: Sequence[Workspace], held: dict[int, str]) -> tuple[RoleAt, ...]:
    options = tuple((str(value), word) for value, word in WORD.items())
    return tuple(
        RoleAt(f"role-{place.pk}", label(place, len(places)), held.get(place.pk, NOTHING), options) for place in places
    )


def _invitations() -> dict[int, datetime]:
    """Until when each person who was invited can use their link."""
    links = SignInLink.objects.filter(used_at=None, expires_at__gt=timezone.now()).order_by("expires_at")
    return dict(links.values_list("user", "expires_at"))


def _shown(who: User, invited_until: datetime | None) -> Shown:
    if not who.is_active:
        return Shown(gettext("deactivated"), "block", "idle")
    if who.last_login or who.has_usable_password():
        return Shown(gettext("active"), "check", "good")
    if invited_until:
        return Shown(gettext("invited"), "clock", "busy")
    return Shown(gettext("needs a new link"), "warn", "warn")
