"""How long a run takes yet: from bytes, from what this server has seen, else from what is known of the release.

The bar of a run is weighted by the same times, so that it moves as the clock does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import sqrt

from installer_tasks.models import Run, StageRun, StageState


@dataclass(frozen=True)
class Span:
    """Seconds: as many at least, and at most, in most cases."""

    low: float
    high: float

    @property
    def middle(self) -> float:
        """The value that is wrong by the same factor on both sides."""
        return sqrt(max(self.low, 0.1) * max(self.high, 0.1))


#: By the stage. Packages: all but the last two are there after 7 minutes, all after 15 (reports from the field of
#: 1.0.0). Push: 15 minutes for a whole one. Everything else as on the practice estate, and longer in a slow network.
USUAL: Mapping[str, Span] = {
    "preflight": Span(5, 60),
    "push-images": Span(300, 1200),
    "packages-and-pods": Span(420, 900),
    "acceptance": Span(5, 90),
}
OTHERWISE = Span(2, 20)
OVER = (StageState.SUCCEEDED, StageState.KEPT)
#: Of earlier runs, as many as are asked for; older ones were on another network or another release.
NEWEST = 200


@dataclass(frozen=True)
class Now:
    """Where one stage of the run is."""

    slug: str
    state: str
    elapsed: float = 0.0  #: seconds
    share: float | None = None  #: of its work that is done, from 0 to 1, where it counts that
    steady: bool = False  #: whether that share grows as time does: bytes do, packages do not
    rest: Span | None = None  #: seconds, where the stage says so itself


def seen(run: Run) -> dict[str, Span]:
    """By stage, how long it took in the runs that had ended when this one began: so it changes nothing in mid-run."""
    before = StageRun.objects.filter(state=StageState.SUCCEEDED, run__kind=run.kind, finished_at__isnull=False)
    if run.started_at:
        before = before.filter(finished_at__lt=run.started_at)
    took: dict[str, list[float]] = defaultdict(list)
    rows = before.order_by("-finished_at").values_list("slug", "started_at", "finished_at")[:NEWEST]
    for slug, started_at, finished_at in rows:
        if started_at and finished_at:
            took[slug].append((finished_at - started_at).total_seconds())
    return {slug: span(seconds) for slug, seconds in took.items()}


def span(seconds: Iterable[float]) -> Span:
    """Half of them lie in it; around a single one, a fifth on either side."""
    ordered = sorted(seconds)
    quarter = len(ordered) // 4
    low, high = ordered[quarter], ordered[-1 - quarter]
    return Span(min(low, 0.8 * ordered[len(ordered) // 2]), max(high, 1.2 * ordered[len(ordered) // 2]))


def usual(slug: str, before: Mapping[str, Span]) -> Span:
    return before.get(slug) or USUAL.get(slug, OTHERWISE)


def left(stages: Iterable[Now], before: Mapping[str, Span]) -> Span:
    """Of the whole run."""
    rests = [_rest(stage, usual(stage.slug, before)) for stage in stages if stage.state not in OVER]
    return Span(sum(rest.low for rest in rests), sum(rest.high for rest in rests))


def _rest(stage: Now, whole: Span) -> Span:
    """A stage that takes longer than usual is given a part of that time again, not none."""
    if stage.rest is not None:
        return stage.rest
    again = 0.1 * max(stage.elapsed, whole.low)
    return Span(max(whole.low - stage.elapsed, again), max(whole.high - stage.elapsed, 2 * again))


def share(stages: Iterable[Now], before: Mapping[str, Span]) -> float:
    """How much of the run's time is over, from 0 to 1. It never falls while the stages go on."""
    known = [stage for stage in stages if stage.state != StageState.KEPT]
    weights = [usual(stage.slug, before).middle for stage in known]
    over = sum(weight * _over(stage, weight) for stage, weight in zip(known, weights, strict=True))
    return over / sum(weights) if weights else 1.0


def _over(stage: Now, weight: float) -> float:
    """By bytes where it sends some, by the clock where it waits, by both where it counts what it waits for."""
    if stage.state in OVER:
        return 1.0
    by_clock = min(stage.elapsed / weight, 0.95)
    if stage.share is None:
        return by_clock
    return stage.share if stage.steady else (by_clock + stage.share) / 2
