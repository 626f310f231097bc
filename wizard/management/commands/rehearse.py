"""One complete guided installation on a practice estate on this machine."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.urls import reverse
from django.utils import timezone

from installer_tasks import findings, sessions
from installer_tasks.checks.base import Level
from installer_tasks.errors import InstallerError
from installer_tasks.models import Installation, Run
from installer_tasks.processes import Supervisor
from installer_tasks.rehearsal.board import Board
from installer_tasks.rehearsal.controllers import PACES
from installer_tasks.rehearsal.estate import Estate
from wizard import headless
from wizard.accounts import links
from wizard.management.signals import asked_to_stop


class Command(BaseCommand):
    help = "Makes a practice estate on loopback and carries out one complete guided installation on it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--pace", choices=sorted(PACES), default="quick", help="of the practice cluster")
        parser.add_argument("--port", type=int, help="port of the page (default: the first free one from 8000 on)")
        parser.add_argument("--hold", action="store_true", help="keep everything up afterwards, until Ctrl-C")
        parser.add_argument("--estate-only", action="store_true", help="install nothing; show what to answer by hand")
        # Read by manage.py before the settings; here for --help alone.
        parser.add_argument("--state", metavar="DIR", help="the folder that keeps everything (default: in your home)")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            succeeded = self._rehearse(options)
        except InstallerError as error:
            raise CommandError(f"rehearsal: failed: {error.cause}\n{error.remedy}") from error
        if not succeeded:
            sys.exit(1)

    def _rehearse(self, options: dict[str, Any]) -> bool:
        stop = asked_to_stop()
        supervisor = Supervisor(settings.STATE_DIR, port=options["port"])
        supervisor.claim()
        try:
            call_command("migrate", verbosity=0, interactive=False)
            folder = settings.STATE_DIR / "estate"
            # Yesterday's images would make today's push a matter of nothing.
            shutil.rmtree(folder / "registry", ignore_errors=True)
            with Estate(folder, pace=PACES[options["pace"]]) as estate, Board(estate):
                self._say_estate(estate)
                supervisor.start()
                supervisor.wait_ready(stop=stop)
                if options["estate_only"]:
                    return self._show_answers(estate, supervisor.url, stop)
                return self._install(estate, supervisor.url, stop, hold=options["hold"] or sys.stdin.isatty())
        finally:
            supervisor.stop()

    def _install(self, estate: Estate, url: str, stop: threading.Event, *, hold: bool) -> bool:
        begun = time.monotonic()
        installation = sessions.create_installation(f"Practice {timezone.now():%Y-%m-%d %H:%M:%S}", practice=True)
        callback = reverse("sign-in-rehearsal-callback", args=[installation.pk])
        estate.identity.register_redirect("tmc", f"{url}{callback}")
        self._say("\nAnswering every step and proving it")
        green = headless.walk(installation, estate.answers(), self._say)
        if not green:
            self._say(f"\nrehearsal: failed: {', '.join(findings.blocking(installation))}")
            return False
        self._say(f"\nInstalling; watch it at {self._link(url, installation)}")
        run = headless.carry_out(installation, self._say)
        if hold:
            self._say(f"\nLook at the same run at {self._link(url, installation)}")
        self._say(_last_line(run, round(time.monotonic() - begun), estate))
        if hold:
            self._say("Ctrl-C ends the practice estate.")
            stop.wait()
        return headless.succeeded(run)

    def _show_answers(self, estate: Estate, url: str, stop: threading.Event) -> bool:
        folder = settings.STATE_DIR / "estate" / "answers"
        folder.mkdir(mode=0o700, exist_ok=True)
        self._say(f"\nWalk the wizard yourself at {url}{links.one_time_path()}\nand answer:")
        self._say_answers(folder, estate.answers())
        self._say("\nor, to have people sign in with the directory, in place of the provider:")
        self._say_answers(folder, estate.directory_answers())
        stop.wait()
        return True

    def _say_answers(self, folder: Path, answers: Mapping[str, str]) -> None:
        for key, value in answers.items():
            self._say(f"  {key:<32} {_in_a_file(folder / key, value) if chr(10) in value else value}")

    def _link(self, url: str, installation: Installation) -> str:
        return f"{url}{links.one_time_path(to=f'/installations/{installation.pk}/run/')}"

    def _say_estate(self, estate: Estate) -> None:
        self._say("Practice estate")
        for name, value in {
            "Kubernetes": estate.kube.url,
            "Registry": estate.project,
            "Identity": estate.identity.issuer,
            "Directory": f"ldaps://{estate.directory.host}",
            "DNS": f"{estate.dns.address} for {estate.zone}",
            "Load balancer": estate.edge.address,
            "Bundle": estate.bundle,
        }.items():
            self._say(f"  {name:<13} {value}")

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def _in_a_file(path: Path, value: str) -> str:
    """What is too long to type, to upload."""
    path.touch(mode=0o600)
    path.write_text(value)
    return f"the file {path}"


def _last_line(run: Run, seconds: int, estate: Estate) -> str:
    passes = sum(item.level is Level.PASS for step in _steps() for item in findings.of_step(run.installation, step))
    push = run.stages.get(slug="push-images").progress
    names = len(estate.release.public_names(estate.zone))
    outcome = "succeeded" if headless.succeeded(run) else run.state
    return (
        f"rehearsal: {outcome} in {seconds} s: {passes} checks passed, {push.get('images_done', 0)} images pushed "
        f"({push.get('bytes_sent', 0) / 1e6:.1f} MB), {len(estate.release.packages) + 1} packages, {names} public names"
    )


def _steps() -> tuple[str, ...]:
    from installer_tasks.answers import STEPS

    return STEPS
