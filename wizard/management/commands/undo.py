"""Undoes an installation from a terminal: the same run as on the page, agreed to by naming its zone."""

from __future__ import annotations

import signal
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from installer_tasks.errors import InputError, InstallerError
from installer_tasks.models import Installation, Run, RunKind
from installer_tasks.preflight.state import load
from installer_tasks.runs import rows, undo
from installer_tasks.text import mark as _
from installer_tasks.text import text
from wizard import headless
from wizard.texts import render

FAILED, COULD_NOT_BEGIN, INTERRUPTED = 1, 4, 130


class Command(BaseCommand):
    help = (
        "Removes from the cluster what the runs of an installation created: the packages, their permissions and "
        "values, the package repository. Images, answers and logs stay, and without --volumes the namespace and its "
        "volumes too. Exit code: 0 removed, 1 failed (run it again), 4 could not start, 130 interrupted."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--installation", metavar="N", type=int, required=True, help="number of the installation")
        parser.add_argument("--zone", metavar="ZONE", required=True, help="its DNS zone, as confirmation")
        parser.add_argument(
            "--volumes", action="store_true", help="also remove the namespace, with the data in its volumes"
        )
        # Read by manage.py before the settings; here for --help alone.
        parser.add_argument("--state", metavar="DIR", help="state folder (default: in your home folder)")

    def handle(self, *args: Any, **options: Any) -> None:
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.default_int_handler)
        try:
            with headless.at_work():
                run = self._carry_out(options)
        except InstallerError as error:
            raise CommandError(f"undo: {headless.told(error)}", returncode=COULD_NOT_BEGIN) from error
        except KeyboardInterrupt:
            raise CommandError(
                "undo: interrupted. `up`, or the same command once more, continues the run.", returncode=INTERRUPTED
            ) from None
        self._end(run)

    def _carry_out(self, options: dict[str, Any]) -> Run:
        """One that is under way is followed; where it keeps volumes that are not wanted, another comes after it."""
        installation, wanted = headless.find_installation(options["installation"]), options["volumes"]
        active = undo.active(installation)
        if active is not None:
            _require_agreement(installation, active, options["zone"])
            self.stdout.write(f"Attempt {active.attempt} is already removing installation {installation.pk}.")
            run = headless.follow(active, self.stdout.write)
            if run.kind == RunKind.UNDO_ALL or not (wanted and headless.succeeded(run)):
                return run
        return headless.follow(self._begin(installation, options), self.stdout.write)

    def _begin(self, installation: Installation, options: dict[str, Any]) -> Run:
        left = undo.left_by(load(installation))
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
    zone = rows.frozen_plan(left).zone
    if not undo.agrees(given, zone):
        raise InputError(
            text(_("%(given)s is not the DNS zone of %(name)s."), given=given, name=installation.name),
            value=given,
            remedy=text(_("Enter the DNS zone of the installation to remove, as confirmation.")),
        )
