"""What a directory's codes mean to a person: of a bind, and of a search."""

from __future__ import annotations

import re

from installer_tasks.errors import Busy, InstallerError, Invalid, Missing, Refused
from installer_tasks.local.outside import shortened
from installer_tasks.systems.directory.messages import Outcome
from installer_tasks.text import Text, text
from installer_tasks.text import mark as _

SUCCESS, TIME_LIMIT, SIZE_LIMIT, REFERRAL, ADMIN_LIMIT = 0, 3, 4, 10, 11
NO_SUCH_OBJECT, BAD_DN, CREDENTIALS, NO_RIGHT, BUSY, UNAVAILABLE = 32, 34, 49, 50, 51, 52
_COPY = Text(
    _("Ask the directory administrator to test this account, then enter its distinguished name and password again.")
)
_ACCOUNT = Text(
    _("Ask the directory administrator to fix the account: enabled, not locked, with a password that does not expire.")
)
_BASE = Text(
    _(
        "Copy the distinguished name of this base from the directory, or ask the directory "
        "administrator where the entries are."
    )
)

#: What Active Directory means by "data ..." in the words of a refused bind.
_OF_ACTIVE_DIRECTORY = {
    "525": (_("The directory has no account %(dn)s."), _COPY),
    "52e": (_("The directory rejected the password of %(dn)s."), _COPY),
    "530": (_("%(dn)s is not allowed to sign in at this time."), _ACCOUNT),
    "531": (_("%(dn)s is not allowed to sign in from this machine."), _ACCOUNT),
    "532": (_("The password of %(dn)s has expired."), _ACCOUNT),
    "533": (_("The account %(dn)s is disabled."), _ACCOUNT),
    "701": (_("The account %(dn)s has expired."), _ACCOUNT),
    "773": (_("%(dn)s must change its password before it can sign in."), _ACCOUNT),
    "775": (_("The account %(dn)s is locked."), _ACCOUNT),
}
_OF_A_BIND = {
    NO_SUCH_OBJECT: _("The directory has no account %(dn)s."),
    BAD_DN: _("The directory does not recognize %(dn)s as a distinguished name."),
    CREDENTIALS: _("The directory rejected the account %(dn)s or its password, without saying which."),
    NO_RIGHT: _("%(dn)s is not allowed to sign in with a password."),
}


def of_bind(outcome: Outcome, dn: str) -> InstallerError:
    """A refused bind; `dn` tried it. The directory's own words hold no password."""
    if outcome.code in (BUSY, UNAVAILABLE):
        return _busy(outcome)
    data = re.search(r"\bdata ([0-9a-f]{3})\b", outcome.words)
    template, remedy = _OF_ACTIVE_DIRECTORY.get(data[1] if data else "", ("", _COPY))
    if not template:
        template = _OF_A_BIND.get(outcome.code, _("The directory does not allow %(dn)s to sign in (code %(code)d)."))
    cause = text(template, dn=dn, code=outcome.code)
    return Refused(cause, value=dn, remedy=remedy, detail=_words(outcome), code="directory-bind-refused")


def of_search(outcome: Outcome, base: str) -> InstallerError | None:
    """Why there is no answer; None when there is one, cut at the limit too."""
    if outcome.code in (SUCCESS, SIZE_LIMIT):
        return None
    if outcome.code in (TIME_LIMIT, ADMIN_LIMIT, BUSY, UNAVAILABLE):
        return _busy(outcome)
    if outcome.code == NO_SUCH_OBJECT:
        template = _("%(base)s does not exist in the directory, or the service account cannot see it.")
        return Missing(text(template, base=base), value=base, remedy=_known(outcome), detail=_words(outcome),
                       code="directory-no-base")  # fmt: skip
    if outcome.code == REFERRAL:
        cause = text(_("%(base)s is on another server of the directory."), base=base)
        remedy = Text(_("Enter the server that contains it or, for Active Directory, a global catalog (port 3269)."))
        return Missing(cause, value=base, remedy=remedy, detail=_words(outcome), code="directory-referral")
    if outcome.code == BAD_DN:
        cause = text(_("The directory does not recognize %(base)s as a distinguished name."), base=base)
        return Invalid(cause, value=base, remedy=_BASE, detail=_words(outcome), code="directory-bad-name")
    cause = text(_("The directory does not allow the service account to read %(base)s (code %(code)d)."), base=base,
                 code=outcome.code)  # fmt: skip
    remedy = Text(_("Give the account permission to read users and groups with their members."))
    return Refused(cause, value=base, remedy=remedy, detail=_words(outcome), code="directory-unreadable")


def _known(outcome: Outcome) -> Text:
    if not outcome.matched:
        return _BASE
    template = _(
        "The directory contains %(known)s, but nothing with that name below it. Copy the "
        "name of this base from the directory."
    )
    return text(template, known=outcome.matched)


def _busy(outcome: Outcome) -> Busy:
    return Busy(
        text(_("The directory did not complete the query (code %(code)d)."), code=outcome.code),
        value=str(outcome.code),
        remedy=Text(
            _("Check again in a moment. If the problem persists, use a smaller part of the directory as base.")
        ),
        detail=_words(outcome),
        code="directory-busy",
    )


def _words(outcome: Outcome) -> str:
    return shortened(f"{outcome.code} {outcome.words}".strip(), 500)
