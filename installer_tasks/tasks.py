"""What a worker does when the bell rings: tasks of one line, ids only. And how to ring.

Ringing never fails: when Redis is away, the reaper finds the row.
"""

from __future__ import annotations

import logging
from typing import Any

from kombu.exceptions import OperationalError

from installer_tasks.celery import app, stopping

log = logging.getLogger(__name__)

#: A message nobody took in this time is worth nothing: the reaper has rung again.
WORTH = 60


@app.task
def run_installation(run_id: int) -> None:
    from installer_tasks import engine

    if engine.carry_out(run_id, stopping=stopping) is engine.Ending.HANDED_OVER:
        ring_run(run_id)


@app.task
def collect(installation_id: int, system: str) -> None:
    from installer_tasks import collecting

    collecting.collect_and_judge(installation_id, system)


@app.task
def reap() -> None:
    from installer_tasks import runs

    runs.reap()


def ring_run(run_id: int) -> None:
    _ring(run_installation, run_id)


def ring_collect(installation_id: int, system: str) -> None:
    _ring(collect, installation_id, system)


def ring_reap() -> None:
    _ring(reap)


def _ring(task: Any, *ids: int | str) -> None:
    try:
        task.apply_async(ids, retry=False, ignore_result=True, expires=WORTH)
    except OperationalError as error:
        log.warning("the queue does not answer; %s%s waits for the reaper: %s", task.name, ids, error)
