"""A lock against guessing passwords: counted in the audit, so it holds across processes and restarts."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from installer_tasks.models import AuditEntry

MOST_OF_NAME = 5  #: failures of one name within WINDOW
MOST_OF_ADDRESS = 25  #: failures from one address, whatever the name
WINDOW = timedelta(minutes=15)
FAILED = "sign-in.failed"
SIGNED_IN = "sign-in.succeeded"


def is_locked(name: str, address: str) -> bool:
    """Whether this name or this address has failed too often of late."""
    recent = AuditEntry.objects.filter(action=FAILED, at__gt=timezone.now() - WINDOW)
    of_name = recent.filter(detail__name=_kept(name)).count()
    return of_name >= MOST_OF_NAME or recent.filter(detail__address=address).count() >= MOST_OF_ADDRESS


def failed(name: str, address: str) -> None:
    AuditEntry.objects.create(action=FAILED, detail={"name": _kept(name), "address": address})


def _kept(name: str) -> str:
    return name.strip().lower()[:150]
