"""A whole installation on a practice estate, as tests of the engine and of faults begin it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from installer_tasks import saved_answers
from installer_tasks.answer_keys import VENDOR
from installer_tasks.local.program import examine
from installer_tasks.models import ConfirmedProgram, Installation, Run
from installer_tasks.preflight import bundle_access, collecting
from installer_tasks.rehearsal.bundle import SMALL, Scale
from installer_tasks.rehearsal.controllers import Pace
from installer_tasks.rehearsal.estate import Estate
from installer_tasks.runs import engine, rows, stages
from installer_tasks.runs.stages.base import Stage
from installer_tasks.systems.bundle import read_release_bundle
from tests.engine.reads import NotedStage, differing

SLUGS = tuple(stage.slug for stage in stages.STAGES)


@contextmanager
def small_estate(folder: Path, *, rate: int | None = None, scale: Scale = SMALL) -> Iterator[Estate]:
    with Estate(folder, pace=Pace.INSTANT, scale=scale, registry_rate=rate) as estate:
        yield estate


def proven(estate: Estate, **changes: str) -> Installation:
    """An installation with the estate's answers, every one of them proven; `registry__password` changes one."""
    changed = {key.replace("__", "."): value for key, value in changes.items()}
    if changed.get("bundle.engine") == VENDOR:
        confirm_program(estate.bundle / "tmc-sm")
    installation = saved_answers.create_installation("practice")
    saved_answers.save_answers(installation, estate.answers() | changed)
    red = collecting.collect_and_judge_all(installation.pk)
    assert red == [], [row.verdict for row in installation.findings.filter(check_name__in=red)]
    return installation


def confirm_program(path: Path) -> ConfirmedProgram:
    """As an administrator does on the page."""
    return bundle_access.confirm(examine(path), by=None)


def carried_out(run: Run, stages: tuple[Stage, ...] | None = None) -> Run:
    """The run at its end; nothing is tried twice. Meanwhile the answers that each stage asks for are noted."""
    noted = tuple(map(NotedStage, stages or rows.stages_of(run)))
    assert engine.carry_out(run.pk, stages=noted, backoff=()) is engine.Ending.FINAL
    run.refresh_from_db()
    wrong = differing(noted, rows.frozen_plan(run).answers, stage_states(run))
    assert not wrong, f"asked for and not declared, or declared and never asked for: {wrong}"
    return run


def blobs_of(estate: Estate) -> dict[str, int]:
    """Digest to size of everything that the bundle holds."""
    archives = read_release_bundle(estate.bundle).archives
    return {digest: blob.size for archive in archives for digest, blob in archive.blobs.items()}


def arrived(estate: Estate) -> dict[str, int]:
    """Digest to number of completed uploads of the bundle's blobs; what checks try out is not among them."""
    ours = blobs_of(estate)
    return {digest: count for digest, count in estate.registry.received.items() if digest in ours}


def stage_states(run: Run) -> dict[str, str]:
    return dict(run.stages.values_list("slug", "state"))
