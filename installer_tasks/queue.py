"""Tells a worker, by the task's name, that a row is waiting. Imports no task's body.

The row is the job; a message that is lost, doubled or late changes nothing. Enqueueing never fails: while Redis is
away, the reaper finds the row.
"""

from __future__ import annotations

import logging

from kombu.exceptions import OperationalError

from installer_tasks.celery import app

log = logging.getLogger(__name__)

#: Seconds after which a message is worth nothing, because the reaper has sent another.
EXPIRES = 60


def enqueue_run(run_id: int) -> None:
    _enqueue("run_installation", run_id)


def enqueue_collect(installation_id: int, system: str) -> None:
    _enqueue("collect", installation_id, system)


def enqueue_reap() -> None:
    _enqueue("reap")


def _enqueue(task: str, *ids: int | str) -> None:
    try:
        app.send_task(f"installer_tasks.tasks.{task}", ids, retry=False, ignore_result=True, expires=EXPIRES)
    except OperationalError as error:
        log.warning("the queue does not respond; %s%s waits for the reaper: %s", task, ids, error)
