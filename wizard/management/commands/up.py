"""Everything the installer needs on this machine, by one command, until Ctrl-C."""

from __future__ import annotations

import threading
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from installer_tasks.errors import InstallerError
from installer_tasks.processes import Supervisor
from wizard.accounts import links
from wizard.management.signals import asked_to_stop


class Command(BaseCommand):
    help = "Starts Redis, a worker and the web server, and watches them until Ctrl-C."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
        parser.add_argument("--port", type=int, help="port to listen on (default: the first free one from 8000 on)")
        parser.add_argument("--workers", type=int, default=4, help="tasks at the same time (default: %(default)s)")
        parser.add_argument("--verbose", action="store_true", help="show the log lines of all processes")
        # Read by manage.py before the settings; here for --help alone.
        parser.add_argument("--state", metavar="DIR", help="the folder that keeps everything (default: in your home)")

    def handle(self, *args: Any, **options: Any) -> None:
        supervisor = Supervisor(
            settings.STATE_DIR,
            host=options["host"],
            port=options["port"],
            concurrency=options["workers"],
            verbose=options["verbose"],
            say=self._say,
        )
        try:
            self._serve(supervisor, asked_to_stop())
        except InstallerError as error:
            raise CommandError("\n".join(filter(None, [str(error.cause), error.detail, str(error.remedy)]))) from error

    def _serve(self, supervisor: Supervisor, stop: threading.Event) -> None:
        supervisor.claim()
        try:
            call_command("migrate", verbosity=0, interactive=False)
            supervisor.start()
            if supervisor.wait_ready(stop=stop):
                self._welcome(supervisor.url)
            stop.wait()
            self._say("Stopping.")
        finally:
            supervisor.stop()

    def _welcome(self, url: str) -> None:
        self._say(f"The installer answers at {url}")
        self._say(f"Sign in once, within the hour, with {url}{links.one_time_path()}")
        self._say(f"Everything is kept in {settings.STATE_DIR}. Ctrl-C ends it; a run goes on with the next start.")

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
