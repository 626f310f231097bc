"""The journal: gapless, chained, redacted, fenced, limited in rate, whole in the end."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator

import pytest
from django.db import connections

from installer_tasks.errors import LeaseLost
from installer_tasks.local.redaction import Redactor
from installer_tasks.models import Event, Installation, Run
from installer_tasks.runs import journal as journals
from installer_tasks.runs import lease
from installer_tasks.runs.journal import Journal, verify_chain
from installer_tasks.text import text
from tests.answers import CANARIES
from tests.engine.made import make_run
from tests.engine.stages import Step, World
from tests.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def run(tmp_path: object) -> Run:
    return make_run((Step(World(tmp_path), "push"),))  # type: ignore[arg-type]


@pytest.fixture
def keeper(run: Run) -> Iterator[lease.LeaseRenewer]:
    held = lease.take(run.pk)
    assert held is not None
    with lease.LeaseRenewer(held) as keeper:
        yield keeper


@pytest.fixture
def journal(run: Run, keeper: lease.LeaseRenewer) -> Journal:
    """Without its own thread: the test says when it writes."""
    return Journal(keeper, run.installation_id, Redactor(CANARIES))


def test_seq_is_gapless_from_many_threads(run: Run, keeper: lease.LeaseRenewer) -> None:
    with Journal(keeper, run.installation_id, Redactor(())) as journal:

        def write(number: int) -> None:
            for count in range(25):
                journal.event("push", "push.done", images=count, by=number)

        threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        journal.flush()
    assert list(run.events.values_list("seq", flat=True)) == list(range(1, 101))
    assert verify_chain(run) is None
    assert Run.objects.get(pk=run.pk).last_seq == 100


def test_a_second_worker_goes_on_in_the_same_chain(run: Run, keeper: lease.LeaseRenewer, journal: Journal) -> None:
    journal.event("push", "push.done")
    journal.flush()
    second = Journal(keeper, run.installation_id, Redactor(()))
    second.event("push", "push.done")
    second.flush()
    assert list(run.events.values_list("seq", flat=True)) == [1, 2]
    assert verify_chain(run) is None


@pytest.mark.parametrize(
    ("change", "bad"),
    [
        (lambda events: events.filter(seq=2).update(text="nothing happened"), 2),
        (lambda events: events.filter(seq=2).delete(), 2),
        (lambda events: events.filter(seq=5).delete(), 5),
        (lambda events: events.filter(seq=3).update(params={"n": 99}), 3),
        (lambda events: events.filter(seq=1).update(hash="0" * 64), 1),
    ],
)
def test_a_changed_or_missing_row_shows(run: Run, journal: Journal, change: object, bad: int) -> None:
    for number in range(5):
        journal.event("push", "push.done", n=number)
    journal.flush()
    assert verify_chain(run) is None
    change(Event.objects.filter(run=run))  # type: ignore[operator]
    assert verify_chain(run) == bad


def test_secrets_are_scrubbed_from_everything(run: Run, journal: Journal) -> None:
    for secret in CANARIES:
        journal.event(
            "push", "push.done", text=f"curl -u a:{secret}", cause=text("no %(x)s", x=secret), deep=[{"a": secret}]
        )
        journal.progress("push", {"lanes": [{"digest": secret}]})
        journal.waiting_for("push", text("for %(x)s", x=secret))
        journal.flush()
        stored = str(list(run.events.values())) + str(list(run.stages.values()))
        assert secret not in stored
        assert "[redacted]" in stored


def test_odd_content_is_stored_and_the_chain_stays_whole(run: Run, journal: Journal) -> None:
    journal.event(
        "push", "push.done", text="nul \x00 lone \ud800 ok", a=1e22, b=float("nan"), c=1e-9, d=-0.0, e=(1, 2), f="\x00"
    )
    journal.event("push", "push.done", text="x" * 100_000, a=2**60, b=0.1 + 0.2, c=None, d=True, e={1: 2})
    journal.flush()
    assert verify_chain(run) is None
    first, second = run.events.all()
    assert first.text == "nul \ufffd lone ? ok"
    assert len(second.text) == journals.LONGEST_TEXT


def test_a_worker_without_the_lease_writes_nothing(run: Run, journal: Journal) -> None:
    Run.objects.filter(pk=run.pk).update(lease_token=5)
    journal.event("push", "push.done")
    journal.progress("push", {"bytes_sent": 1})
    with pytest.raises(LeaseLost):
        journal.flush()
    assert not run.events.exists()
    assert run.stages.get().progress == {}


def test_the_doorbell_rings_once_a_write(run: Run, journal: Journal) -> None:
    before = Installation.objects.get(pk=run.installation_id).revision
    for _ in range(20):
        journal.event("push", "push.done")
    journal.flush()
    assert Installation.objects.get(pk=run.installation_id).revision == before + 1
    journal.flush()  # nothing new, no ring
    assert Installation.objects.get(pk=run.installation_id).revision == before + 1


def test_live_writes_are_limited_and_the_flush_is_not(run: Run, journal: Journal) -> None:
    for number in range(100):
        journal.event("push", "push.done", n=number)
    journal._write_live()
    assert run.events.count() == journals.LIVE_BATCH
    assert journals.LIVE_BATCH / journals.TICK <= 30
    journal.flush()
    assert [event.params["n"] for event in run.events.all()] == list(range(100))


def test_progress_is_written_live_and_the_last_one_always(run: Run, keeper: lease.LeaseRenewer) -> None:
    with Journal(keeper, run.installation_id, Redactor(())) as journal:
        journal.progress("push", {"bytes_sent": 1})
        until(lambda: run.stages.get().progress == {"bytes_sent": 1})
        for count in range(1000):
            journal.progress("push", {"bytes_sent": count})
        journal.flush()
    assert run.stages.get().progress == {"bytes_sent": 999}


def test_many_figures_are_few_writes(run: Run, journal: Journal) -> None:
    before = Installation.objects.get(pk=run.installation_id).revision
    for count in range(1000):
        journal.progress("push", {"bytes_sent": count})
    journal._write_live()
    assert Installation.objects.get(pk=run.installation_id).revision == before + 1


def test_since_when_it_waits_stays_while_only_figures_change(run: Run, journal: Journal) -> None:
    def shown() -> object:
        journal.flush()
        return run.stages.get().waiting_since

    journal.waiting_for("push", text("%(n)s pods", n=1))
    since = shown()
    assert since is not None
    journal.waiting_for("push", text("%(n)s pods", n=2))
    assert shown() == since
    stage = run.stages.get()
    assert stage.waiting_for is not None and stage.waiting_for["params"] == {"n": 2}
    journal.waiting_for("push", None)
    assert shown() is None
    assert run.stages.get().waiting_for is None


def test_getting_further_resets_the_count_of_deaths(run: Run, journal: Journal) -> None:
    run.stages.update(progress={"bytes_sent": 10})
    Run.objects.filter(pk=run.pk).update(deliveries=3)
    journal.progress("push", {"bytes_sent": 0, "bytes_present": 10})
    journal.flush()
    assert Run.objects.get(pk=run.pk).deliveries == 3
    journal.progress("push", {"bytes_sent": 1, "bytes_present": 10})
    journal.flush()
    assert Run.objects.get(pk=run.pk).deliveries == 1


def test_what_comes_after_the_end_is_dropped(run: Run, keeper: lease.LeaseRenewer) -> None:
    with Journal(keeper, run.installation_id, Redactor(())) as journal:
        journal.event("push", "push.done")
        journal.flush()
    journal.event("push", "push.done")
    journal.flush()
    assert run.events.count() == 1


def test_writers_side_by_side_never_double_a_number(run: Run, keeper: lease.LeaseRenewer) -> None:
    with Journal(keeper, run.installation_id, Redactor(())) as journal:

        def flush() -> None:
            try:
                for count in itertools.count():
                    journal.event("push", "push.done", n=count)
                    journal.flush()
                    if count == 20:
                        return
            finally:
                connections.close_all()

        threads = [threading.Thread(target=flush) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert run.events.count() == 63
    assert verify_chain(run) is None
