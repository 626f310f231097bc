"""What most views begin with."""

from __future__ import annotations

from typing import Any, cast

from django.contrib.auth.models import User
from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404

from installer_tasks.local import practice
from installer_tasks.models import Installation
from installer_tasks.preflight import checks
from installer_tasks.preflight.checks.base import Check
from installer_tasks.preflight.state import InstallationState, load
from wizard.presenters.steps import rail


def installation_of(pk: int) -> Installation:
    return get_object_or_404(Installation.objects.select_related("workspace"), pk=pk)


def state_of(pk: int) -> InstallationState:
    """Loaded once for each request, and handed down."""
    return load(installation_of(pk))


def check_of(name: str) -> Check:
    try:
        return checks.BY_NAME[name]
    except KeyError as error:
        raise Http404 from error


def person(request: HttpRequest) -> User:
    """Whoever is signed in; every view but those of signing in has one."""
    return cast(User, request.user)


def frame(state: InstallationState, current: str) -> dict[str, Any]:
    """What `frame.html` needs: the installation, its steps, whether there is an estate to practise on."""
    return {
        "installation": state.installation,
        "rail": rail(state, current),
        "current": current,
        "practising": bool(practice.notices()),
    }
