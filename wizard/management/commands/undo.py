"""Undoes an installation from a terminal: the same run as on the page, agreed to by naming its zone."""

from __future__ import annotations

import signal
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from installer_tasks import runs, undo
from installer_tasks.errors import InputError, InstallerError
from installer_tasks.models import Installation, Run
from installer_tasks.text import mark as _
from installer_tasks.text import text
from wizard import headless
from wizard.texts import render

FAILED, COULD_NOT_BEGIN, INTERRUPTED = 1, 4, 130


class Command(BaseCommand):
    help = (
        "Removes from the cluster what the runs of an installation have left there: the packages, their rights and "
        "values, the package repository. Images, answers and logs stay; the namespace with its volumes too, without "
        "--volumes. Exit code: 0 removed, 1 failed (start it again), 4 could not begin, 130 interrupted."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--installation", metavar="N", type=int, required=True, help="its number")
        parser.add_argument("--zone", metavar="ZONE", required=True, help="its DNS zone, as agreement")
        parser.add_argument(
            "--volumes", action="store_true", help="remove the namespace too, with the data in its volumes"
        )
        # Read by manage.py before the settings; here for --help alone.
        parser.add_argument("--state", metavar="DIR", help="the folder that keeps everything (default: in your home)")

    def handle(self, *args: Any, **options: Any) -> None:
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.default_int_handler)
        try:
            with headless.at_work():
                run = headless.follow(self._begin(options), self.stdout.write)
        except InstallerError as error:
            raise CommandError(f"undo: {headless.told(error)}", returncode=COULD_NOT_BEGIN) from error
        except KeyboardInterrupt:
            raise CommandError("undo: interrupted. The run goes on with `up`.", returncode=INTERRUPTED) from None
        self._end(run)

    def _begin(self, options: dict[str, Any]) -> Run:
        installation = headless.find_installation(options["installation"])
        left = undo.left_by(installation)
        if left is not None:
            _require_agreement(installation, left, options["zone"])
        return undo.start(installation, everything=options["volumes"])

    def _end(self, run: Run) -> None:
        if headless.succeeded(run):
            self.stdout.write(f"undo: succeeded: installation {run.installation_id} is removed from the cluster")
            return
        error = run.error or {}
        for line in (render(error.get("cause")), error.get("value"), error.get("detail"), render(error.get("remedy"))):
            if line:
                self.stdout.write(f"  {line}")
        self.stdout.write(f"undo: {run.state}: installation {run.installation_id}, attempt {run.attempt}")
        sys.exit(FAILED)


def _require_agreement(installation: Installation, left: Run, given: str) -> None:
    zone = runs.frozen_plan(left).zone
    if not undo.agrees(given, zone):
        raise InputError(
            text(_("%(given)s is not the DNS zone of %(name)s."), given=given, name=installation.name),
            value=given,
            remedy=text(_("Name the zone of what is to be removed: it is the agreement to it.")),
        )
