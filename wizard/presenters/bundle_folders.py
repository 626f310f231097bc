"""The folders that are open for bundles, the programs that may run, and those that wait to be confirmed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from installer_tasks.local.program import Program, WeakSpot
from installer_tasks.models import BundleFolder, ConfirmedProgram, Observation
from installer_tasks.preflight import bundle_access, findings
from installer_tasks.preflight.shapes import bundle as shapes


@dataclass(frozen=True)
class Seen:
    """A program that the checks of an installation have read, and that nobody has confirmed."""

    program: Program
    installations: tuple[str, ...]


def page(problem: Any = None, given: str = "") -> dict[str, Any]:
    return {
        "fixed": [str(path) for path in settings.BUNDLE_FOLDERS],
        "folders": BundleFolder.objects.select_related("opened_by"),
        "waiting": waiting(),
        "programs": ConfirmedProgram.objects.select_related("confirmed_by"),
        "problem": problem,
        "given": given,
    }


def waiting() -> list[Seen]:
    """Each content once, with the installations that it waits in."""
    confirmed = bundle_access.confirmed_programs()
    found: dict[str, Seen] = {}
    for name, program in _observed():
        if program.sha256 not in confirmed:
            before = found.get(program.sha256, Seen(program, ()))
            found[program.sha256] = Seen(program, (*before.installations, name))
    return list(found.values())


def _observed() -> Iterator[tuple[str, Program]]:
    for row in Observation.objects.filter(system="bundle").select_related("installation").order_by("installation"):
        if found := findings.observed(row, shapes.PROGRAM):
            yield row.installation.name, _program(found)


def _program(found: shapes.Program) -> Program:
    weak = tuple(WeakSpot(**spot) for spot in found["weak"])
    return Program(
        path=found["path"],
        owner=found["owner"],
        mode=found["mode"],
        size=found["size"],
        sha256=found["sha256"],
        weak=weak,
        user=found["user"],
    )
