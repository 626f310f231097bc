"""Every address of the URL map × every role × every method, asked and held against `wizard/accounts/routes.py`.

`tests/web/test_role_matrix.py` holds the responses; `scripts/role_matrix.py` writes the counts into docs/security.md.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from http.cookies import SimpleCookie
from itertools import product
from typing import Any

from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import connection, transaction
from django.http import HttpResponseBase
from django.test import Client
from django.urls import URLPattern, URLResolver, reverse

from installer_tasks import releases
from installer_tasks.local import practice
from installer_tasks.models import BundleFolder, ConfirmedProgram, Installation, Observation, Role, Workspace
from installer_tasks.preflight import checks, collecting
from installer_tasks.preflight.checks.base import Level, Verdict
from installer_tasks.releases import settings
from installer_tasks.text import text
from tests.web.people import a_member
from tests.web.populated import populated
from wizard import urls
from wizard.accounts import sessions
from wizard.accounts.routes import READING, ROUTES, For, Route

#: There only where TMC_INSTALLER_DEBUG is set.
IN_DEVELOPMENT = ("design",)
AUDIT = "installer_tasks_auditentry"
METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
ANONYMOUS, STRANGER, VIEWER, INSTALLER, ADMINISTRATOR = "anonymous", "stranger", "viewer", "installer", "administrator"
ROLES = (ANONYMOUS, STRANGER, VIEWER, INSTALLER, ADMINISTRATOR)


class Found(StrEnum):
    """What a response says about whether this person may do this."""

    ANSWERED = "answered"
    SIGN_IN = "asked to sign in"
    NOT_THERE = "404"
    FORBIDDEN = "403"
    NO_SUCH_METHOD = "405"
    FAILED = "5xx"


@dataclass(frozen=True)
class Asked:
    """One request of the matrix."""

    route: str
    role: str
    method: str
    own: bool  #: whether the address has the number of an installation that this role has a part in

    def __str__(self) -> str:
        return f"{self.role} {self.method} {self.route}{'' if self.own else ' of another customer'}"


@dataclass(frozen=True)
class Answered:
    asked: Asked
    found: Found
    status: int
    wrote: tuple[str, ...]  #: tables


def patterns(found: Iterable[URLPattern | URLResolver] = tuple(urls.urlpatterns)) -> Iterator[URLPattern]:
    for one in found:
        if isinstance(one, URLResolver):
            yield from patterns(one.url_patterns)
        else:
            yield one


# --- What is expected -----------------------------------------------------------------------------------------------


def expected(asked: Asked, pattern: URLPattern) -> Found:
    """By the table alone, read from the side of the roles."""
    route = ROUTES[asked.route]
    audience = route.audience(asked.method)
    if asked.role == ANONYMOUS and audience is not For.ANYBODY:
        return Found.SIGN_IN
    if "pk" in pattern.pattern.converters and not asked.own:
        return Found.NOT_THERE
    if asked.role not in _ALLOWED[audience]:
        return Found.FORBIDDEN
    found = _method(route, asked.method)
    return Found.NOT_THERE if asked.route in IN_DEVELOPMENT and found is Found.ANSWERED else found


_ALLOWED: Mapping[For, tuple[str, ...]] = {
    For.ANYBODY: ROLES,
    For.PERSONS: ROLES[1:],
    For.SOMEWHERE: (STRANGER, INSTALLER, ADMINISTRATOR),
    For.VIEWERS: (VIEWER, INSTALLER, ADMINISTRATOR),
    For.INSTALLERS: (INSTALLER, ADMINISTRATOR),
    For.ADMINISTRATORS: (ADMINISTRATOR,),
}


def _method(route: Route, method: str) -> Found:
    has = {"GET": route.reads, "POST": route.sends}.get(method) is not None
    return Found.ANSWERED if has or route.any_method else Found.NO_SUCH_METHOD


# --- The customers and their people ---------------------------------------------------------------------------------

DIGEST = "ab" * 32
PROGRAM = {"path": "/b/tmc", "owner": "root", "mode": "0755", "size": 1, "sha256": DIGEST, "user": "root", "weak": []}


class World:
    """Two customers with an installation each, a third with a stranger, and somebody of every role at the first."""

    def __init__(self) -> None:
        contoso, fabrikam, third = (Workspace.objects.create(name=one) for one in ("Contoso", "Fabrikam", "Third"))
        few = checks.CHECKS[:0]
        self.own = populated("own", workspace=contoso, events=6, judged=few)
        self.foreign = populated("foreign", workspace=fabrikam, events=6, judged=few)
        self._offer_a_fix()
        people = {
            STRANGER: a_member("stan", Role.INSTALLER, third),
            VIEWER: a_member("vera", Role.VIEWER, contoso),
            INSTALLER: a_member("ida", Role.INSTALLER, contoso),
            ADMINISTRATOR: User.objects.create_superuser("ada"),
        }
        User.objects.create_superuser("second")
        self.somebody = a_member("sam", Role.VIEWER, fabrikam).pk
        self.cookies = {role: _signed_in(person) for role, person in people.items()}
        self.codes = {role: _code(person) for role, person in people.items()}
        self.client = Client(raise_request_exception=False)
        self.folder = BundleFolder.objects.create(path="/srv/bundles").pk
        kept = {name: PROGRAM[name] for name in ("path", "owner", "mode", "size")}
        self.program = ConfirmedProgram.objects.create(sha256="cd" * 32, **kept).pk
        for one in (self.own, self.foreign):
            Observation.objects.filter(installation=one, system="bundle").update(
                facts={"program": {"ok": True, "value": PROGRAM}}
            )
        practice.post([practice.Notice("kube.slow", "slow", "cluster.version", on=False)])

    def _offer_a_fix(self) -> None:
        missing = Verdict(Level.FAIL, text("missing"), evidence={"exists": False, "harbor": True})
        for one in (self.own, self.foreign):
            collecting.keep_findings(one, {"registry.project": missing}, one.fingerprints(), one.redactor())

    def sign_in(self, role: str) -> None:
        self.client.cookies = SimpleCookie(self.cookies.get(role, {}))

    def arguments(self, pattern: URLPattern, role: str, installation: Installation) -> dict[str, Any]:
        """Of each address one that is there, so that a 404 means what it says."""
        route = str(pattern.name)
        numbers = {"bundle-folder-close": self.folder, "program-withdraw": self.program}
        names = {"options": "context", "generate": "postgres_password", "take-over": "ca"}
        known: dict[str, Any] = {
            "pk": installation.pk,
            "slug": {"generate": "services", "take-over": "identity"}.get(route, "cluster"),
            "name": names.get(route, "registry.project"),
            "attempt": 1,
            "current": "review",
            "number": numbers.get(route, self.somebody),
            "code": self.codes.get(role, "code"),
            "document": "guide",
        }
        return {name: known[name] for name in pattern.pattern.converters}


def _signed_in(person: User) -> dict[str, str]:
    client = Client()
    client.force_login(person)
    return {name: morsel.value for name, morsel in client.cookies.items()}


def _code(person: User) -> str:
    """Of the session that this person has."""
    (row,) = (row for row, _data in sessions._of(person))
    assert isinstance(row, Session)
    return sessions._code(row)


# --- Asking ---------------------------------------------------------------------------------------------------------

SETTING = next(one for one in settings.all_of(releases.chosen({})) if not one.source.answer)
#: What a form of ours sends, where the view would not know what is meant without it.
FORMS: Mapping[str, Mapping[str, str]] = {
    "all-settings": {"path": json.dumps(SETTING.path), "how": "reset"},
    "installations": {"name": "Another", "customer": ""},
    "program-confirm": {"sha256": DIGEST},
    "waive": {"reason": "It is known to us."},
}
#: What an address names beside its path: an answer that the populated installations have, offered to a field without one.
QUERIES: Mapping[str, str] = {"take-over": "?from=registry.ca"}


def matrix(world: World, roles: Iterable[str] = ROLES) -> Iterator[Answered]:
    """Each request on its own: what it changes is taken back before the next one."""
    for pattern in patterns():
        installations = (world.own, world.foreign) if "pk" in pattern.pattern.converters else (world.own,)
        for role in roles:
            for installation, method in product(installations, METHODS):
                yield _ask(world, pattern, role, method, installation)


def _ask(world: World, pattern: URLPattern, role: str, method: str, installation: Installation) -> Answered:
    parts = {STRANGER: (), ADMINISTRATOR: (world.own, world.foreign)}.get(role, (world.own,))
    asked = Asked(str(pattern.name), role, method, own=installation in parts)
    world.sign_in(role)
    path = reverse(asked.route, kwargs=world.arguments(pattern, role, installation)) + QUERIES.get(asked.route, "")
    writes = Writes()
    with transaction.atomic(), connection.execute_wrapper(writes):
        given = {"data": FORMS.get(asked.route, {})} if method == "POST" else {}
        response = getattr(world.client, method.lower())(path, **given)
        transaction.set_rollback(True)
    return Answered(asked, _found(response), response.status_code, tuple(sorted(writes.tables)))


class Writes:
    """The tables that statements change, but for sessions: a request in one moves its end."""

    def __init__(self) -> None:
        self.tables: set[str] = set()

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        words = sql.split(None, 3)
        if words[0] in ("INSERT", "UPDATE", "DELETE"):
            self.tables.add(words[1 if words[0] == "UPDATE" else 2].strip('"'))
        self.tables.discard("django_session")
        return execute(sql, params, many, context)


def _found(response: HttpResponseBase) -> Found:
    if response.status_code >= 500:
        return Found.FAILED
    to_sign_in = response.status_code == 302 and response.headers["Location"].startswith(reverse("sign-in") + "?next=")
    if to_sign_in or response.status_code == 401:
        return Found.SIGN_IN
    by_status = {403: Found.FORBIDDEN, 404: Found.NOT_THERE, 405: Found.NO_SUCH_METHOD}
    return by_status.get(response.status_code, Found.ANSWERED)


def wrong(answered: Iterable[Answered]) -> list[str]:
    """What was answered otherwise than the table says, or written where nothing was answered."""
    known = {str(pattern.name): pattern for pattern in patterns()}
    said = []
    for one in answered:
        wanted = expected(one.asked, known[one.asked.route])
        if one.found is not wanted:
            said.append(f"{one.asked}: {wanted} expected, {one.status}")
        if one.wrote and not may_write(one, wanted):
            said.append(f"{one.asked}: {one.status}, but {', '.join(one.wrote)} written")
    return said


def may_write(one: Answered, wanted: Found) -> bool:
    """A refused request changes nothing, nor does a viewer who reads; what they download is audited."""
    open_to_all = ROUTES[one.asked.route].audience(one.asked.method) is For.ANYBODY
    reads = one.asked.role == VIEWER and one.asked.method in READING and one.wrote != (AUDIT,)
    return wanted is Found.ANSWERED and (open_to_all or not reads)


# --- The counts for docs/security.md --------------------------------------------------------------------------------


#: By the document, what its table calls the roles.
DOCUMENTS: Mapping[str, Mapping[str, str]] = {
    "docs/security.md": {role: role for role in ROLES},
    "docs/zh-hans/security.md": dict(
        zip(ROLES, ("未登录的人", "其他客户的人", "查看者", "安装人员", "管理员"), strict=True)
    ),
}


def row(role: str, answered: Iterable[Answered], title: str) -> str:
    """How many requests this role made, and how many ended each way."""
    tally = Counter(one.found for one in answered if one.asked.role == role)
    numbers = [tally[found] for found in Found]
    return f"| {title} | {' | '.join(f'{number:,}' for number in (sum(numbers), *numbers))} |"


def written(document: str, answered: Iterable[Answered]) -> str:
    """The document with the numbers of this matrix in the rows of its table."""
    found = list(answered)
    for text_of in DOCUMENTS.values():
        for role, title in text_of.items():
            row_of = re.compile(rf"^\| {title} (\| [\d,]+ ){{{len(Found) + 1}}}\|$", re.MULTILINE)
            document = row_of.sub(row(role, found, title), document)
    return document
