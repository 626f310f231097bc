"""How long a run takes yet, and how much of its time is over."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from installer_tasks.models import StageState
from installer_tasks.runs.time_left import OTHERWISE, USUAL, Now, Span, left, share, span, usual
from wizard.templatetags.wizard import time_left

BEFORE = {"push-images": Span(80, 120), "packages-and-pods": Span(200, 300), "acceptance": Span(8, 12)}
DONE = StageState.SUCCEEDED


def run(push: Now, packages: Now) -> list[Now]:
    return [Now("preflight", DONE), push, packages, Now("acceptance", StageState.WAITING)]


WAITING = Now("packages-and-pods", StageState.WAITING)


def test_what_waits_takes_as_long_as_it_did() -> None:
    assert left(run(Now("push-images", DONE), WAITING), BEFORE) == Span(208, 312)


def test_what_is_kept_takes_no_time() -> None:
    stages = run(Now("push-images", StageState.KEPT), Now("packages-and-pods", StageState.KEPT))
    assert left(stages, BEFORE) == Span(8, 12)


def test_a_push_says_itself_how_long_it_takes() -> None:
    push = Now("push-images", StageState.RUNNING, 5000, 0.5, steady=True, rest=Span(30, 50))
    assert left(run(push, WAITING), BEFORE) == Span(238, 362)


def test_what_takes_longer_than_usual_is_never_about_to_end_at_once() -> None:
    late = Now("packages-and-pods", StageState.RUNNING, 4000, 0.9)
    rest = left([late], BEFORE)
    assert 400 <= rest.low < rest.high


def test_without_an_earlier_run_the_reports_from_the_field_count() -> None:
    assert usual("packages-and-pods", {}) == USUAL["packages-and-pods"]
    assert usual("something-new", {}) == OTHERWISE


def test_half_of_the_earlier_runs_lie_in_the_range() -> None:
    assert span([100]) == Span(80, 120)
    assert span([10, 50, 60, 70, 100, 100, 110, 900]) == Span(60, 120)


@given(st.lists(st.floats(0, 900), min_size=1, max_size=40), st.sampled_from([BEFORE, {}]))
def test_the_bar_never_goes_back(moments: list[float], before: dict[str, Span]) -> None:
    """Through a push by bytes, packages by their number and the clock, and the stages after them."""
    shown = []
    for elapsed in sorted(moments):
        push = Now("push-images", StageState.RUNNING, elapsed, min(elapsed / 900, 1), steady=True)
        shown.append(share(run(push, WAITING), before))
    for elapsed in sorted(moments):
        packages = Now("packages-and-pods", StageState.RUNNING, elapsed, int(elapsed / 70) / 14)
        shown.append(share(run(Now("push-images", DONE), packages), before))
    shown.append(share([Now("preflight", DONE), Now("acceptance", DONE)], before))
    assert shown == sorted(shown)
    assert 0 <= shown[0] <= shown[-1] == 1


@pytest.mark.parametrize(
    ("span", "said"),
    [
        (Span(1, 20), "less than a minute left"),
        (Span(20, 59), "about 1 min left"),
        (Span(230, 400), "4 to 7 min left"),
        (Span(3300, 5400), "55 min 00 s to 1 h 30 min left"),
    ],
)
def test_it_is_said_as_a_range(span: Span, said: str) -> None:
    assert time_left(span) == said
