"""What is shown of a push: never back, never done too early, and a stall by its name."""

from __future__ import annotations

import threading

import pytest

from installer_tasks.errors import Cancelled, InstallerError
from installer_tasks.systems.registry.errors import Denied, RegistryBusy
from installer_tasks.systems.registry.progress import Counters
from installer_tasks.systems.registry.retry_policy import RetryPolicy
from installer_tasks.systems.registry.upload import CHUNKS, MIB, ChunkSize
from installer_tasks.text import text
from tests.waiting import joined


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def counters(clock: Clock) -> Counters:
    return Counters("harbor.example.com", total_bytes=1000, images_total=2, clock=clock)


def test_all_bytes_are_not_yet_done(counters: Counters) -> None:
    counters.settled("sent", 1000, first=True)
    assert counters.snapshot().share < 1
    counters.state = "done"
    assert counters.snapshot().share == 1


def test_a_repeated_body_does_not_go_back(counters: Counters) -> None:
    counters.settled("sent", 400, first=True)
    counters.begin_body("sha256:a", "tmc/x", 600)
    counters.bytes_sent(500)
    assert counters.snapshot().in_flight == 500
    counters.begin_body("sha256:a", "tmc/x", 600)
    assert (counters.snapshot().in_flight, counters.snapshot().sent) == (0, 400)


def test_mounted_bytes_are_apart_and_a_second_body_grows_the_total(counters: Counters) -> None:
    counters.settled("sent", 400, first=True)
    counters.settled("mounted", 400, first=False)
    counters.settled("sent", 400, first=False)
    look = counters.snapshot()
    assert (look.sent, look.mounted, look.total_bytes) == (800, 400, 1400)


def test_rate_and_time_left(counters: Counters, clock: Clock) -> None:
    counters.begin_body("sha256:a", "tmc/x", 1000)
    for _second in range(5):
        clock.now += 1
        counters.bytes_sent(100)
        look = counters.snapshot()
    assert look.rate == pytest.approx(100)
    assert look.eta_low == pytest.approx(5)
    assert look.eta_high is not None
    assert look.eta_high >= look.eta_low


def test_no_guess_without_a_rate(counters: Counters) -> None:
    look = counters.snapshot()
    assert (look.eta_low, look.eta_high) == (None, None)


def test_a_stall_is_named(counters: Counters, clock: Clock) -> None:
    clock.now += 29
    assert counters.snapshot().stalled is None
    clock.now += 2
    assert "31 s" in str(counters.snapshot().stalled)
    for _try in range(5):
        counters.problem(RegistryBusy(text("PUT /v2/x answered 503")))
    stalled = str(counters.snapshot().stalled)
    assert "harbor.example.com" in stalled
    assert "5 times" in stalled
    assert "PUT /v2/x answered 503" in stalled
    counters.alive()
    assert counters.snapshot().stalled is None


def test_an_image_counts_once(counters: Counters) -> None:
    counters.image_done("a")
    counters.image_done("a")
    assert counters.snapshot().images_done == 1


def patience(stopped: threading.Event | None = None, problems: list[InstallerError] | None = None) -> RetryPolicy:
    collected = [] if problems is None else problems
    return RetryPolicy(stopped or threading.Event(), collected.append, delays=(0.001,) * 4)


def failing(times: int, error: InstallerError):  # type: ignore[no-untyped-def]
    left = [times]

    def action() -> str:
        if left[0]:
            left[0] -= 1
            raise error
        return "done"

    return action


def test_patience_repeats_what_helps() -> None:
    problems: list[InstallerError] = []
    assert patience(problems=problems).attempt(failing(4, RegistryBusy(text("busy")))) == "done"
    assert len(problems) == 4


def test_patience_has_an_end() -> None:
    with pytest.raises(RegistryBusy):
        patience().attempt(failing(5, RegistryBusy(text("busy"))))


def test_patience_does_not_repeat_what_cannot_help() -> None:
    problems: list[InstallerError] = []
    with pytest.raises(Denied):
        patience(problems=problems).attempt(failing(1, Denied(text("no"))))
    assert problems == []


def test_a_pause_ends_with_the_push() -> None:
    stopped = threading.Event()
    waiting = RegistryBusy(text("busy"))
    waiting.wait = 600
    held = RetryPolicy(stopped, lambda error: stopped.set(), delays=(0.001,) * 4)
    with pytest.raises(Cancelled):
        held.attempt(failing(1, waiting))


def test_an_ill_registry_is_probed_by_one_at_a_time() -> None:
    """After three failures in a row, no two requests are under way at once until one succeeds."""
    shared = RetryPolicy(threading.Event(), delays=(0.001,) * 20)
    lock = threading.Lock()
    state = {"under_way": 0, "most": 0, "asked": 0}

    def action() -> None:
        with lock:
            state["asked"] += 1
            ill = state["asked"] <= 10
            state["under_way"] += 1
            if state["asked"] > 6:
                state["most"] = max(state["most"], state["under_way"])
        try:
            if ill:
                raise RegistryBusy(text("busy"))
        finally:
            with lock:
                state["under_way"] -= 1

    threads = [threading.Thread(target=shared.attempt, args=(action,)) for _number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        joined(thread)
    assert state["asked"] == 14
    assert state["most"] == 1


def test_chunks_shrink_as_they_are_refused() -> None:
    told: list[int] = []
    chunks = ChunkSize(on_change=told.append)
    assert chunks.lower_than(300 * MIB)
    assert chunks.limit == CHUNKS[0]
    assert chunks.lower_than(200 * MIB), "another thread's larger body says nothing new"
    assert chunks.limit == CHUNKS[0]
    while chunks.lower_than(chunks.limit or 0):
        pass
    assert chunks.limit == CHUNKS[-1]
    assert told == list(CHUNKS)
