"""A limit for guessing passwords: each try is counted before the password is looked at, so no two try the same number.

A few tries are free; then each is followed by a delay that doubles. A try during the delay is refused without being
counted, so nobody can make the delay grow but by waiting. docs/decisions/guessing.md says why this is our own code.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

from wizard.models import GuessCount

#: A counter that nothing was added to for this long begins at nothing again. Longer than the longest delay.
FORGOTTEN = timedelta(hours=1)
#: Seconds.
FIRST, LONGEST = 10, 15 * 60


@dataclass(frozen=True)
class Counter:
    """What is counted together, and how many tries are free."""

    of: tuple[str, ...]
    free: int
    longest: int = LONGEST  #: seconds
    #: Whether the right password clears it; otherwise it takes back its own try only.
    cleared: bool = False

    @property
    def key(self) -> str:
        return salted_hmac("guessing", json.dumps(self.of), algorithm="sha256").hexdigest()

    def delay(self, count: int) -> timedelta | None:
        """After so many tries."""
        if count < self.free:
            return None
        return timedelta(seconds=min(FIRST * 2 ** min(count - self.free, 20), self.longest))


@dataclass(frozen=True)
class TooMany:
    """A try that was refused; `first` since the last one that was let through, for the audit."""

    seconds: int
    first: bool


@transaction.atomic
def begin(*counters: Counter) -> TooMany | None:
    """Count a try that is about to be made; None when it may be."""
    now, rows = timezone.now(), _locked(counters)
    waiting = [row for row in rows.values() if row.free_at and row.free_at > now]
    if waiting:
        return _refuse(waiting, now)
    for counter in counters:
        row = rows[counter.key]
        count = row.count + 1 if row.at > now - FORGOTTEN else 1
        delay = counter.delay(count)
        row.count, row.at, row.free_at, row.refused = count, now, now + delay if delay else None, False
        row.save()
    _forget(now, rows)
    return None


@transaction.atomic
def succeeded(*counters: Counter) -> None:
    """The try that was counted was none at guessing."""
    rows = _locked(counters)
    for counter in counters:
        row = rows[counter.key]
        row.count = 0 if counter.cleared else max(row.count - 1, 0)
        if row.count < counter.free:
            row.free_at = None
        row.save()


def _refuse(waiting: list[GuessCount], now: datetime) -> TooMany:
    last = max(row.free_at for row in waiting if row.free_at)
    first = not any(row.refused for row in waiting)
    GuessCount.objects.filter(pk__in=[row.pk for row in waiting]).update(refused=True)
    return TooMany(math.ceil((last - now).total_seconds()), first)


def _locked(counters: Iterable[Counter]) -> dict[str, GuessCount]:
    """The rows, made where there are none; in one order, so that two transactions cannot wait for each other."""
    keys = sorted({counter.key for counter in counters})
    GuessCount.objects.bulk_create([GuessCount(key=key) for key in keys], ignore_conflicts=True)
    return {row.key: row for row in GuessCount.objects.select_for_update().filter(key__in=keys).order_by("key")}


def _forget(now: datetime, kept: Iterable[str]) -> None:
    """Rows of long ago, except those that somebody else has locked."""
    skip = connection.features.has_select_for_update_skip_locked
    old = GuessCount.objects.filter(at__lt=now - FORGOTTEN).exclude(key__in=kept)
    GuessCount.objects.filter(
        pk__in=list(old.select_for_update(skip_locked=skip).values_list("pk", flat=True))
    ).delete()
