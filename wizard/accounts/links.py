"""One-time links: the first way in, printed where only the person on this machine can read it.

The code of a link stands behind the `#` of its address, which browsers send to nobody: no server, proxy or log has it.
The page of the link reads it there, or takes what a person enters, and posts it.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from urllib.parse import urlencode

from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone

from installer_tasks.local.redaction_patterns import LINK_PREFIX
from installer_tasks.models import SignInLink

LIFE = timedelta(hours=1)
FIRST_PERSON = "installer"


def issue_link(user: User, life: timedelta = LIFE) -> str:
    """A code that signs this user in once, within `life`. Only its digest is kept."""
    code = LINK_PREFIX + secrets.token_urlsafe(32)
    SignInLink.objects.create(user=user, digest=SignInLink.digest_of(code), expires_at=timezone.now() + life)
    return code


def path_of(code: str, *, to: str = "") -> str:
    query = f"?{urlencode({'next': to})}" if to else ""
    return f"{reverse('sign-in-link')}{query}#{code}"


def one_time_path(*, to: str = "", user: User | None = None) -> str:
    """The path of a page that signs `user` (else the person of this machine) in once and goes on to `to`."""
    return path_of(issue_link(user or first_person()), to=to)


def first_person() -> User:
    """Whoever set this installer up; made without a password when there is nobody yet."""
    found = User.objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
    if found is not None:
        return found
    user, made = User.objects.get_or_create(username=FIRST_PERSON, defaults={"is_superuser": True, "is_staff": True})
    if made:
        user.set_unusable_password()
        user.save(update_fields=["password"])
    return user


def spend(code: str) -> User | None:
    """End the link of this code; returns its user when it could be used until now.

    Of two requests at the same time one gets the user. A link that could not be used is spent all the same.
    """
    now, row = timezone.now(), SignInLink.objects.filter(digest=SignInLink.digest_of(code))
    if not row.filter(used_at=None).update(used_at=now):
        return None
    usable = row.filter(expires_at__gt=now, user__is_active=True).select_related("user").first()
    return usable.user if usable else None
