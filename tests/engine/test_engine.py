"""The state machine of a run: success, kept stages, failure, retry, crash, cancel, handover, fencing, resume."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connections
from django.utils import timezone

from installer_tasks.errors import Stalled
from installer_tasks.models import Run, RunState, StageRun, StageState
from installer_tasks.runs import engine, lease, service
from installer_tasks.runs.engine import Ending, carry_out
from installer_tasks.runs.journal import verify_chain
from installer_tasks.runs.stages.base import Context, Stage
from installer_tasks.text import text
from tests.engine.made import codes, make_run, states
from tests.engine.stages import Fails, Gate, Step, World, trouble
from tests.waiting import joined, until

pytestmark = pytest.mark.django_db(transaction=True)
DEAD = f"{lease._machine()}:999999999:1"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def beside() -> Iterator[Callable[..., threading.Thread]]:
    """Runs a function in a thread that ends before the test does."""
    threads = []

    def start(function: Callable[[], object]) -> threading.Thread:
        def body() -> None:
            try:
                function()
            finally:
                connections.close_all()

        thread = threading.Thread(target=body)
        threads.append(thread)
        thread.start()
        return thread

    yield start
    for thread in threads:
        joined(thread)


def fresh(run: Run) -> Run:
    return Run.objects.get(pk=run.pk)


def test_all_stages_in_order_then_succeeded(world: World) -> None:
    stages = (Step(world, "one"), Step(world, "two"))
    run = make_run(stages)
    assert carry_out(run.pk, stages=stages) is Ending.FINAL
    run = fresh(run)
    assert (run.state, run.error, run.lease_until, run.lease_holder) == (RunState.SUCCEEDED, None, None, "")
    assert run.started_at and run.finished_at and run.started_at <= run.finished_at
    assert states(run) == ["succeeded", "succeeded"]
    assert (world.times("one"), world.times("two")) == (1, 1)
    assert codes(run)[0] == "run.started"
    assert codes(run)[-1] == "run.succeeded"
    assert verify_chain(run) is None


def test_a_stage_whose_work_is_there_is_kept(world: World) -> None:
    stages = (Step(world, "one"), Step(world, "two"))
    world.do("one")
    run = make_run(stages)
    carry_out(run.pk, stages=stages)
    assert states(run) == ["kept", "succeeded"]
    assert world.times("one") == 1
    assert "stage.kept" in codes(run)


def test_a_failure_ends_the_run_with_value_cause_and_remedy(world: World) -> None:
    stages = (Step(world, "one"), Fails(world, "two", trouble("the disk is full")), Step(world, "three"))
    run = make_run(stages)
    assert carry_out(run.pk, stages=stages) is Ending.FINAL
    run = fresh(run)
    assert (run.state, states(run)) == (RunState.FAILED, ["succeeded", "failed", "waiting"])
    assert run.error is not None
    assert run.error["cause"] == {"template": "%(cause)s", "params": {"cause": "the disk is full"}}
    assert (run.error["value"], run.error["code"]) == ("v", "error")
    assert run.error["remedy"]["template"]
    assert run.stages.get(slug="two").error == run.error
    assert run.finished_at is not None


def test_what_a_retry_helps_against_is_tried_again(world: World) -> None:
    stages = (Fails(world, "one", trouble("busy", retry=True), times=2),)
    run = make_run(stages)
    carry_out(run.pk, stages=stages, backoff=(0.01, 0.01, 0.01))
    assert fresh(run).state == RunState.SUCCEEDED
    assert codes(run).count("stage.retry") == 2


@pytest.mark.parametrize(
    ("error", "tries"),
    [
        (trouble("busy", retry=True), 3),
        (trouble("wrong password"), 1),
        (Stalled(text("waited long enough")), 1),
    ],
)
def test_tries_are_bounded(world: World, error: Exception, tries: int) -> None:
    stages = (Fails(world, "one", error),)
    run = make_run(stages)
    carry_out(run.pk, stages=stages, backoff=(0.01, 0.01))
    assert fresh(run).state == RunState.FAILED
    assert world.lines("one").count("tried") == tries


def test_what_nobody_expected_fails_the_run_and_its_secret_stays_out_of_the_log(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    stages = (Fails(world, "one", RuntimeError("token canary-registry-password")),)
    run = make_run(stages)
    with caplog.at_level(logging.ERROR):
        assert carry_out(run.pk, stages=stages) is Ending.FINAL
    run = fresh(run)
    assert run.state == RunState.FAILED
    assert run.error is not None and run.error["code"] == "crashed"
    assert "RuntimeError" in run.error["cause"]["params"]["kind"]
    assert "Traceback" in caplog.text
    assert "canary" not in caplog.text
    assert "canary" not in str(run.error)


def test_the_other_sides_words_are_redacted(world: World) -> None:
    stages = (Fails(world, "one", trouble("no canary-client-secret", detail="denied canary-postgres-password")),)
    run = make_run(stages)
    carry_out(run.pk, stages=stages)
    told = str(fresh(run).error) + str(run.stages.get().error) + str(list(run.events.values()))
    assert "denied [redacted]" in told
    assert "canary" not in told


def test_a_run_that_is_over_is_left_alone(world: World) -> None:
    stages = (Step(world, "one"),)
    run = make_run(stages)
    carry_out(run.pk, stages=stages)
    before = fresh(run)
    assert carry_out(run.pk, stages=stages) is Ending.BUSY
    assert (fresh(run).lease_token, fresh(run).last_seq) == (before.lease_token, before.last_seq)


def test_a_person_stops_it_at_a_safe_point(world: World, beside: Callable[..., threading.Thread]) -> None:
    stages = (Gate(world, "one"), Step(world, "two"))
    run = make_run(stages)
    worker = beside(lambda: carry_out(run.pk, stages=stages))
    until(lambda: world.lines("one") == ["waits"])
    assert service.cancel(fresh(run))
    assert fresh(run).state in (RunState.CANCELLING, RunState.CANCELLED)
    joined(worker)
    assert (fresh(run).state, states(run)) == (RunState.CANCELLED, ["cancelled", "waiting"])
    assert world.times("one") == 0
    assert codes(run)[-1] == "run.cancelled"


def test_a_pause_before_a_retry_ends_when_a_person_stops_it(
    world: World, beside: Callable[..., threading.Thread]
) -> None:
    stages = (Fails(world, "one", trouble("busy", retry=True)),)
    run = make_run(stages)
    worker = beside(lambda: carry_out(run.pk, stages=stages, backoff=(3600.0,)))
    until(lambda: "stage.retry" in codes(run))
    service.cancel(fresh(run))
    joined(worker)
    assert fresh(run).state == RunState.CANCELLED


def test_a_cancelled_run_whose_worker_died_ends_as_cancelled(world: World) -> None:
    stages = (Step(world, "one"),)
    run = make_run(stages)
    Run.objects.filter(pk=run.pk).update(state=RunState.CANCELLING, cancel_requested_at=timezone.now())
    carry_out(run.pk, stages=stages)
    assert fresh(run).state == RunState.CANCELLED
    assert world.times("one") == 0


def test_a_worker_that_is_asked_to_stop_hands_over(world: World, beside: Callable[..., threading.Thread]) -> None:
    stages = (Step(world, "one"), Gate(world, "two"))
    run = make_run(stages)
    stop = threading.Event()
    endings: list[Ending] = []
    worker = beside(lambda: endings.append(carry_out(run.pk, stages=stages, stopping=stop.is_set)))
    until(lambda: world.lines("two") == ["waits"])
    stop.set()
    joined(worker)
    assert endings == [Ending.HANDED_OVER]
    waiting = fresh(run)
    assert (waiting.state, waiting.lease_until, waiting.deliveries) == (RunState.RUNNING, None, 0)
    (world.folder / "two.open").touch()
    assert carry_out(run.pk, stages=stages) is Ending.FINAL
    assert (fresh(run).state, world.times("one"), world.times("two")) == (RunState.SUCCEEDED, 1, 1)
    assert verify_chain(run) is None


def test_it_goes_on_at_the_stage_where_a_killed_worker_stood(world: World) -> None:
    stages = (Step(world, "one"), Step(world, "two"), Step(world, "three"))
    run = make_run(stages)
    world.do("one")
    StageRun.objects.filter(run=run, slug="one").update(state=StageState.SUCCEEDED)
    StageRun.objects.filter(run=run, slug="two").update(state=StageState.RUNNING, started_at=timezone.now())
    Run.objects.filter(pk=run.pk).update(
        state=RunState.RUNNING, lease_token=1, lease_until=timezone.now() + timedelta(hours=1), lease_holder=DEAD
    )
    assert carry_out(run.pk, stages=stages) is Ending.FINAL
    assert [world.times(slug) for slug in ("one", "two", "three")] == [1, 1, 1]
    assert "run.resumed" in codes(run)
    assert states(run) == ["succeeded"] * 3


def test_a_completed_stage_whose_work_is_gone_is_done_again(world: World) -> None:
    stages = (Step(world, "one"), Step(world, "two"))
    run = make_run(stages)
    StageRun.objects.filter(run=run, slug="one").update(state=StageState.SUCCEEDED)
    carry_out(run.pk, stages=stages)
    assert world.times("one") == 1


def test_workers_that_die_in_the_same_stage_again_and_again_fail_it(world: World) -> None:
    stages = (Step(world, "one"),)
    run = make_run(stages)
    for _ in range(engine.MOST_DELIVERIES):
        assert lease.take(run.pk, DEAD) is not None  # and then killed
    carry_out(run.pk, stages=stages)
    run = fresh(run)
    assert run.error is not None
    assert (run.state, run.error["code"], states(run)) == (RunState.FAILED, "worker-dies", ["failed"])
    assert world.times("one") == 0


def test_deaths_in_different_stages_are_no_loop(world: World) -> None:
    stages = (Step(world, "one"), Step(world, "two"))
    run = make_run(stages)
    lease.take(run.pk, DEAD)
    lease.take(run.pk, DEAD)
    stop = threading.Event()

    class Last(Step):
        def work(self, context: Context) -> None:
            stop.set()
            assert fresh(run).deliveries == 1

    carry_out(run.pk, stages=(stages[0], Last(world, "two")))
    assert fresh(run).state == RunState.SUCCEEDED
    assert stop.is_set()


def test_a_worker_that_lost_its_lease_writes_nothing_more(
    world: World, beside: Callable[..., threading.Thread]
) -> None:
    stages: tuple[Stage, ...] = (Gate(world, "one"),)
    run = make_run(stages)
    endings: list[Ending] = []
    worker = beside(lambda: endings.append(carry_out(run.pk, stages=stages)))
    until(lambda: world.lines("one") == ["waits"])
    until(lambda: fresh(run).last_seq >= 2)
    Run.objects.filter(pk=run.pk).update(lease_token=77, lease_holder="another")
    seq = fresh(run).last_seq
    joined(worker)
    assert endings == [Ending.LOST]
    run = fresh(run)
    assert (run.state, run.lease_token, run.last_seq) == (RunState.RUNNING, 77, seq)
    assert states(run) == ["running"]


def test_a_plan_that_cannot_be_opened_fails_the_run(world: World) -> None:
    stages = (Step(world, "one"),)
    run = make_run(stages)
    Run.objects.filter(pk=run.pk).update(sealed_plan="gAAAAA")
    assert carry_out(run.pk, stages=stages) is Ending.FINAL
    run = fresh(run)
    assert run.error is not None
    assert (run.state, run.error["code"]) == (RunState.FAILED, "keyring")


def test_what_the_stages_shared_is_closed(world: World) -> None:
    closed = threading.Event()

    class Connection:
        def close(self) -> None:
            closed.set()

    class Shares(Step):
        def work(self, context: Context) -> None:
            context.cache["connection"] = Connection()

    stages = (Shares(world, "one"),)
    carry_out(make_run(stages).pk, stages=stages)
    assert closed.is_set()


def test_the_runs_folder_is_private(world: World) -> None:
    modes = []

    class Looks(Step):
        def work(self, context: Context) -> None:
            modes.append(context.folder.stat().st_mode & 0o777)

    stages = (Looks(world, "one"),)
    carry_out(make_run(stages).pk, stages=stages)
    assert modes == [0o700]
