"""What a worker does with a message: tasks of one line, ids only; and its timer.

The worker itself touches no row: its timer enqueues `reap` every few seconds, for a child, so that whatever was
requested while no worker listened, or lost its worker, continues by itself.
"""

from __future__ import annotations

from typing import Any

from celery import signals

from installer_tasks import queue
from installer_tasks.celery import app, stopping
from installer_tasks.preflight import collecting
from installer_tasks.runs import engine, reaper
from installer_tasks.systems.cluster import client as loaded_before_the_fork  # noqa: F401 - or each child loads it

#: Seconds.
REAP_EVERY = 10.0


@app.task
def run_installation(run_id: int) -> None:
    if engine.carry_out(run_id, stopping=stopping) is engine.Ending.HANDED_OVER:
        queue.enqueue_run(run_id)


@app.task
def collect(installation_id: int, system: str) -> None:
    collecting.collect_and_judge(installation_id, system)


@app.task
def reap() -> None:
    reaper.reap()


@signals.worker_ready.connect
def _reap_regularly(sender: Any, **_: Any) -> None:
    """The worker's own timer, no thread: at once, then every REAP_EVERY seconds."""
    queue.enqueue_reap()
    sender.timer.call_repeatedly(REAP_EVERY, queue.enqueue_reap)
