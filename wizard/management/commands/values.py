"""An existing values.yaml against an installation: what it would change, and with --take its values taken over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from installer_tasks.decoding import decoded
from installer_tasks.errors import InputError, InstallerError
from installer_tasks.preflight.state import load
from installer_tasks.text import mark as _
from installer_tasks.text import text
from wizard import headless, values_file
from wizard.presenters import values_file as views

COULD_NOT_RUN = 4


class Command(BaseCommand):
    help = (
        "Compares a values.yaml with the values of an installation, key by key, and changes nothing without --take. "
        "Exit code: 0 compared or taken, 4 could not run."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--installation", metavar="N", type=int, required=True)
        parser.add_argument("--file", metavar="FILE", type=Path, required=True, help="the values.yaml")
        parser.add_argument("--take", action="store_true", help="save what can be taken")
        # Read by manage.py before the settings; here for --help alone.
        parser.add_argument("--state", metavar="DIR", help="state folder (default: in your home folder)")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            headless.prepare_database()
            state = load(headless.find_installation(options["installation"]))
            comparison = values_file.compare(state, _content(options["file"]), anywhere=True)
            self._say(views.shown(comparison))
            if options["take"]:
                names = values_file.take(comparison, None, anywhere=True)
                self.stdout.write(f"values: {len(names)} taken")
        except InstallerError as error:
            raise CommandError(f"values: {headless.told(error)}", returncode=COULD_NOT_RUN) from error

    def _say(self, shown: views.Shown) -> None:
        for row in shown.taken:
            self.stdout.write(f"  {row.name}: {row.now} → {row.then} ({row.where})")
        for row in shown.left:
            self.stdout.write(f"! {row.name}: {row.then}: {row.why}")
        self.stdout.write(
            f"values: {len(shown.taken)} differ, {len(shown.same)} are the same, {len(shown.left)} cannot be taken"
        )


def _content(path: Path) -> str:
    try:
        return decoded(path.read_bytes(), name=str(path))
    except OSError as error:
        raise InputError(
            text(_("Cannot read the file %(path)s."), path=str(path)),
            value=str(path),
            remedy=text(_("Check that the file exists and that you have permission to read it.")),
        ) from error
