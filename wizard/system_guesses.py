"""Passwords tried at the customer's own systems through our forms: limited and audited as our own sign-in is.

Whoever may fill in a form could otherwise guess the passwords of everybody in the customer's directory with it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.contrib.auth.models import User

from installer_tasks.errors import Busy
from installer_tasks.models import AuditEntry, Installation
from installer_tasks.text import mark as _
from installer_tasks.text import text
from wizard import guessing
from wizard.guessing import Counter
from wizard.texts import render

if TYPE_CHECKING:
    from wizard.steps.base import StepForm

FREE_OF_ACCOUNT = 5  #: of one account, whoever tries
FREE_OF_PERSON = 25  #: of one person, whatever the account
#: Fields of a form: a password, where it is tried, and whose it is.
TRIED = (("ldap_password", "ldap_host", "ldap_username"), ("ldap_test_password", "ldap_host", "ldap_test_user"))
TOO_MANY = _("Too many passwords were tried. Try again in %(seconds)s s.")


class SystemGuess:
    """One password of an account at a system of the customer."""

    def __init__(self, installation: Installation, person: User, system: str, account: str) -> None:
        self.installation, self.person, self.system, self.account = installation, person, system, account
        self._counters = (
            Counter(("account", system.lower(), account.strip().lower()), FREE_OF_ACCOUNT, cleared=True),
            Counter(("person", str(person.pk)), FREE_OF_PERSON),
        )

    def begin(self) -> None:
        """Raises Busy during the delay."""
        refused = guessing.begin(*self._counters)
        if refused is None:
            return
        if refused.first:
            self.tell("identity.password-delayed", seconds=refused.seconds)
        raise Busy(
            text(TOO_MANY, seconds=refused.seconds),
            value=self.account,
            remedy=text(_("Wait, then enter the password once more.")),
            code="guessing",
        )

    def succeeded(self) -> None:
        guessing.succeeded(*self._counters)

    def tell(self, action: str, **detail: int) -> None:
        AuditEntry.objects.create(
            installation=self.installation,
            person=self.person,
            action=action,
            detail={"name": self.account, "system": self.system, **detail},
        )


def limit(form: StepForm, person: User) -> None:
    """A new password, or the old one for another account, is a try; one too many is an error of the form."""
    for names in TRIED:
        values = [_after(form, name) for name in names]
        if names[0] not in form.base_fields or not all(values) or not (changed := _changed(form, names)):
            continue
        guess = SystemGuess(form.installation, person, *values[1:])
        try:
            guess.begin()
        except Busy as error:
            form.add_error(changed[0], render(error.cause))
        else:
            guess.tell("identity.password-tried")


def _changed(form: StepForm, names: Iterable[str]) -> list[str]:
    rows, box = form.given.state.answers, form.installation.workspace.box
    found = []
    for name in names:
        value, row = str(form.cleaned_data.get(name) or ""), rows.get(form.key(name))
        if value and (row is None or box.fingerprint(value) != row.fingerprint):
            found.append(name)
    return found


def _after(form: StepForm, name: str) -> str:
    """What is in force once the form is saved; of a secret only whether there is one."""
    key = form.key(name)
    return (
        str(form.cleaned_data.get(name) or "") or form.given.value(key) or ("saved" if form.given.is_saved(key) else "")
    )
