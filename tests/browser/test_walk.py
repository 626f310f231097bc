"""The whole wizard in a browser: from the printed link to the page that says it is done, and proves it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from installer_tasks.answers import STEPS
from tests.browser import harness
from tests.browser.harness import Place, Trouble

pytestmark = [pytest.mark.browser, pytest.mark.program("chromium"), pytest.mark.program("redis-server")]

UPLOADED = {"cluster.kubeconfig": "admin.kubeconfig", "registry.ca": "ca.pem", "certificates.ca": "ca.crt"}
GENERATED = ("services.postgres_password", "services.minio_password")


def test_from_the_link_to_done(here: Place, page: Page, trouble: Trouble) -> None:
    harness.sign_in(page, here.link)
    base = harness.start_installation(page, "Contoso")
    answers = here.estate.answers()
    for step in STEPS:
        _step(page, step, answers)
    expect(page).to_have_url(f"{base}/review/")
    _review(page, answers)
    harness.install(page)

    other = harness.same_person(page.context, trouble)
    other.goto(f"{base}/run/")
    expect(page.locator(".run-stage.is-running")).to_be_visible()
    page.reload()
    assert harness.run_state(page) in ("queued", "running")
    for shown in (page, other):
        harness.expect_run(shown, "succeeded")
        _log_is_whole(shown)
    assert harness.log_numbers(page) == harness.log_numbers(other)
    assert page.title() == other.title()
    harness.expect_done(page, here.estate)
    harness.expect_done(other, here.estate)
    other.context.close()


def _step(page: Page, step: str, answers: dict[str, str]) -> None:
    """Answered as a person would: files uploaded, passwords generated, the rest typed."""
    expect(page).to_have_url(re.compile(f"/steps/{step}/$"))
    for key, value in answers.items():
        name = key.partition(".")[2]
        if not key.startswith(f"{step}."):
            continue
        if key in UPLOADED:
            harness.upload(page, name, value, UPLOADED[key])
            harness.saved(page, name)
        elif key in GENERATED:
            page.locator(f"#{name}-field").get_by_role("button", name="Generate").click()
            expect(harness.note(page, name)).to_contain_text("Generated and sealed")
        else:
            harness.fill(page, name, value)
    harness.save(page)
    harness.go_on(page)


def _review(page: Page, answers: dict[str, str]) -> None:
    expect(page.get_by_role("heading", name="Everything is proven. It can begin.")).to_be_visible()
    text = page.content()
    assert answers["dns.zone"] in text
    for secret in ("identity.client_secret", "registry.password"):
        assert answers[secret] not in text


def _log_is_whole(page: Page) -> None:
    """No line twice, none left out."""
    last = page.locator("#log-lines li").last
    expect(last).to_be_attached()
    numbers = harness.log_numbers(page)
    assert numbers == list(range(1, len(numbers) + 1))
