"""Who may see which installation, and who may change it: judged once, before any view is called.

Every address of an installation has its number in `pk`, and every address its line in `wizard/accounts/routes.py`; so
no view can forget to ask. Administrators are superusers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, cast

from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponseBase
from django.utils import timezone
from django.utils.deprecation import MiddlewareMixin

from installer_tasks.models import Installation, Membership, Role, Workspace
from installer_tasks.text import Text
from installer_tasks.text import mark as _
from wizard.accounts.routes import ROUTES, For

View = Callable[..., HttpResponseBase]


class Refused(PermissionDenied):
    """Something is not for this person; `why` says it to them."""

    def __init__(self, why: Text) -> None:
        super().__init__(str(why))
        self.why = why


ONLY_READS = Text(_("You can view this installation, but not change it."))
ONLY_ADMINISTRATORS = Text(_("This page is for administrators of this installer."))
STARTS_NONE = Text(_("You can view installations, but not start one."))


class RouteAccess(MiddlewareMixin):
    """An installation of a customer at whom somebody has no role does not exist for them; viewers send nothing."""

    def process_view(self, request: HttpRequest, view: View, args: Any, kwargs: dict[str, Any]) -> None:  # noqa: ARG002 - Django's signature
        audience = _audience(request)
        if audience is For.ANYBODY:
            return
        if not request.user.is_authenticated:  # a view that is open by mistake
            raise PermissionDenied
        if "pk" in kwargs:
            _require_role(request, kwargs["pk"], audience)
        _require(request.user, audience)


def _audience(request: HttpRequest) -> For:
    match = request.resolver_match
    route = ROUTES.get(match.url_name or "") if match else None
    if route is None:
        raise PermissionDenied
    return route.audience(request.method or "")


def _require_role(request: HttpRequest, pk: int, audience: For) -> None:
    role = role_at(cast(User, request.user), pk)
    if role is None:
        raise Http404
    request.read_only = role == Role.VIEWER  # type: ignore[attr-defined]
    if role == Role.VIEWER and audience is not For.VIEWERS:
        raise Refused(ONLY_READS)


def _require(person: User, audience: For) -> None:
    if person.is_superuser:
        return
    if audience is For.ADMINISTRATORS:
        raise Refused(ONLY_ADMINISTRATORS)
    if audience is For.SOMEWHERE and not workspaces_to_install_at(person).exists():
        raise Refused(STARTS_NONE)


def reads_only(request: HttpRequest) -> bool:
    """Whether this person may change nothing of the installation that is asked for."""
    return getattr(request, "read_only", False)


def role_at(person: User, pk: int) -> str | None:
    """The role at the customer of this installation; None when it is not for them."""
    if person.is_superuser:
        return Role.INSTALLER
    held = Membership.objects.filter(person=person, workspace__installations=pk)
    return held.values_list("role", flat=True).first()


def roles_of(person: User) -> dict[int, str]:
    """A person's roles, by the number of the workspace."""
    return dict(Membership.objects.filter(person=person).values_list("workspace", "role"))


def visible(person: User) -> QuerySet[Installation]:
    everything = Installation.objects.select_related("workspace", "created_by")
    return everything if person.is_superuser else everything.filter(workspace__memberships__person=person)


@dataclass(frozen=True)
class Principal:
    """Who a long response is for: a session, its person, and the password that they had when it began."""

    session: str
    person: int
    password: str
    administrator: bool = False


def principal(request: HttpRequest) -> Principal:
    person = cast(User, request.user)
    return Principal(request.session.session_key or "", person.pk, person.password, person.is_superuser)


def readable_by(principals: Iterable[Principal], pks: Iterable[int]) -> dict[Principal, frozenset[int]]:
    """Which of these installations each principal may read now. Those whose session has ended are left out."""
    persons = _still_signed_in(principals)
    existing = frozenset(Installation.objects.filter(pk__in=list(pks)).values_list("pk", flat=True))
    members = Membership.objects.filter(person__in={person.pk for person in persons.values()})
    pairs = set(members.filter(workspace__installations__in=existing).values_list("person", "workspace__installations"))
    return {
        one: existing if person.is_superuser else frozenset(pk for pk in existing if (person.pk, pk) in pairs)
        for one, person in persons.items()
    }


def _still_signed_in(principals: Iterable[Principal]) -> dict[Principal, User]:
    """As the middleware of Django judges it, for all of them in two queries."""
    asked = list(principals)
    sessions = Session.objects.filter(session_key__in=[one.session for one in asked], expire_date__gt=timezone.now())
    valid = set(sessions.values_list("session_key", flat=True))
    persons = User.objects.filter(is_active=True).in_bulk({one.person for one in asked})
    return {
        one: person
        for one in asked
        if one.session in valid and (person := persons.get(one.person)) and person.password == one.password
    }


def workspaces_to_install_at(person: User) -> QuerySet[Workspace]:
    """Where this person may start an installation."""
    everywhere = Workspace.objects.order_by("name")
    if person.is_superuser:
        return everywhere
    return everywhere.filter(memberships__person=person, memberships__role=Role.INSTALLER)


def administrators() -> QuerySet[User]:
    return User.objects.filter(is_superuser=True, is_active=True).order_by("username")
