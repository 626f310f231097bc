"""What is under way, for a terminal: the last run of each installation, its stage and what it waits for."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.translation import gettext

from installer_tasks.errors import InstallerError
from installer_tasks.models import Installation, Run, StageState
from installer_tasks.runs import stages
from wizard import headless
from wizard.presenters import states
from wizard.texts import render

COULD_NOT_RUN = 4


class Command(BaseCommand):
    help = (
        "Prints the last run of every installation: what it does, its stage, what it waits for, and how to continue. "
        "Changes nothing. Exit code: 0, or 4 could not run."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--installation", metavar="N", type=int, help="only this installation")
        parser.add_argument("--json", action="store_true", help="print it as JSON")
        # Read by manage.py before the settings; here for --help alone.
        parser.add_argument("--state", metavar="DIR", help="state folder (default: in your home folder)")

    def handle(self, *args: Any, **options: Any) -> None:
        headless.prepare_database()
        try:
            number = options["installation"]
            found = [headless.find_installation(number)] if number else list(Installation.objects.order_by("pk"))
        except InstallerError as error:
            raise CommandError(f"status: {headless.told(error)}", returncode=COULD_NOT_RUN) from error
        told = [status_of(installation) for installation in found]
        if options["json"]:
            self.stdout.write(json.dumps(told, indent=2, ensure_ascii=False))
            return
        for each in told:
            for line in _lines(each):
                self.stdout.write(line)
        if not told:
            self.stdout.write(gettext("There are no installations yet."))


def status_of(installation: Installation) -> dict[str, Any]:
    """Plain data; `run` is None before the first one."""
    last = installation.runs.defer("sealed_plan").first()
    told = {"installation": installation.pk, "name": installation.name}
    return {**told, "run": _run(last) if last else None}


def _run(run: Run) -> dict[str, Any]:
    stage = run.stages.filter(state__in=(StageState.RUNNING, StageState.FAILED)).last()
    held = run.lease_until is not None and run.lease_until > timezone.now()
    return {
        "attempt": run.attempt,
        "kind": run.kind,
        "state": run.state,
        "word": str(states.of_run(run).word),
        "started_at": run.started_at.isoformat(timespec="seconds") if run.started_at else None,
        "finished_at": run.finished_at.isoformat(timespec="seconds") if run.finished_at else None,
        "stage": stage.slug if stage else None,
        "stage_title": gettext(stages.BY_SLUG[stage.slug].title) if stage and stage.slug in stages.BY_SLUG else "",
        "waiting_for": render(stage.waiting_for) if stage and stage.waiting_for and not run.final else "",
        "at_work": held and not run.final,
        "cause": render((run.error or {}).get("cause")) if run.error else "",
        "next": _next(run, held=held),
    }


def _next(run: Run, *, held: bool) -> str:
    """The command that goes on from here; "" where nothing is to be done."""
    if run.state == "succeeded" or (held and not run.final):
        return ""
    number = run.installation_id
    if not run.undoes:
        return f"manage.py install --installation {number}"
    volumes = " --volumes" if run.kind == "undo-all" else ""
    return f"manage.py undo --installation {number} --zone ZONE{volumes}"


def _lines(told: dict[str, Any]) -> list[str]:
    run = told["run"]
    head = f"{told['installation']}  {told['name']}"
    if run is None:
        return [f"{head}: {gettext('no run yet')}"]
    attempt = gettext("attempt %(number)s") % {"number": run["attempt"]}
    lines = [f"{head}: {attempt}: {run['word']}"]
    if run["stage_title"]:
        lines.append(f"     {run['stage_title']}")
    if run["waiting_for"]:
        lines.append("     " + gettext("waiting for %(what)s") % {"what": run["waiting_for"]})
    if run["cause"]:
        lines.append(f"     {run['cause']}")
    if run["next"]:
        lines.append("     " + gettext("To continue: %(command)s") % {"command": run["next"]})
    return lines
