"""Starting, cancelling, resuming, what would repeat, and picking up what nobody works on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from kombu.utils import functional
from pytest_django import DjangoCaptureOnCommitCallbacks

from installer_tasks import queue, saved_answers
from installer_tasks.errors import Conflict, InputError
from installer_tasks.models import AuditEntry, Finding, Installation, Observation, Run, RunState, StageState
from installer_tasks.preflight import checks
from installer_tasks.preflight.state import load
from installer_tasks.runs import lease, reaper, rows, service, stages
from tests.answers import CANARIES
from tests.engine.made import make_installation, make_run

pytestmark = pytest.mark.django_db


@pytest.fixture
def person() -> User:
    return User.objects.create_user("consultant")


@pytest.fixture
def installation() -> Installation:
    """All answers given, all checks passed."""
    installation = make_installation()
    current = installation.fingerprints()
    for check in checks.CHECKS:
        reads = {key: current.get(key, "") for key in check.reads}
        Finding.objects.create(installation=installation, check_name=check.name, level="pass", verdict={}, reads=reads)
    return installation


@pytest.fixture
def enqueued(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[object]]:
    """What was enqueued; the queue itself is tested with a real Redis in test_worker.py."""
    heard: list[object] = []
    monkeypatch.setattr(queue, "enqueue_run", heard.append)
    monkeypatch.setattr(queue, "enqueue_collect", lambda *ids: heard.append(ids))
    yield heard


def over(run: Run, state: RunState) -> None:
    Run.objects.filter(pk=run.pk).update(state=state)


def test_a_start_freezes_the_plan_makes_the_stages_and_rings(
    installation: Installation,
    person: User,
    enqueued: list[object],
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        run = service.start(installation, person)
        assert enqueued == []
    assert enqueued == [run.pk]
    assert (run.state, run.attempt, run.release, run.created_by) == (RunState.QUEUED, 1, "1.4.1", person)
    assert list(run.stages.values_list("slug", flat=True)) == [stage.slug for stage in stages.STAGES]
    saved_answers.save_answers(installation, {"dns.zone": "other.example.com"})
    assert rows.frozen_plan(run).zone == "tmc.example.com"
    assert not any(secret in run.sealed_plan for secret in CANARIES)
    entry = AuditEntry.objects.filter(installation=installation, action="run.started").get()
    assert (entry.person, entry.detail) == (person, {"attempt": 1, "release": "1.4.1"})


def test_a_second_active_run_is_refused(installation: Installation) -> None:
    service.start(installation)
    with pytest.raises(Conflict) as caught:
        service.start(installation)
    assert caught.value.code == "run-active"
    assert installation.runs.count() == 1


def test_a_stale_or_missing_finding_refuses_the_start(installation: Installation) -> None:
    saved_answers.save_answers(installation, {"dns.zone": "other.example.com"})
    with pytest.raises(InputError) as caught:
        service.start(installation)
    assert caught.value.code == "findings-block"
    assert "dns." in caught.value.value
    assert not installation.runs.exists()


def test_values_that_break_the_release_refuse_the_start(installation: Installation) -> None:
    saved_answers.save_answers(installation, {"services.service_type": "Carrier pigeon"})
    with pytest.raises(InputError) as caught:
        service.start(installation)
    assert caught.value.code == "values-invalid"


def test_resume_makes_the_next_attempt_with_the_answers_of_now(installation: Installation, person: User) -> None:
    first = service.start(installation)
    over(first, RunState.FAILED)
    second = service.resume(installation, person)
    assert (second.attempt, second.state) == (2, RunState.QUEUED)
    assert AuditEntry.objects.filter(action="run.resumed", person=person).exists()


@pytest.mark.parametrize("state", [RunState.SUCCEEDED, RunState.RUNNING, RunState.QUEUED])
def test_only_what_failed_or_was_cancelled_is_resumed(installation: Installation, state: RunState) -> None:
    over(service.start(installation), state)
    with pytest.raises(Conflict):
        service.resume(installation)


def test_nothing_to_resume_without_a_run(installation: Installation) -> None:
    with pytest.raises(Conflict):
        service.resume(installation)


def test_cancelling_a_waiting_run_ends_it_at_once(installation: Installation, person: User) -> None:
    run = service.start(installation)
    before = Installation.objects.get(pk=installation.pk).revision
    assert service.cancel(run, person)
    assert (run.state, run.finished_at is not None) == (RunState.CANCELLED, True)
    assert AuditEntry.objects.filter(action="run.cancelled", person=person).exists()
    assert Installation.objects.get(pk=installation.pk).revision > before


def test_cancelling_a_running_one_is_a_wish(installation: Installation) -> None:
    run = service.start(installation)
    lease.take(run.pk, "elsewhere")
    over(run, RunState.RUNNING)
    assert service.cancel(run)
    assert (run.state, run.cancel_requested_at is not None) == (RunState.CANCELLING, True)


def test_what_is_over_cannot_be_cancelled(installation: Installation) -> None:
    run = service.start(installation)
    over(run, RunState.SUCCEEDED)
    assert not service.cancel(run)
    assert run.state == RunState.SUCCEEDED
    assert not AuditEntry.objects.filter(action="run.cancelled").exists()


def test_what_repeats_follows_from_the_answers_that_changed(installation: Installation) -> None:
    everything = tuple(stage.slug for stage in stages.STAGES)
    assert service.stages_to_repeat(load(installation)) == everything
    run = service.start(installation)
    run.stages.update(state=StageState.SUCCEEDED)
    assert service.stages_to_repeat(load(installation)) == ()
    run.stages.filter(slug="acceptance").update(state=StageState.FAILED)
    assert service.stages_to_repeat(load(installation)) == ("acceptance",)
    saved_answers.save_answers(installation, {"services.minio_password": "another-password"})
    assert service.stages_to_repeat(load(installation)) == ("preflight", "package-install", "acceptance")


def test_the_reaper_rings_for_runs_that_nobody_works_on(installation: Installation, enqueued: list[object]) -> None:
    run = service.start(installation)
    assert reaper.reap_stale_runs() == ()  # the first message is still on its way
    Run.objects.filter(pk=run.pk).update(created_at=timezone.now() - timedelta(minutes=1))
    assert reaper.reap_stale_runs() == (run.pk,)
    assert reaper.reap_stale_runs() == (run.pk,)
    lease.take(run.pk, "elsewhere")
    assert reaper.reap_stale_runs() == ()
    Run.objects.filter(pk=run.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert reaper.reap_stale_runs() == (run.pk,)
    over(run, RunState.SUCCEEDED)
    assert reaper.reap_stale_runs() == ()
    assert enqueued == [run.pk] * 3


def test_the_reaper_rings_for_collections_that_nobody_does(installation: Installation, enqueued: list[object]) -> None:
    now = timezone.now()
    ago = [now - timedelta(minutes=minutes) for minutes in range(5)]
    made = {
        "bundle": (ago[1], None, None),  # asked for, never begun
        "cluster": (ago[1], ago[0], None),  # under way
        "dns": (ago[4], ago[3], None),  # begun long ago: its worker is gone
        "identity": (ago[3], ago[2], ago[2]),  # done
        "registry": (ago[1], ago[3], ago[3]),  # asked for again since
        "services": (now, None, None),  # the message is on its way
        "certificates": (None, None, None),
    }
    for system, (requested, started, collected) in made.items():
        Observation.objects.create(
            installation=installation, system=system, requested_at=requested, started_at=started, collected_at=collected
        )
    assert sorted(system for _pk, system in reaper.reap_requested_observations()) == ["bundle", "dns", "registry"]
    assert sorted(enqueued) == [(installation.pk, name) for name in ("bundle", "dns", "registry")]  # type: ignore[type-var]


def test_enqueueing_without_a_redis_loses_nothing(caplog: pytest.LogCaptureFixture) -> None:
    run = make_run(())
    queue.enqueue_run(run.pk)
    assert "waits for the reaper" in caplog.text


def test_without_a_redis_nobody_waits_long_for_the_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page asks for seven collections: it must not wait seconds for each."""
    pauses: list[float] = []

    def noted(seconds: float) -> None:
        pauses.append(seconds)
        time.sleep(seconds)

    monkeypatch.setattr(functional, "sleep", noted)
    queue.enqueue_reap()
    assert len(pauses) == 1, "a Redis that is being restarted gets a second chance"
    assert sum(pauses) <= 0.2
