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

from installer_tasks import releases, saved_answers
from installer_tasks.errors import InstallerError
from installer_tasks.local.processes import Supervisor
from installer_tasks.models import Installation, Run
from installer_tasks.preflight import findings
from installer_tasks.preflight.checks.base import Level
from installer_tasks.preflight.state import load
from installer_tasks.rehearsal import releases as practice
from installer_tasks.rehearsal.board import Board
from installer_tasks.rehearsal.controllers import PACES
from installer_tasks.rehearsal.estate import Estate
from wizard import headless
from wizard.accounts import links
from wizard.management.signals import asked_to_stop


class Command(BaseCommand):
    help = "Creates a practice estate on loopback and runs one complete guided installation on it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--pace",
            choices=sorted(PACES),
            default="quick",
            help="speed of the cluster (default: %(default)s)",
        )
        parser.add_argument(
            "--release",
            choices=practice.playable(),
            default=releases.known()[-1],
            help=f"release to install (default: the newest; {practice.INVENTED} is invented, and not known here)",
        )
        parser.add_argument("--port", type=int, help="port to listen on (default: the first free one from 8000 on)")
        parser.add_argument("--hold", action="store_true", help="keep everything running afterwards, until Ctrl-C")
        parser.add_argument("--estate-only", action="store_true", help="install nothing; print the answers to enter")
        # Read by manage.py before the settings; here for --help alone.
        parser.add_argument("--state", metavar="DIR", help="state folder (default: in your home folder)")

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
            with Estate(folder, pace=PACES[options["pace"]], release=options["release"]) as estate, Board(estate):
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
        installation = saved_answers.create_installation(f"Practice {timezone.now():%Y-%m-%d %H:%M:%S}", practice=True)
        callback = reverse("sign-in-rehearsal-callback", args=[installation.pk])
        estate.identity.register_redirect("tmc", f"{url}{callback}")
        self._say("\nSaving the answers of every step and running the checks")
        green = headless.walk(installation, estate.answers(), self._say)
        if not green:
            self._say(f"\nrehearsal: failed: {', '.join(findings.blocking(load(installation)))}")
            return False
        self._say(f"\nInstalling; follow the run at {self._link(url, installation)}")
        run = headless.carry_out(installation, self._say)
        if hold:
            self._say(f"\nThe run is still at {self._link(url, installation)}")
        self._say(_last_line(run, round(time.monotonic() - begun), estate))
        if hold:
            self._say("Press Ctrl-C to stop the practice estate.")
            stop.wait()
        return headless.succeeded(run)

    def _show_answers(self, estate: Estate, url: str, stop: threading.Event) -> bool:
        folder = settings.STATE_DIR / "estate" / "answers"
        folder.mkdir(mode=0o700, exist_ok=True)
        self._say(f"\nOpen the wizard at {url}{links.one_time_path()}\nand enter:")
        self._say_answers(folder, estate.answers())
        self._say("\nor, for sign-in with the directory instead of the identity provider:")
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
            "Release": f"{estate.release.version}, Kubernetes {estate.release.seen}, "
            f"cert-manager {estate.release.cert_manager[1]}",
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
    passes = sum(item.level is Level.PASS for item in load(run.installation).items)
    push = run.stages.get(slug="push-images").progress
    names = len(estate.release.public_names(estate.zone))
    outcome = "succeeded" if headless.succeeded(run) else run.state
    return (
        f"rehearsal: {outcome} in {seconds} s: {passes} checks passed, {push.get('images_done', 0)} images pushed "
        f"({push.get('bytes_sent', 0) / 1e6:.1f} MB), {len(estate.release.packages) + 1} packages, {names} public names"
    )
