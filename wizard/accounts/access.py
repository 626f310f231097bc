"""Who may see which installation, and who may change it: judged once, before any view is called.

Every address of an installation has its number in `pk`; so no view can forget to ask. Administrators are superusers.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponseBase
from django.utils.deprecation import MiddlewareMixin

from installer_tasks.models import Installation, Membership, Role, Workspace
from installer_tasks.text import Text
from installer_tasks.text import mark as _

READING = frozenset({"GET", "HEAD", "OPTIONS"})
View = Callable[..., HttpResponseBase]


class Refused(PermissionDenied):
    """Something is not for this person; `why` says it to them."""

    def __init__(self, why: Text) -> None:
        super().__init__(str(why))
        self.why = why


ONLY_READS = Text(_("You may read this installation, and change nothing in it."))
ONLY_ADMINISTRATORS = Text(_("This page is for administrators of this installer."))
STARTS_NONE = Text(_("You may read installations, and start none."))


class InstallationAccess(MiddlewareMixin):
    """An installation of a customer at whom somebody has no role does not exist for them; viewers send nothing."""

    def process_view(self, request: HttpRequest, view: View, args: Any, kwargs: dict[str, Any]) -> None:  # noqa: ARG002 - Django's signature
        if "pk" not in kwargs or not request.user.is_authenticated:
            return
        role = role_at(request.user, kwargs["pk"])
        if role is None:
            raise Http404
        request.read_only = role == Role.VIEWER  # type: ignore[attr-defined]
        if role == Role.VIEWER and request.method not in READING:
            raise Refused(ONLY_READS)


def reads_only(request: HttpRequest) -> bool:
    """Whether this person may change nothing of the installation that is asked for."""
    return getattr(request, "read_only", False)


def role_at(person: User, pk: int) -> str | None:
    """The role at the customer of this installation; None when it is not for them."""
    return _role(person, workspace__installations=pk)


def role_in(person: User, workspace: Workspace) -> str | None:
    return _role(person, workspace=workspace)


def _role(person: User, **where: object) -> str | None:
    if person.is_superuser:
        return Role.INSTALLER
    return Membership.objects.filter(person=person, **where).values_list("role", flat=True).first()


def visible(person: User) -> QuerySet[Installation]:
    everything = Installation.objects.select_related("workspace", "created_by")
    return everything if person.is_superuser else everything.filter(workspace__memberships__person=person)


def workspaces_to_install_at(person: User) -> QuerySet[Workspace]:
    """Where this person may start an installation."""
    everywhere = Workspace.objects.order_by("name")
    if person.is_superuser:
        return everywhere
    return everywhere.filter(memberships__person=person, memberships__role=Role.INSTALLER)


def administrators() -> QuerySet[User]:
    return User.objects.filter(is_superuser=True, is_active=True).order_by("username")


def administrators_only(view: View) -> View:
    """For pages that belong to no installation."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not cast(User, request.user).is_superuser:
            raise Refused(ONLY_ADMINISTRATORS)
        return view(request, *args, **kwargs)

    return guarded
