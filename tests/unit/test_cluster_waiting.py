"""A wait says for what, ends at its deadline or on cancel, and outlives failures that pass."""

from __future__ import annotations

import pytest

from installer_tasks.errors import Busy, Cancelled, Missing, Stalled
from installer_tasks.systems.cluster import waiting
from installer_tasks.systems.cluster.quantity import parse, parse_size
from installer_tasks.systems.cluster.waiting import wait_for
from installer_tasks.text import Text, text


def describe(state: int | None) -> Text:
    return text("still %(state)s", state=state if state is not None else "nothing")


def test_it_fetches_until_done_and_says_what_it_waits_for() -> None:
    states, heard = iter([1, 1, 2, 3]), []
    found = wait_for(
        lambda: next(states),
        lambda state: state == 3,
        deadline=5,
        describe=describe,
        on_wait=lambda what: heard.append(what and str(what)),
        interval=0.001,
    )
    assert found == 3
    assert heard == ["still 1", "still 2", None]


def test_a_deadline_ends_it_with_the_last_state() -> None:
    with pytest.raises(Stalled) as caught:
        wait_for(lambda: 7, lambda _state: False, deadline=0.01, describe=describe, interval=0.001)
    assert "still 7" in str(caught.value.cause)


def test_what_passes_is_waited_out_and_told_at_the_end() -> None:
    def fetch() -> int:
        raise Busy(text("overloaded"), value="api")

    with pytest.raises(Stalled) as caught:
        wait_for(fetch, lambda _state: True, deadline=0.01, describe=describe, interval=0.001)
    assert (caught.value.value, caught.value.detail) == ("api", "overloaded")


def test_the_pauses_begin_short_and_grow_to_the_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is there at once costs no wait; what takes minutes costs the API server no more requests than before."""
    pauses: list[float] = []
    monkeypatch.setattr(waiting, "_pause", pauses.append)
    looks = iter(range(100))
    wait_for(lambda: next(looks), lambda look: look == 20, deadline=60, describe=describe, interval=0.5)
    assert pauses[:5] == pytest.approx([0.05, 0.1, 0.2, 0.4, 0.5])
    assert set(pauses[4:]) == {0.5}
    assert len(pauses) == 20


def test_what_does_not_pass_ends_it_at_once() -> None:
    def fetch() -> int:
        raise Missing(text("gone"))

    with pytest.raises(Missing):
        wait_for(fetch, lambda _state: True, deadline=60, describe=describe)


def test_cancel_ends_it_and_clears_what_was_waited_for() -> None:
    heard: list[Text | None] = []
    asked = iter([False, True])
    with pytest.raises(Cancelled):
        wait_for(
            lambda: 1,
            lambda _state: False,
            deadline=60,
            describe=describe,
            cancelled=lambda: next(asked),
            on_wait=heard.append,
            interval=0.001,
        )
    assert heard[-1] is None


@pytest.mark.parametrize(
    ("quantity", "value"),
    [("4", 4), ("3920m", 3.92), ("8Gi", 8 * 2**30), ("32879660Ki", 32879660 * 1024), ("1e3", 1000), ("2G", 2e9)],
)
def test_quantities(quantity: str, value: float) -> None:
    assert parse(quantity) == pytest.approx(value)
    assert parse_size(quantity) == int(value)


@pytest.mark.parametrize("quantity", ["", "8GiB", "four", "1 Gi"])
def test_what_is_no_quantity(quantity: str) -> None:
    with pytest.raises(ValueError, match="not a quantity"):
        parse(quantity)
