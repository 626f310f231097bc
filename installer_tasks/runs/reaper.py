"""Picks up what nobody works on: runs and collections that wait, or whose worker is gone."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import F, Q
from django.utils import timezone

from installer_tasks import queue
from installer_tasks.models import Observation
from installer_tasks.runs import lease

#: A message is on its way for at least this long before another is sent.
GRACE = timedelta(seconds=5)
#: A collection that began this long ago has lost its worker.
COLLECTION = timedelta(seconds=90)


def reap() -> None:
    """Everything that waits and that nobody works on."""
    reap_stale_runs()
    reap_requested_observations()


def reap_stale_runs() -> tuple[int, ...]:
    """Enqueue every run that waits or lost its worker; returns their ids. Safe at any time, from anywhere."""
    waiting = tuple(run.pk for run in lease.free_runs() if run.created_at < timezone.now() - GRACE)
    for run_id in waiting:
        queue.enqueue_run(run_id)
    return waiting


def reap_requested_observations() -> tuple[tuple[int, str], ...]:
    """Enqueue every collection that was requested and that nobody does."""
    now = timezone.now()
    unanswered = Q(collected_at=None) | Q(collected_at__lt=F("requested_at"))
    not_begun = Q(started_at=None) | Q(started_at__lt=F("requested_at")) | Q(started_at__lt=now - COLLECTION)
    rows = Observation.objects.filter(unanswered, not_begun, requested_at__lt=now - GRACE)
    wanted = tuple(rows.values_list("installation_id", "system"))
    for installation_id, system in wanted:
        queue.enqueue_collect(installation_id, system)
    return wanted
