"""People: invited by a link, given a role at each customer, retired, and never deleted: the audit names them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from django.contrib.auth.models import User
from django.db import transaction

from installer_tasks.errors import InputError
from installer_tasks.models import AuditEntry, Membership, Role, SignInLink, Workspace
from installer_tasks.text import Text
from installer_tasks.text import mark as _
from wizard.accounts import links, sessions
from wizard.accounts.access import administrators

INVITATION_LIFE = timedelta(days=3)
NOTHING = "none"

Roles = Mapping[int, str]  #: a role by the number of a workspace; NOTHING or absent for none there


@transaction.atomic
def invite(name: str, *, by: User, administrator: bool, roles: Roles) -> str:
    """Make a person without a password; returns the code of the link that lets them in once."""
    person = User.objects.create_user(name)
    person.is_superuser = administrator
    person.save(update_fields=["is_superuser"])
    _set_roles(person, roles)
    _tell("person.invited", person, by, administrator=administrator)
    return links.issue_link(person, INVITATION_LIFE)


@transaction.atomic
def change_roles(person: User, *, by: User, administrator: bool, roles: Roles) -> None:
    """Raises InputError when nobody would be left to administrate."""
    if not administrator:
        _require_another_administrator(person)
    User.objects.filter(pk=person.pk).update(is_superuser=administrator)
    _set_roles(person, roles)
    _tell("person.roles", person, by, administrator=administrator)


@transaction.atomic
def new_link(person: User, *, by: User) -> str:
    """A further way in, for whoever lost the link or the password; earlier links end."""
    _end_links(person)
    _tell("person.linked", person, by)
    return links.issue_link(person, INVITATION_LIFE)


@transaction.atomic
def retire(person: User, *, by: User) -> None:
    """Ends every session and link of a person for good. Raises InputError for the last administrator."""
    _require_another_administrator(person)
    _end_links(person)
    User.objects.filter(pk=person.pk).update(is_active=False)
    sessions.end_all(person)
    _tell("person.retired", person, by)


@transaction.atomic
def bring_back(person: User, *, by: User) -> None:
    # A sign-in that was under way when the person was retired may have made a session after that.
    sessions.end_all(person)
    User.objects.filter(pk=person.pk).update(is_active=True)
    _tell("person.returned", person, by)


def _set_roles(person: User, roles: Roles) -> None:
    Membership.objects.filter(person=person).delete()
    known = Workspace.objects.filter(pk__in=roles)
    wanted = [Membership(person=person, workspace=place, role=roles[place.pk]) for place in known]
    Membership.objects.bulk_create(membership for membership in wanted if membership.role in Role.values)


def _require_another_administrator(person: User) -> None:
    # Locked, so that two who retire each other at the same time do not both succeed.
    others = [one.pk for one in administrators().select_for_update() if one.pk != person.pk]
    if person.is_superuser and not others:
        raise InputError(
            Text(_("No administrator would remain to invite people and assign roles.")),
            value=person.username,
            remedy=Text(_("Make another person an administrator first.")),
            field="roles",
            code="last-administrator",
        )


def _end_links(person: User) -> None:
    SignInLink.objects.filter(user=person, used_at=None).delete()


def _tell(action: str, person: User, by: User, **detail: object) -> None:
    places = Membership.objects.filter(person=person).values_list("workspace__name", "role")
    detail = {"name": person.username, **detail, "roles": dict(places)}
    AuditEntry.objects.create(person=by, action=action, detail=detail)
