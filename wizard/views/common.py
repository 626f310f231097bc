"""What most views begin with."""

from __future__ import annotations

from typing import Any, cast

from django.contrib.auth.models import User
from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404

from installer_tasks import checks, practice
from installer_tasks.checks.base import Check
from installer_tasks.models import Installation
from wizard.presenters.steps import rail


def installation_of(pk: int) -> Installation:
    return get_object_or_404(Installation.objects.select_related("workspace"), pk=pk)


def check_of(name: str) -> Check:
    try:
        return checks.BY_NAME[name]
    except KeyError as error:
        raise Http404 from error


def person(request: HttpRequest) -> User:
    """Whoever is signed in; every view but those of signing in has one."""
    return cast(User, request.user)


def frame(installation: Installation, current: str) -> dict[str, Any]:
    """What `frame.html` needs: the installation, its doorbell, its steps, whether there is an estate to practise on."""
    return {
        "installation": installation,
        "rail": rail(installation, current),
        "current": current,
        "practising": bool(practice.notices()),
    }
