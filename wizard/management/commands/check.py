"""Every check of an installation, for a terminal or a pipeline; without an option of ours, Django's own `check`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.core.management.commands.check import Command as SystemChecks

from installer_tasks.answer_keys import STEPS
from installer_tasks.errors import InstallerError
from installer_tasks.preflight import collecting
from installer_tasks.preflight.checks.base import Level
from installer_tasks.preflight.state import Item, load
from wizard import headless
from wizard.texts import render

CLEAN, FAILED, WARNED, COULD_NOT_RUN = 0, 1, 3, 4


class Command(SystemChecks):
    help = (
        "With --installation or --answers: runs every check and leaves nothing changed. "
        "Exit code: 0 clean, 1 failed, 3 warnings, 4 could not run. Without either: Django's own checks."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        which = parser.add_mutually_exclusive_group()
        which.add_argument("--installation", metavar="N", type=int, help="check its saved answers; save the findings")
        which.add_argument("--answers", metavar="FILE", type=Path, help="check these answers; save nothing")
        parser.add_argument("--json", action="store_true", help="print the findings as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["installation"] is None and options["answers"] is None:
            super().handle(*args, **options)
            return
        try:
            items = _look(options["installation"], options["answers"])
        except InstallerError as error:
            raise CommandError(f"check: {headless.told(error)}", returncode=COULD_NOT_RUN) from error
        if options["json"]:
            self.stdout.write(json.dumps(_document(items), indent=2, ensure_ascii=False))
        else:
            self._say(items)
        if code := verdict(items):
            sys.exit(code)

    def _say(self, items: list[Item]) -> None:
        for step in STEPS:
            headless.say_findings(step, [item for item in items if item.check.system == step], self.stdout.write)
        words = {CLEAN: "clean", FAILED: "failed", WARNED: "warnings", COULD_NOT_RUN: "could not run"}
        self.stdout.write(f"check: {words[verdict(items)]}")


def _look(number: int | None, answers: Path | None) -> list[Item]:
    if answers is not None:
        return headless.judge(headless.read_answers(answers))
    headless.prepare_database()
    installation = headless.find_installation(number or 0)
    collecting.collect_and_judge_all(installation.pk)
    return list(load(installation).items)


def verdict(items: list[Item]) -> int:
    """The exit code. What could not be judged is never clean."""
    levels = {item.level for item in items}
    if Level.FAIL in levels:
        return FAILED
    if levels & {Level.ERROR, Level.BLOCKED, Level.STALE, None}:
        return COULD_NOT_RUN
    return WARNED if levels & {Level.WARN, Level.WAIVED} else CLEAN


def _document(items: list[Item]) -> dict[str, Any]:
    words = {CLEAN: "clean", FAILED: "failed", WARNED: "warnings", COULD_NOT_RUN: "could-not-run"}
    return {"outcome": words[verdict(items)], "findings": [_finding(item) for item in items]}


def _finding(item: Item) -> dict[str, Any]:
    sentences = {part: render(item.verdict.get(part)) for part in ("message", "cause", "remedy")}
    return {
        "name": item.name,
        "system": item.check.system,
        "level": item.level or "unknown",
        "owner": item.check.owner,
        **sentences,
        "value": item.verdict.get("value", ""),
        "command": item.verdict.get("command", ""),
    }
