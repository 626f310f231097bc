"""Everything the installer needs on this machine, by one command, until Ctrl-C."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from installer_tasks.errors import InstallerError
from installer_tasks.local.processes import Supervisor, reach, tls
from wizard.accounts import links
from wizard.management.journal import is_journal
from wizard.management.signals import asked_to_stop

IN_CLEAR = (
    "Listening on %(host)s without TLS would send passwords in clear text over the network. Add --tls, name your own "
    "certificate with --tls-cert and --tls-key, or add --plain if a proxy in front of this machine ends TLS."
)
PLAIN = "Without TLS, as --plain says: whoever is on the network between can read passwords and change pages."


class Command(BaseCommand):
    help = "Starts Redis, a worker and the web server, and restarts any that exits, until Ctrl-C."
    requires_system_checks = []  # `make check` runs them; here they would load every page before anything starts

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
        parser.add_argument("--port", type=int, help="port to listen on (default: the first free one from 8000 on)")
        parser.add_argument("--tls", action="store_true", help="serve HTTPS with a certificate that up creates")
        parser.add_argument("--tls-cert", type=Path, metavar="FILE", help="serve HTTPS with this PEM certificate")
        parser.add_argument("--tls-key", type=Path, metavar="FILE", help="the key of --tls-cert")
        parser.add_argument("--plain", action="store_true", help="listen beyond this machine without TLS")
        parser.add_argument("--workers", type=int, default=4, help="number of concurrent tasks (default: %(default)s)")
        parser.add_argument("--verbose", action="store_true", help="print the log lines of all processes")
        # Read by manage.py before the settings; here for --help alone.
        parser.add_argument("--state", metavar="DIR", help="state folder (default: in your home folder)")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self._serve(self._supervisor(options), asked_to_stop())
        except InstallerError as error:
            raise CommandError("\n".join(filter(None, [str(error.cause), error.detail, str(error.remedy)]))) from error

    def _supervisor(self, options: Mapping[str, Any]) -> Supervisor:
        host, files = options["host"], _tls_files(options)
        if not (files or options["plain"] or reach.is_loopback(host)):
            raise CommandError(IN_CLEAR % {"host": host})
        name = reach.name(host, settings.ALLOWED_HOSTS)
        self._fingerprint = files.fingerprint if files else ""
        if options["plain"] and not reach.is_loopback(host):
            self._say(PLAIN)
        return Supervisor(
            settings.STATE_DIR,
            host=host,
            port=options["port"],
            concurrency=options["workers"],
            verbose=options["verbose"],
            say=self._say,
            reached_as=name,
            origin=next(iter(settings.CSRF_TRUSTED_ORIGINS), ""),
            tls=files,
            env=_web_environment(name, secured=files is not None),
        )

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
        self._say(f"The installer is running at {url}")
        if self._fingerprint:
            self._say(f"SHA-256 fingerprint of its certificate: {self._fingerprint}")
        if is_journal(self.stdout):
            self._say("No sign-in link is printed into the system journal: run `manage.py sign_in_link` to get one.")
        else:
            self._say(f"Sign in with this link, once, within one hour: {url}{links.one_time_path()}")
        self._say(
            f"All data is stored in {settings.STATE_DIR}. Press Ctrl-C to stop; a run continues at the next start."
        )

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def _tls_files(options: Mapping[str, Any]) -> tls.Files | None:
    certificate, key = options["tls_cert"], options["tls_key"]
    if (certificate is None) != (key is None):
        raise CommandError("--tls-cert and --tls-key belong together")
    if certificate:
        return tls.given(certificate.absolute(), key.absolute())
    if not options["tls"]:
        return None
    name = reach.name(options["host"], settings.ALLOWED_HOSTS)
    allowed = [one for one in settings.ALLOWED_HOSTS if not one.startswith((".", "*"))]
    return tls.made(settings.STATE_DIR, [name, *allowed])


def _web_environment(name: str, *, secured: bool) -> dict[str, str]:
    """What the options say and the settings of the web server have to know."""
    hosts = ",".join(dict.fromkeys([*settings.ALLOWED_HOSTS, f"[{name}]" if ":" in name else name]))
    found = {"TMC_INSTALLER_HOSTS": hosts, "TMC_INSTALLER_HOSTS_FILE": ""}
    return found | ({"TMC_INSTALLER_HTTPS": "True"} if secured else {})
