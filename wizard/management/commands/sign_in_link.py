"""A way in for the person at this machine, whenever one is needed."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from installer_tasks.local.processes.lock import FolderLock
from wizard.accounts import links


class Command(BaseCommand):
    help = "Prints a link that signs in the administrator of this machine, once, within one hour."

    def add_arguments(self, parser: CommandParser) -> None:
        # Read by manage.py before the settings; here for --help alone.
        parser.add_argument("--state", metavar="DIR", help="state folder (default: in your home folder)")

    def handle(self, *args: Any, **options: Any) -> None:
        _pid, url = FolderLock(settings.STATE_DIR).holder()
        if not url:
            self.stderr.write("The installer is not running with this state folder. Start it, then open this path:")
        self.stdout.write(f"{url}{links.one_time_path()}")
