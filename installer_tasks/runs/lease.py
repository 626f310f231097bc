"""Who works on a run: a lease with a fencing token in the run's row.

Taking it is one conditional UPDATE; one row changed means it is ours. The token grows by one each time, and every
later write to the run filters on it: a worker that was thought dead and wakes up changes zero rows and stops at once.
A lease lasts `RUN_LEASE_SECONDS` (60) and is renewed every `RUN_LEASE_RENEWAL_SECONDS` (15). That of a process which
is known to be dead, because it ran on this machine, may be taken at once.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from django.conf import settings
from django.db import InterfaceError, OperationalError, connections
from django.db.models import F, QuerySet
from django.utils import timezone

from installer_tasks.errors import LeaseLost
from installer_tasks.local import os_failures
from installer_tasks.models import ACTIVE, Run

T = TypeVar("T")
log = logging.getLogger(__name__)

#: How often the flag of a person who wants to stop is read.
POLL_SECONDS = 0.3


class Handover(LeaseLost):
    """This worker is asked to stop; another one shall go on."""

    code = "handover"


@dataclass(frozen=True)
class Lease:
    """A run that is ours, as long as its row carries this token."""

    run_id: int
    token: int
    holder: str

    @property
    def run(self) -> QuerySet[Run]:
        """The run, if it is still ours: every write goes through this filter."""
        return Run.objects.filter(pk=self.run_id, lease_token=self.token)


def take(run_id: int, holder: str = "") -> Lease | None:
    """The lease, or None when somebody else has it or the run is over."""
    holder = holder or this_process()
    run = Run.objects.filter(pk=run_id, state__in=ACTIVE).first()
    if run is None or not is_free(run):
        return None
    # Equal to what was read: whoever took or renewed it meanwhile changed one of the two.
    taken = Run.objects.filter(
        pk=run_id, state__in=ACTIVE, lease_token=run.lease_token, lease_until=run.lease_until
    ).update(
        lease_token=run.lease_token + 1,
        lease_until=_until(),
        lease_holder=holder,
        deliveries=F("deliveries") + 1,
    )
    return Lease(run_id, run.lease_token + 1, holder) if taken == 1 else None


def is_free(run: Run) -> bool:
    """Nobody works on it: no lease, one that ran out, or one of a process that is dead."""
    return run.lease_until is None or run.lease_until < timezone.now() or holder_is_dead(run.lease_holder)


def free_runs() -> list[Run]:
    """Runs that are not over and that nobody works on."""
    return [run for run in Run.objects.filter(state__in=ACTIVE) if is_free(run)]


def renew(lease: Lease) -> None:
    if lease.run.filter(state__in=ACTIVE).update(lease_until=_until()) != 1:
        raise LeaseLost


def release(lease: Lease, *, delivered: bool = True) -> None:
    """Give it back. `delivered=False`: this taking does not count as one that may have killed its worker."""
    changes = {} if delivered else {"deliveries": F("deliveries") - 1}
    lease.run.update(lease_until=None, lease_holder="", **changes)


def _until() -> datetime:
    return timezone.now() + timedelta(seconds=_seconds("RUN_LEASE_SECONDS", 60))


def _seconds(setting: str, default: float) -> float:
    return float(getattr(settings, setting, default))


def this_process() -> str:
    """`machine:pid:start`: tells this process from every other, also from a later one with its pid."""
    return f"{_machine()}:{os.getpid()}:{_started(os.getpid())}"


def holder_is_dead(holder: str) -> bool:
    """Known to be dead: a process of this machine, since its last boot, that is there no more."""
    machine, __, process = holder.partition(":")
    pid, __, started = process.partition(":")
    if machine != _machine() or not pid.isdigit() or not started:
        return False
    return _started(int(pid)) != started


def _machine() -> str:
    """Host, boot and pid namespace: within these three a pid and its start time name one process."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")[:8]
        namespace = Path("/proc/self/ns/pid").readlink().name.strip("pid:[]")
    except OSError:
        boot, namespace = "unknown", str(os.getppid())
    return f"{socket.gethostname()[:40]}/{boot}/{namespace}"


def _started(pid: int) -> str:
    """Clock ticks since boot at which the process started; "" when it is not there or only waits to be reaped."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]


def _never() -> bool:
    return False


class LeaseRenewer:
    """Keeps a lease from running out, and listens for the wish to stop, in a thread of its own.

    The stages ask it at their safe points, from any thread, and touch no database by that.
    """

    def __init__(self, lease: Lease, stopping: Callable[[], bool] = _never) -> None:
        self.lease = lease
        self._stopping = stopping
        self._news = threading.Condition()
        self._cancel = self._lost = self._handover = self._ended = False
        self.unwritten = ""  #: why the database could not be written last; empty when it could
        self._valid_until = time.monotonic() + _seconds("RUN_LEASE_SECONDS", 60)
        self._thread = threading.Thread(target=self._keep, name=f"lease-{lease.run_id}", daemon=True)

    def __enter__(self) -> LeaseRenewer:
        self._look()  # a run that was cancelled before shall not begin
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._news:
            self._ended = True
            self._news.notify_all()
        self._thread.join()

    def cancelled(self) -> bool:
        """Whether a person asked to stop; LeaseLost or Handover when this worker must leave the run."""
        if self._lost or time.monotonic() > self._valid_until:
            raise LeaseLost
        if self._handover:
            raise Handover
        return self._cancel

    def lose(self) -> None:
        """Somebody found out that the lease is another's."""
        with self._news:
            self._lost = True
            self._news.notify_all()

    def pause(self, seconds: float) -> None:
        """Wait; ends early when there is something to heed."""
        with self._news:
            self._news.wait_for(self._heeded, seconds)

    def retry_db(self, step: Callable[[], T]) -> T:
        """Do it against the database; when that is away, again and again until the lease ends."""
        while True:
            try:
                done = step()
            except (OperationalError, InterfaceError) as error:
                self._tell_unwritten(error)
                connections.close_all()
                self.cancelled()
                time.sleep(POLL_SECONDS)
            else:
                self.unwritten = ""
                return done

    def _tell_unwritten(self, error: Exception) -> None:
        """The reason once, as an error: nobody else can tell it while the database takes nothing."""
        local = os_failures.explained(error, Path(settings.STATE_DIR))
        reason = str(local.cause) if local else f"{type(error).__name__}: {error}"
        if reason != self.unwritten:
            log.error("run %s: the database does not answer: %s", self.lease.run_id, reason, exc_info=local is None)
        self.unwritten = reason

    def _heeded(self) -> bool:
        return self._cancel or self._lost or self._handover or self._ended

    def _keep(self) -> None:
        renewed = time.monotonic()
        try:
            while not self._ended and not self._lost:
                if time.monotonic() - renewed >= _seconds("RUN_LEASE_RENEWAL_SECONDS", 15) and self._try(self._renew):
                    renewed = time.monotonic()
                self._try(self._look)
                with self._news:
                    self._news.wait_for(lambda: self._ended or self._lost, POLL_SECONDS)
        finally:
            connections.close_all()

    def _try(self, step: Callable[[], None]) -> bool:
        """A database that is away for a moment is no reason to stop; the lease's own end is."""
        try:
            step()
        except LeaseLost:
            self.lose()
            return False
        except (OperationalError, InterfaceError) as error:
            self._tell_unwritten(error)
            connections.close_all()
            return False
        return True

    def _renew(self) -> None:
        asked = time.monotonic()
        renew(self.lease)
        self._valid_until = asked + _seconds("RUN_LEASE_SECONDS", 60)

    def _look(self) -> None:
        wishes = list(self.lease.run.values_list("cancel_requested_at", flat=True))
        with self._news:
            self._lost = self._lost or not wishes
            self._cancel = self._cancel or any(wishes)
            self._handover = self._handover or self._stopping()
            self._news.notify_all()
