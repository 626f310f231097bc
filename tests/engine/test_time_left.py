"""Predicted against actual time left, on the page's own figures, over a whole run on the practice estate."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connection

from installer_tasks.models import Installation, RunState
from installer_tasks.preflight.state import load
from installer_tasks.rehearsal.bundle import SMALL
from installer_tasks.rehearsal.controllers import PACES, Pace
from installer_tasks.rehearsal.estate import Estate
from installer_tasks.runs import engine, service
from tests.faults.whole import proven
from tests.waiting import joined
from wizard.presenters.runs import run_view

pytestmark = pytest.mark.django_db(transaction=True)

#: `TIME_LEFT_PACE=lifelike` gives a push and packages of five minutes each; what is held here is the same.
LIFELIKE = PACES.get(os.environ.get("TIME_LEFT_PACE", ""))
PACE = LIFELIKE or Pace("scaled", 9.0, 60.0)
PUSH = PACE.install / 3  #: seconds
MOMENTS = (0.10, 0.25, 0.50, 0.75)
FACTOR = 1.5
#: Seconds that a busy machine may take from a run of a quarter of a minute.
SLACK = 0.0 if LIFELIKE else 3.0


@contextmanager
def estate(folder: Path) -> Iterator[Estate]:
    with Estate(folder, pace=PACE, scale=SMALL, registry_rate=None) as running:
        size = sum(path.stat().st_size for path in running.bundle.rglob("*.tar"))
        running.registry.rate = size / PUSH
        yield running


class Watched(threading.Thread):
    """What the page says of the run, again and again, until it is over."""

    def __init__(self, installation: Installation) -> None:
        super().__init__(name="page")
        self.installation = installation
        self.said: list[tuple[float, int, float]] = []  #: when, per cent, seconds left
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.1):
            state = load(self.installation)
            if state.last_run and state.last_run.state == RunState.RUNNING:
                view = run_view(state, state.last_run)
                if view.left:
                    self.said.append((time.monotonic(), view.percent, view.left.middle))
        connection.close()


def watched(folder: Path) -> tuple[Watched, float]:
    """A whole installation, and when it was over."""
    with estate(folder) as running:
        installation = proven(running)
        page = Watched(installation)
        page.start()
        run = service.start(installation)
        assert engine.carry_out(run.pk, backoff=()) is engine.Ending.FINAL
        ended = time.monotonic()
        page.over.set()
        joined(page)
        run.refresh_from_db()
        assert run.state == RunState.SUCCEEDED, run.error
        return page, ended


def near(predicted: float, actual: float) -> bool:
    return actual / FACTOR - SLACK <= predicted <= actual * FACTOR + SLACK


def test_the_time_left_is_right_once_this_server_has_installed_before(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    watched(tmp_path / "first")
    page, ended = watched(tmp_path / "second")
    began = page.said[0][0]
    rows = []
    for moment in MOMENTS:
        at, percent, predicted = min(page.said, key=lambda said: abs(said[0] - began - moment * (ended - began)))
        rows.append((moment, percent, predicted, ended - at))
    with capsys.disabled():
        for moment, percent, predicted, actual in rows:
            print(f"\nat {moment:.0%}: bar {percent} %, {predicted:.1f} s predicted, {actual:.1f} s were left", end="")
    percents = [percent for _at, percent, _left in page.said]
    assert percents == sorted(percents)
    assert [row for row in rows if not near(row[2], row[3])] == []
