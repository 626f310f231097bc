"""Pushes a bundle into a registry, by itself: no installation, no database."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from installer_tasks.systems.registry import command


class Command(BaseCommand):
    help = "Pushes the images of a release or archive to a registry; continues an interrupted push."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        command.add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        sys.exit(command.run(options))
