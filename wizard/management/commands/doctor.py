"""Says what is on this machine, and what to do about what is missing."""

from __future__ import annotations

import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from installer_tasks.local.processes import machine
from installer_tasks.local.processes.machine import Observation


class Command(BaseCommand):
    help = "Checks this machine: Python, state folder, disk, memory, Redis, database, port."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address for `up` to listen on (default: %(default)s)")
        parser.add_argument("--state", metavar="DIR", help="state folder (default: in your home folder)")

    def handle(self, *args: Any, **options: Any) -> None:
        found = [*machine.observations(settings.STATE_DIR, options["host"]), database()]
        for observation in found:
            self._say(observation)
        if any(observation.fatal for observation in found):
            sys.exit(1)

    def _say(self, observation: Observation) -> None:
        mark = "FAIL" if observation.fatal else "warn" if observation.remedy else "ok"
        self.stdout.write(f"{mark:<5}{observation.name}: {observation.found}")
        if observation.remedy:
            self.stdout.write(f"     → {observation.remedy}")


def database() -> Observation:
    return machine.guarded("database", _look, "Check DATABASE_URL, and that the server runs and accepts this user.")


def _look() -> str:
    """Reachable, and whether its tables are those of this version."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    state = f"pending migrations: {len(missing)}; the next `up` applies them" if missing else "up to date"
    return f"{connection.vendor}, {state}"
