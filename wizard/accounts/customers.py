"""The customer, a workspace, at whom a new installation is started."""

from __future__ import annotations

from django.contrib.auth.models import User

from installer_tasks.errors import InputError
from installer_tasks.models import Workspace
from installer_tasks.saved_answers import default_workspace
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _
from wizard.accounts.access import STARTS_NONE, Refused, workspaces_to_install_at

LONGEST = 100
NOT_THERE = _(
    "You cannot install in customer %(name)s. Choose one from the list, or ask an administrator for a role there."
)


def to_start_at(person: User, name: str) -> Workspace:
    """The customer of this name, made by an administrator when there is none. Empty where there is no choice.

    Raises Refused for whoever may start nothing, InputError (field `customer`) for a name that is not for this person.
    """
    if person.is_superuser:
        return _any(name)
    places = list(workspaces_to_install_at(person))
    if not places:
        raise Refused(STARTS_NONE)
    chosen = [place for place in places if place.name == name] or (places if not name else [])
    if len(chosen) != 1:
        problem = text(NOT_THERE, name=name or "–")
        raise InputError(problem, value=name, field="customer")
    return chosen[0]


def _any(name: str) -> Workspace:
    if not name:
        return default_workspace()
    if len(name) > LONGEST or not name.isprintable():
        problem = Text(_("A name can have at most 100 printable characters."))
        raise InputError(problem, value=name, field="customer")
    known = Workspace.objects.filter(name__iexact=name).first()
    return known or Workspace.objects.get_or_create(name=name)[0]
