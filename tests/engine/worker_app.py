"""The product's Celery application with stages that work on a folder: `celery --app tests.engine.worker_app worker`."""

from __future__ import annotations

import os
from pathlib import Path

from installer_tasks import celery

celery.REAP_EVERY = 0.5
app = celery.app

from installer_tasks import stages  # noqa: E402
from tests.engine.stages import Gate, Step, World  # noqa: E402

world = World(Path(os.environ["TEST_WORLD"]))
stages.STAGES = (Step(world, "one"), Gate(world, "two"), Step(world, "three"))
