"""One installation from a file of answers: the same steps, checks and engine as on the page."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from installer_tasks import saved_answers
from installer_tasks.errors import InstallerError
from installer_tasks.models import ACTIVE, Installation, Run
from installer_tasks.preflight import findings
from installer_tasks.preflight.state import load
from installer_tasks.runs import service
from wizard import headless
from wizard.accounts import links
from wizard.texts import render

FAILED, COULD_NOT_BEGIN, INTERRUPTED = 1, 4, 130


class Command(BaseCommand):
    help = (
        "Runs one installation with the answers in a file; with --installation, continues an earlier one. "
        "Exit code: 0 succeeded, 1 a check or the run failed, 4 could not start, 130 interrupted."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--answers", metavar="FILE", type=Path, help="YAML: `<step>.<field>: value`, secrets as `{file: path}`"
        )
        parser.add_argument("--name", help="name of a new installation (default: the DNS zone and the date)")
        parser.add_argument(
            "--installation", metavar="N", type=int, help="continue this one; --answers may change its answers"
        )
        # Read by manage.py before the settings; here for --help alone.
        parser.add_argument("--state", metavar="DIR", help="state folder (default: in your home folder)")

    def handle(self, *args: Any, **options: Any) -> None:
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.default_int_handler)
        try:
            code = self._run(options)
        except InstallerError as error:
            raise CommandError(f"install: {headless.told(error)}", returncode=COULD_NOT_BEGIN) from error
        except KeyboardInterrupt:
            raise CommandError(
                "install: interrupted. The answers are saved; `up` or `install --installation` continues the run.",
                returncode=INTERRUPTED,
            ) from None
        if code:
            sys.exit(code)

    def _run(self, options: dict[str, Any]) -> int:
        if options["answers"] is None and options["installation"] is None:
            raise CommandError("install: specify --answers or --installation", returncode=COULD_NOT_BEGIN)
        answers = headless.read_answers(options["answers"]) if options["answers"] else {}
        with headless.at_work() as url:
            number = options["installation"]
            installation = headless.find_installation(number) if number else _create(options["name"], answers)
            return self._install(installation, answers, url)

    def _install(self, installation: Installation, answers: dict[str, str], url: str) -> int:
        begun = time.monotonic()
        self._say(f"Installation {installation.pk}: {installation.name}")
        active = installation.runs.filter(state__in=ACTIVE).first()
        if active is not None and active.undoes:
            raise service.already_active(installation)
        if active is not None:
            self._say(f"Attempt {active.attempt} is active; its answers cannot change.")
            return self._end(headless.follow(active, self._say), begun)
        if not headless.walk(installation, answers, self._say):
            red = ", ".join(findings.blocking(load(installation)))
            self._say(f"install: failed: nothing was installed; failed checks: {red}")
            self._say(_again(installation))
            return FAILED
        self._say(f"Installing; follow the run at {self._page(url, installation)}")
        return self._end(headless.carry_out(installation, self._say), begun)

    def _end(self, run: Run, begun: float) -> int:
        seconds = round(time.monotonic() - begun)
        if headless.succeeded(run):
            console = headless.console_url(run)
            self._say(f"install: succeeded in {seconds} s: installation {run.installation_id}, {console}")
            return 0
        for reason in headless.why(run):
            self._say(f"  {reason}")
        error = run.error or {}
        for line in (render(error.get("cause")), error.get("value"), error.get("detail"), render(error.get("remedy"))):
            if line:
                self._say(f"  {line}")
        self._say(_again(run.installation))
        self._say(f"install: {run.state} after {seconds} s: installation {run.installation_id}, attempt {run.attempt}")
        return FAILED

    def _page(self, url: str, installation: Installation) -> str:
        """With a link to sign in only where a person reads it: it must not stay in the log of a pipeline."""
        path = f"/installations/{installation.pk}/run/"
        return url + (links.one_time_path(to=path) if self.stdout.isatty() else path)

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def _create(name: str | None, answers: dict[str, str]) -> Installation:
    chosen = name or f"{answers.get('dns.zone', 'Installation')} {timezone.now():%Y-%m-%d}"
    return saved_answers.create_installation(chosen[:100])


def _again(installation: Installation) -> str:
    return f"Fix the cause, then run: manage.py install --installation {installation.pk} [--answers FILE]"
