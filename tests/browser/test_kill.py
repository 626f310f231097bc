"""The worker is killed outright in the middle of the push: the page goes on by itself, and nothing is sent twice."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from installer_tasks.rehearsal.bundle import FULL
from tests.browser import harness
from tests.browser.harness import Place, place
from tests.contract.up_process import descendants, pid_of
from tests.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.program("chromium"), pytest.mark.program("redis-server")]

#: Bytes a second: the push of the full practice bundle lasts some seconds.
RATE = 8_000_000


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with place(tmp_path_factory.mktemp("place"), scale=FULL, rate=RATE) as found:
        yield found


def test_a_killed_worker_costs_nothing(here: Place, page: Page) -> None:
    harness.sign_in(page, here.link)
    harness.start_installation(page, "Contoso")
    harness.answer_all(page, here.estate.answers())
    registry = here.estate.registry
    before = dict(registry.received)
    harness.install(page)

    expect(page.locator(".run")).to_have_attribute("data-state", "running")
    until(lambda: len(registry.received) >= len(before) + 5)
    worker = pid_of(descendants(here.up.process.pid), "celery")
    for pid in (worker, *descendants(worker)):
        os.kill(pid, signal.SIGKILL)
    at_kill = dict(registry.received)
    assert harness.run_state(page) == "running"

    harness.expect_run(page, "succeeded")
    later = set(registry.received) - set(at_kill)
    assert len(later) >= 5, "the kill came after the push"
    twice = {digest: count for digest, count in registry.received.items() if count > 1}
    assert twice == {}
    numbers = harness.log_numbers(page)
    assert numbers == list(range(1, len(numbers) + 1))
    harness.expect_done(page, here.estate)
