"""Celery's settings. The database is the truth: a message only names a row, and losing all of them loses nothing.

    celery --app installer_tasks.celery worker

Imports no task's body: `queue` imports it, and everything may import `queue`. The worker loads `tasks` by name,
before it forks its children.
"""

from __future__ import annotations

import logging.config
import mmap
import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wizard.settings")

from celery import Celery, signals
from django.conf import settings

from installer_tasks.local import log_redaction

#: Runs take hours and must not keep collections waiting.
CONCURRENCY = 4

app = Celery("installer_tasks", broker=settings.REDIS_URL, include=["installer_tasks.tasks"])
app.conf.update(
    accept_content=["json"],
    task_serializer="json",
    result_serializer="json",
    result_backend=None,
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_default_queue="installer",
    worker_concurrency=CONCURRENCY,
    worker_prefetch_multiplier=1,
    # Not 1: a child that has done its task is replaced only at the pool's next look, five seconds later (measured).
    worker_max_tasks_per_child=100,
    worker_hijack_root_logger=False,
    worker_soft_shutdown_timeout=20,
    worker_cancel_long_running_tasks_on_connection_loss=False,  # the lease guards against doing anything twice
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_connection_timeout=2,
    broker_transport_options={
        # A shorter one gave a long task to two workers at once (docs/decisions/one-task-a-run.md); `reap` recovers.
        "visibility_timeout": 7 * 24 * 3600,
        "socket_keepalive": True,
        "health_check_interval": 25,
        # Whoever enqueues while Redis is away: once more after a moment, in which the supervisor has it back, and no
        # more. Kombu's own pauses took two seconds of every page's time, for each of its messages.
        "max_retries": 1,
        "interval_start": 0.2,
    },
)

# Shared with the children that are forked later: one byte, written once, read without a lock.
_stopping = mmap.mmap(-1, 1)


@signals.setup_logging.connect
def _clean_logs(**_: Any) -> None:
    """With a receiver Celery makes no handlers of its own: ours take every line, without secrets."""
    logging.config.dictConfig(settings.LOGGING)
    log_redaction.install()


@signals.worker_shutting_down.connect
def _tell_children(**_: Any) -> None:
    _stopping[0] = 1


def stopping() -> bool:
    """Whether this worker was asked to stop. A child whose worker was killed dies with it."""
    return bool(_stopping[0])
