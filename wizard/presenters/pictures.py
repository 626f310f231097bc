"""Pictures of a run, drawn on the server: bytes over time with the band of the rest, and its attempts over time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from wizard.presenters import states
from wizard.presenters.states import Shown

WIDTH, HEIGHT = 640, 120
#: A picture of less than this says nothing.
FEWEST = 3


@dataclass(frozen=True)
class Transfer:
    """Bytes in the registry over time: the line so far, the area below it, and where the rest may lead."""

    line: str
    area: str
    band: str
    seconds: float  #: what the whole width stands for
    now_x: float


def transfer(series: Sequence[Sequence[float]], total: int, rest: tuple[float | None, float | None]) -> Transfer | None:
    """None while there is too little of it.

    `series` is of (seconds since the push began, bytes in the registry); `rest` of the seconds within which half and
    nine of ten pushes end from here.
    """
    eta_low, eta_high = rest
    if len(series) < FEWEST or total <= 0:
        return None
    last_second, last_bytes = series[-1]
    span = max(last_second + (eta_high or 0.0), 1.0)
    points = [(round(WIDTH * at / span, 1), _height(count, total)) for at, count in series]
    line = " ".join(f"{x},{y}" for x, y in points)
    now_x, now_y = points[-1]
    band = ""
    if eta_low is not None and eta_high is not None and last_bytes < total:
        soonest = round(WIDTH * (last_second + eta_low) / span, 1)
        band = f"{now_x},{now_y} {soonest},0 {WIDTH},0"
    return Transfer(line, f"{points[0][0]},{HEIGHT} {line} {now_x},{HEIGHT}", band, span, now_x)


def _height(count: float, total: int) -> float:
    return round(HEIGHT * (1 - min(count / total, 1.0)), 1)


@dataclass(frozen=True)
class Bar:
    """A stage in the line of time."""

    title: str
    shown: Shown
    x: float
    width: float
    seconds: float


@dataclass(frozen=True)
class Row:
    """One attempt."""

    number: int
    shown: Shown
    bars: tuple[Bar, ...]
    seconds: float


Rows = tuple[Row, ...]


def timeline(attempts: Iterable[tuple[int, Shown, Sequence[Any]]], titles: dict[str, str], now: datetime) -> Rows:
    """Attempts as (number, how the run is, its stages), all on one scale; only what began has a bar."""
    found = [(number, shown, [row for row in rows if row.started_at]) for number, shown, rows in attempts]
    longest = max((_span(rows, now) for _number, _shown, rows in found), default=0.0) or 1.0
    return tuple(
        Row(number, shown, tuple(_bars(rows, titles, now, longest)), _span(rows, now)) for number, shown, rows in found
    )


def _bars(rows: Sequence[Any], titles: dict[str, str], now: datetime, longest: float) -> Iterable[Bar]:
    for row in rows:
        seconds = _seconds(row.started_at, row.finished_at or now)
        x = WIDTH * _seconds(rows[0].started_at, row.started_at) / longest
        width = max(WIDTH * seconds / longest, 2.0)
        yield Bar(titles.get(row.slug, row.slug), states.STAGE[row.state], round(x, 1), round(width, 1), seconds)


def _span(rows: Sequence[Any], now: datetime) -> float:
    if not rows:
        return 0.0
    return _seconds(rows[0].started_at, max(row.finished_at or now for row in rows))


def _seconds(start: datetime, end: datetime) -> float:
    return max((end - start).total_seconds(), 0.0)
