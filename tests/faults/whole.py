"""A whole installation on a practice estate, as tests of the engine and of faults begin it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from installer_tasks import collecting, engine, runs, sessions
from installer_tasks.bundle import read_release_bundle
from installer_tasks.models import Installation, Run
from installer_tasks.rehearsal.bundle import SMALL, Scale
from installer_tasks.rehearsal.controllers import Pace
from installer_tasks.rehearsal.estate import Estate
from installer_tasks.stages.base import Stage

SLUGS = tuple(stage.slug for stage in runs.all_stages())


@contextmanager
def small_estate(folder: Path, *, rate: int | None = None, scale: Scale = SMALL) -> Iterator[Estate]:
    with Estate(folder, pace=Pace.INSTANT, scale=scale, registry_rate=rate) as estate:
        yield estate


def proven(estate: Estate, **changes: str) -> Installation:
    """An installation with the estate's answers, every one of them proven; `registry__password` changes one."""
    changed = {key.replace("__", "."): value for key, value in changes.items()}
    installation = sessions.create_installation("practice")
    sessions.save_answers(installation, estate.answers() | changed)
    red = collecting.collect_and_judge_all(installation.pk)
    assert red == [], [row.verdict for row in installation.findings.filter(check_name__in=red)]
    return installation


def carried_out(run: Run, stages: tuple[Stage, ...] | None = None) -> Run:
    """The run at its end; nothing is tried twice."""
    assert engine.carry_out(run.pk, stages=stages, backoff=()) is engine.Ending.FINAL
    run.refresh_from_db()
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
