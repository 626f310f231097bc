"""Asks why: once when a stage fails, and now and then while one waits. What is found goes to the journal."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from installer_tasks.diagnosis import MOST_CAUSES, Diagnosis, diagnose
from installer_tasks.diagnosis.base import Match
from installer_tasks.diagnosis.causes import CAUSES
from installer_tasks.diagnosis.collecting import collect
from installer_tasks.errors import InstallerError
from installer_tasks.runs.stages.base import Context, Progress, Stage
from installer_tasks.runs.stages.systems import cluster_of

log = logging.getLogger(__name__)

#: Errors that only say that something did not happen; any other error names its cause itself.
OPAQUE = frozenset({"packages-stalled", "package-failed", "repository-failed", "undo-failed", "stalled"})
#: Errors of the way to the cluster: it cannot be asked.
NO_ANSWER = ("unreachable", "tls-", "kubernetes-unauthorized", "kubernetes-other")
MOST_SYSTEMS = 4  #: a stage that looks at every system has findings of its own
EVERY = 10.0  #: seconds between two looks while a stage waits
#: Multiplies the seconds that a cause may last before it is named; the calibration is in a hurry.
PACE = 1.0


def explain(context: Context, stage: Stage, error: InstallerError) -> Diagnosis | None:
    """Why the stage failed, kept and told; None when the error's own words are all there is to say."""
    try:
        found = diagnose(_facts(context, stage, error))
    except Exception as problem:  # noqa: BLE001 - the run must end with its own error, whatever happens here
        # Without the trace: behind it stands the stage's own error, whose words nobody has redacted yet.
        log.error("the failure of %s could not be explained: %s", stage.slug, type(problem).__name__)
        return None
    if not found.known and error.code not in OPAQUE:
        return None
    context.report.diagnosis(found.as_json())
    _tell(context, found)
    return found


def _facts(context: Context, stage: Stage, error: InstallerError) -> dict[str, Any]:
    told = {"stage": stage.slug, "code": error.code, "detail": error.detail, "cause": str(error.cause)}
    asked = _asks_cluster(stage, error)
    facts = collect(cluster_of(context), context.plan.known) if asked else {}
    return {"namespace": context.plan.known.namespace, **facts, "error": told}


def _asks_cluster(stage: Stage, error: InstallerError) -> bool:
    """Only where the stage works in the cluster, and the cluster answers."""
    systems = getattr(stage, "systems", ())
    if "cluster" not in systems or len(systems) > MOST_SYSTEMS or error.code.startswith(NO_ANSWER):
        return False
    return getattr(stage, "shows", Progress.NONE) is not Progress.PUSH


def _tell(context: Context, found: Diagnosis) -> None:
    report = context.report
    if found.chain:
        report.event("diagnosis.chain", level="error", chain=chain_words(found))
    if not found.known:
        places = ", ".join(dict.fromkeys(sign.about.replace("/", " ", 1) for sign in found.places)) or "–"
        said = "\n".join(f"{sign.about}: {sign.text.strip()}" for sign in found.places)
        report.event("diagnosis.unknown", level="error", text=said, places=places)
        return
    first = found.matches[0]
    if first.cause.says:
        told = first.sign.text.strip()
        report.event("diagnosis.cause", level="error", text=told, cause=first.sentence(first.cause.says))
        report.event("diagnosis.fix", level="error", fix=first.sentence(first.cause.fix))
    if first.proof:
        report.event("diagnosis.proof", proof=first.proof)


def chain_words(found: Diagnosis) -> str:
    return " → ".join(f"{link.kind} {link.name}" for link in found.chain)


class Watch:
    """Names a standstill while a stage waits, once it has lasted longer than its cause may last."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._looked = time.monotonic()
        self._since: dict[str, float] = {}
        self._named: set[str] = set()

    def look(self) -> None:
        """Asks the cluster at most every few seconds."""
        if time.monotonic() - self._looked < EVERY * PACE:
            return
        self._looked = time.monotonic()
        facts = collect(cluster_of(self._context), self._context.plan.known)
        found = diagnose(facts, most=len(CAUSES))
        lasting = self._lasting(found.matches)
        names = {match.cause.name for match in lasting}
        if names != self._named:
            self._report(replace(found, matches=lasting[:MOST_CAUSES]), names)

    def _lasting(self, matches: Iterable[Match]) -> tuple[Match, ...]:
        now = time.monotonic()
        seen = {match.cause.name: match for match in matches}
        self._since = {name: self._since.get(name, now) for name in seen}
        return tuple(match for name, match in seen.items() if now - self._since[name] >= match.cause.settles * PACE)

    def _report(self, found: Diagnosis, names: set[str]) -> None:
        new, self._named = names - self._named, names
        report = self._context.report
        if not names:
            report.diagnosis(None)
            report.event("diagnosis.moves")
            return
        report.diagnosis(found.as_json())
        for match in found.matches:
            if match.cause.name in new and match.cause.says:
                told = match.sign.text.strip()
                cause = match.sentence(match.cause.says)
                report.event("diagnosis.stands", level="warning", text=told, cause=cause)
