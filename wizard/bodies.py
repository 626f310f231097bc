"""How much of a request's body is read, and for how long: bounded before Django, which writes bodies to disk first.

A body that is too large or too slow is cut there, and `CutBodies` answers in the language and style of our pages. The
connection ends with that answer: what else the client sends is not read.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.utils.deprecation import MiddlewareMixin

if TYPE_CHECKING:  # this module is loaded before Django is set up
    from wizard.accounts.access import View

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

KIB = 1024
#: A form without files; with the draft of an ended session, which the sign-in page carries; a step with its uploads,
#: of which the form itself says that a file is too large as long as the whole is not.
LARGEST, WITH_DRAFT, WITH_FILES = 256 * KIB, 1024 * KIB, 8 * 1024 * KIB
ROUTES = ((re.compile(r"^/sign-in/$"), WITH_DRAFT), (re.compile(r"^/installations/\d+/steps/"), WITH_FILES))
#: Seconds for all of a body: 8 MiB over a line of 1 Mbit/s.
PATIENCE = 70.0

CUT = "tmc.cut"  #: of the scope
TOO_LARGE, TOO_SLOW = "large", "slow"


class BoundedBodies:
    """The ASGI application around ours."""

    def __init__(self, application: Application, patience: float = PATIENCE) -> None:
        self._application = application
        self._patience = patience

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            receive = Body(scope, receive, largest(scope["path"]), self._patience)
        await self._application(scope, receive, send)


class Body:
    """Receives a body up to its bounds. After its end Django waits here for the client to leave: without a bound."""

    def __init__(self, scope: Scope, receive: Receive, most: int, patience: float) -> None:
        self._scope, self._receive, self._most = scope, receive, most
        self._ends = asyncio.get_running_loop().time() + patience
        self._read = 0
        self._complete = False
        if _announced(scope) > most:
            scope[CUT] = TOO_LARGE

    async def __call__(self) -> Mapping[str, Any]:
        if self._complete and CUT in self._scope:
            await asyncio.get_running_loop().create_future()  # what else is sent is not read; the answer ends it
        if self._complete:
            return await self._receive()
        if CUT in self._scope:
            return self._cut(self._scope[CUT])
        try:
            async with asyncio.timeout_at(self._ends):
                message = await self._receive()
        except TimeoutError:
            return self._cut(TOO_SLOW)
        self._read += len(message.get("body", b""))
        if self._read > self._most:
            return self._cut(TOO_LARGE)
        self._complete = not message.get("more_body", False)
        return message

    def _cut(self, why: str) -> Mapping[str, Any]:
        self._complete, self._scope[CUT] = True, why
        return {"type": "http.request", "body": b"", "more_body": False}


class CutBodies(MiddlewareMixin):
    """Refuses a request whose body was cut, before any view or form sees a part of it."""

    def process_view(self, request: HttpRequest, view: View, args: Any, kwargs: Any) -> HttpResponse | None:  # noqa: ARG002 - Django's signature
        cut = _cut_of(request)
        if cut == TOO_LARGE:
            raise RequestDataTooBig
        return HttpResponse(status=408) if cut else None

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        if _cut_of(request):
            response.headers["Connection"] = "close"
        return response


def largest(path: str) -> int:
    return next((most for route, most in ROUTES if route.match(path)), LARGEST)


def _cut_of(request: HttpRequest) -> str | None:
    found: str | None = getattr(request, "scope", {}).get(CUT)
    return found


def _announced(scope: Scope) -> int:
    """The server has refused what is no number."""
    given = dict(scope["headers"]).get(b"content-length", b"0")
    return int(given) if given.isdigit() and len(given) < 20 else 0
