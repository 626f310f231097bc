"""The limit for passwords tried at our own sign-in page: by name and address, by address, and by name.

A browser in which this name has signed in before is known by a signed cookie and has a counter of its own. So strangers
who try a name slow down each other, and never the person it belongs to.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare, salted_hmac

from installer_tasks.models import AuditEntry
from wizard import guessing
from wizard.accounts.addresses import address_of, network_of
from wizard.guessing import Counter, TooMany

FREE_OF_PAIR = 5  #: tries of one name from one address, or from one known browser
FREE_OF_ADDRESS = 25  #: whatever the name
FREE_OF_NAME = 20  #: from wherever; the delay stays short, or strangers could keep a person out of a new browser
LONGEST_OF_NAME = 30

FAILED = "sign-in.failed"
DELAYED = "sign-in.delayed"
SIGNED_IN = "sign-in.succeeded"

SALT = "known-browser"
COOKIE_AGE = 180 * 24 * 3600


@dataclass(frozen=True)
class Try:
    """One name and password that came in a request."""

    name: str
    address: str
    counters: tuple[Counter, ...]

    @classmethod
    def of(cls, request: HttpRequest, name: str) -> Try:
        name, address = kept(name), address_of(request)
        known = _browser(request, name)
        return cls(name, address, _known(name, known) if known else _unknown(name, network_of(address)))

    def begin(self) -> TooMany | None:
        refused = guessing.begin(*self.counters)
        if refused and refused.first:
            self._tell(DELAYED, seconds=refused.seconds)
        return refused

    def failed(self) -> None:
        self._tell(FAILED)

    def succeeded(self) -> None:
        guessing.succeeded(*self.counters)

    def _tell(self, action: str, **detail: int) -> None:
        AuditEntry.objects.create(action=action, detail={"name": self.name, "address": self.address, **detail})


def remember(request: HttpRequest, response: HttpResponse, name: str) -> None:
    """Know this browser again when the same name comes from it."""
    browser = _browser(request, kept(name)) or secrets.token_urlsafe(16)
    response.set_signed_cookie(
        settings.BROWSER_COOKIE_NAME,
        f"{_digest(kept(name))}.{browser}",
        salt=SALT,
        max_age=COOKIE_AGE,
        httponly=True,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )


def kept(name: str) -> str:
    return name.strip().lower()[:150]


def _known(name: str, browser: str) -> tuple[Counter, ...]:
    return (Counter(("browser", name, browser), FREE_OF_PAIR, cleared=True),)


def _unknown(name: str, network: str) -> tuple[Counter, ...]:
    return (
        Counter(("pair", name, network), FREE_OF_PAIR, cleared=True),
        Counter(("address", network), FREE_OF_ADDRESS),
        Counter(("name", name), FREE_OF_NAME, LONGEST_OF_NAME),
    )


def _browser(request: HttpRequest, name: str) -> str:
    given = request.get_signed_cookie(settings.BROWSER_COOKIE_NAME, "", salt=SALT, max_age=COOKIE_AGE)
    digest, _dot, browser = str(given).partition(".")
    return browser if constant_time_compare(digest, _digest(name)) else ""


def _digest(name: str) -> str:
    return salted_hmac(SALT, name, algorithm="sha256").hexdigest()[:32]
