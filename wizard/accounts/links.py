"""One-time links: the first way in, printed where only the person on this machine can read it."""

from __future__ import annotations

import secrets
from datetime import timedelta
from urllib.parse import urlencode

from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone

from installer_tasks.models import SignInLink

LIFE = timedelta(hours=1)
FIRST_PERSON = "installer"


def issue_link(user: User, life: timedelta = LIFE) -> str:
    """A token that signs this user in once, within `life`. Only its digest is kept."""
    token = secrets.token_urlsafe(32)
    SignInLink.objects.create(user=user, digest=SignInLink.digest_of(token), expires_at=timezone.now() + life)
    return token


def one_time_path(*, to: str = "", user: User | None = None) -> str:
    """The path of a page that signs `user` (else the person of this machine) in once and goes on to `to`."""
    path = reverse("sign-in-link", args=[issue_link(user or first_person())])
    return f"{path}?{urlencode({'next': to})}" if to else path


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


def find(token: str) -> SignInLink | None:
    """The link of this token while it can be used."""
    usable = SignInLink.objects.filter(used_at=None, expires_at__gt=timezone.now(), user__is_active=True)
    return usable.select_related("user").filter(digest=SignInLink.digest_of(token)).first()


def use(token: str) -> User | None:
    """The user to sign in, or None: of two requests at the same time one wins."""
    link = find(token)
    if link is None:
        return None
    won = SignInLink.objects.filter(pk=link.pk, used_at=None).update(used_at=timezone.now())
    return link.user if won else None
