"""Sessions: when each was used last, and the list of one's own.

A session ends twelve hours after a person did something in it; Django's own expiry says so, which event streams read as
well. What a page asks for by itself counts for nothing, except while it shows a run that is under way.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.models import Session
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.deprecation import MiddlewareMixin

from wizard.accounts.access import View
from wizard.accounts.addresses import address_of
from wizard.accounts.routes import READING

BEGAN, SEEN, ADDRESS, AGENT, WAY = "began", "seen", "address", "agent", "way"
#: Writing down each request would cost a write each.
EXACT = 5 * 60
#: After a sign-in by a one-time link the old password is not asked for: it may be what was forgotten.
FRESH = 15 * 60
BY_LINK = "link"


class SessionUse(MiddlewareMixin):
    """A page that somebody opens and a form that they send count as use."""

    def process_view(self, request: HttpRequest, view: View, args: Any, kwargs: Any) -> None:  # noqa: ARG002 - Django's signature
        by_itself = request.headers.get("HX-Request") or "text/event-stream" in request.headers.get("Accept", "")
        if request.method not in READING or not by_itself:
            used(request)


def used(request: HttpRequest) -> None:
    """Begin the time of idleness anew."""
    session = request.session
    if SESSION_KEY in session and time.time() - session.get(SEEN, 0) > EXACT:
        session[SEEN] = time.time()


def begun(sender: object, request: HttpRequest, user: User, **more: object) -> None:  # noqa: ARG001 - a signal's receiver
    now, agent = time.time(), request.headers.get("User-Agent", "")[:300]
    request.session.update({BEGAN: now, SEEN: now, ADDRESS: address_of(request), AGENT: agent})


user_logged_in.connect(begun)


def entered_by_link(request: HttpRequest) -> bool:
    """Just now."""
    session = request.session
    return session.get(WAY) == BY_LINK and time.time() - session.get(BEGAN, 0) < FRESH


@dataclass(frozen=True)
class Shown:
    """One session, for its person."""

    code: str  #: names it in a form; a digest, as its key would sign in
    browser: str
    address: str
    began: datetime | None
    seen: datetime | None
    this: bool


def own(request: HttpRequest) -> list[Shown]:
    """The session of this request first, then the one that was used last."""
    person, key = cast(User, request.user), request.session.session_key
    found = [_shown(row, data, this=row.session_key == key) for row, data in _of(person)]
    return sorted(found, key=lambda one: (one.this, one.seen.timestamp() if one.seen else 0), reverse=True)


def end(person: User, code: str) -> bool:
    """End the session with this code; False when the person has none."""
    for row, _data in _of(person):
        if constant_time_compare(_code(row), code):
            row.delete()
            return True
    return False


def end_all(person: User, *, but: str | None = None) -> None:
    """For good, whatever happens to the person later."""
    Session.objects.filter(pk__in=[row.pk for row, _data in _of(person) if row.session_key != but]).delete()


def _of(person: User) -> Iterator[tuple[Session, dict[str, Any]]]:
    """Read out of all sessions: there are as many as people have browsers, and no second table can differ from them."""
    for row in Session.objects.filter(expire_date__gt=timezone.now()):
        data = row.get_decoded()
        if data.get(SESSION_KEY) == str(person.pk):
            yield row, data


def _code(row: Session) -> str:
    return salted_hmac("session", row.session_key, algorithm="sha256").hexdigest()[:32]


def _shown(row: Session, data: dict[str, Any], *, this: bool) -> Shown:
    began, seen = (datetime.fromtimestamp(data[name], UTC) if name in data else None for name in (BEGAN, SEEN))
    return Shown(_code(row), browser_of(data.get(AGENT, "")), data.get(ADDRESS, ""), began, seen, this)


#: The first word that a browser says of itself; all of them say more than they are.
BROWSERS = (("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("Chrom", "Chrome"), ("Safari", "Safari"))
SYSTEMS = (
    ("Windows", "Windows"),
    ("Android", "Android"),
    ("iPhone", "iOS"),
    ("iPad", "iOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def browser_of(agent: str) -> str:
    """As a person knows it: Firefox, Linux."""
    named = [next((name for sign, name in kinds if sign in agent), "") for kinds in (BROWSERS, SYSTEMS)]
    return ", ".join(filter(None, named)) or agent.partition(" ")[0][:40]
