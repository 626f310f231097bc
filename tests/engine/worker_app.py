"""The product's Celery application with stages that work on a folder: `celery --app tests.engine.worker_app worker`."""

from __future__ import annotations

import os
from pathlib import Path

import django

django.setup()

from installer_tasks import tasks  # noqa: E402
from installer_tasks.celery import app  # noqa: E402, F401
from installer_tasks.runs import stages  # noqa: E402
from tests.engine.stages import Gate, Step, World  # noqa: E402

tasks.REAP_EVERY = 0.5

world = World(Path(os.environ["TEST_WORLD"]))
stages.STAGES = (Step(world, "one"), Gate(world, "two"), Step(world, "three"))
stages.of_kind = lambda _kind, _release=None: stages.STAGES
