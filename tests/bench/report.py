"""The measurement as a Markdown table, with the goals beside it."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path

BEGIN, END = "<!-- measured: begin (make bench-push) -->", "<!-- measured: end -->"
#: row → what it says, and the goal for ours/skopeo
ROWS = {
    "http": ("cold, plain HTTP, docker-registry", 0.55),
    "tls": ("cold, TLS, docker-registry", 0.62),
    "sink": ("cold, null sink (the tool's own cost)", 0.22),
    "sink20": ("cold, null sink, 20 ms for each answer", 0.26),
    "again": ("again, nothing to do", 0.08),
}
MEMORY_GOAL = 64  #: MiB


@dataclass(frozen=True)
class About:
    total: int
    images: int
    rounds: int
    processors: int


@dataclass(frozen=True)
class Resumed:
    """A push that was killed and the one after it, in bytes."""

    total: int
    confirmed: int  #: before the kill
    in_flight: int
    sent_after: int
    again: int  #: confirmed and yet sent again


def table(
    about: About,
    medians: dict[tuple[str, str], float],
    heaviest: dict[str, float],
    peaks: list[float],
    resumed: Resumed,
    inside: float,
) -> str:
    """The whole table; a goal that is missed says so."""
    lines = [
        f"{about.total / 1e9:.2f} GB unique in {about.images} images, half of the layers shared; medians of"
        f" {about.rounds} rounds, interleaved; {about.processors} processors;"
        f" {datetime.datetime.now(datetime.UTC):%Y-%m-%d}.",
        "",
        "| | skopeo ×4 | ours | ratio | goal | |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for row, (title, goal) in ROWS.items():
        theirs, own = medians[row, "skopeo"], medians[row, "ours"]
        ratio = own / theirs
        lines.append(f"| {title} | {theirs:.2f} s | {own:.2f} s | {ratio:.2f} | ≤ {goal:.2f} | {_met(ratio <= goal)} |")
    share = inside / medians["again", "skopeo"]
    lines.append(f"| of that in a worker that is up, without a process's start | | {inside:.2f} s | {share:.2f} | | |")
    lines.append(_resume_row(resumed))
    small, large = peaks
    flat = large <= MEMORY_GOAL and heaviest["ours"] <= MEMORY_GOAL
    lines.append(
        f"| peak memory, {about.total / 1e9:.1f} GB | {heaviest['skopeo']:.0f} MiB | {heaviest['ours']:.0f} MiB | |"
        f" ≤ {MEMORY_GOAL} MiB | {_met(heaviest['ours'] <= MEMORY_GOAL)} |"
    )
    lines.append(
        f"| peak memory, layers of holes, {about.total / 1e9:.1f} and {about.total / 1e8:.0f} GB | |"
        f" {small:.0f} and {large:.0f} MiB | | flat | {_met(flat)} |"
    )
    return "\n".join(lines) + "\n"


def _resume_row(resumed: Resumed) -> str:
    mib = 1 << 20
    return (
        f"| `kill -9` at half, then again: sent twice | | {resumed.again / mib:.1f} MiB of"
        f" {resumed.confirmed / mib:.0f} MiB confirmed | | ≤ {resumed.in_flight / mib:.1f} MiB in flight |"
        f" {_met(resumed.again <= resumed.in_flight)} |"
    )


def _met(met: bool) -> str:
    return "met" if met else "**missed**"


def write_into(path: Path, text: str) -> None:
    """Between the marks of the document."""
    before, _, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    path.write_text(f"{before}{BEGIN}\n{text}{END}{after}", encoding="utf-8")
