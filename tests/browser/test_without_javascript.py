"""The whole wizard without JavaScript: plain forms, links, and pages that are loaded again."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from installer_tasks.answer_keys import STEPS
from tests.browser import harness
from tests.browser.harness import Place, Trouble
from tests.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.program("chromium"), pytest.mark.program("redis-server")]


@pytest.fixture
def page(chrome: Browser, trouble: Trouble) -> Iterator[Page]:
    found = harness.new_page(chrome, trouble, java_script_enabled=False)
    yield found
    found.context.close()


def test_to_done(here: Place, page: Page) -> None:
    harness.sign_in(page, here.link)
    harness.start_installation(page, "Contoso")
    answers = here.estate.answers()
    for step in STEPS:
        _step(page, step, answers)
    _reload_until(page, 'form[action$="/install/"] button').click()
    expect(page).to_have_url(re.compile("/run/$"))
    _reload_until(page, '.run[data-state="succeeded"]')
    numbers = page.locator("#log-lines li").all()
    assert [int(line.get_attribute("data-seq") or 0) for line in numbers] == list(range(1, len(numbers) + 1))
    harness.expect_done(page, here.estate)


def _step(page: Page, step: str, answers: dict[str, str]) -> None:
    expect(page).to_have_url(re.compile(f"/steps/{step}/$"))
    if step == "services":
        _generate_keeps_what_was_typed(page, answers)
    else:
        harness.fill_step(page, step, answers)
    harness.save(page)
    _reload_until(page, ".next-action a").click()


def _generate_keeps_what_was_typed(page: Page, answers: dict[str, str]) -> None:
    address = answers["services.load_balancer_ip"]
    harness.fill(page, "load_balancer_ip", address)
    for name in ("postgres_password", "minio_password", "redis_password"):
        page.locator(f"#{name}-field").get_by_role("button", name="Generate").click()
        expect(page.locator(f"#{name}-field .kept")).to_be_visible()
        expect(page.locator("[name=load_balancer_ip]")).to_have_value(address)


def _reload_until(page: Page, selector: str) -> Locator:
    """As a person does without JavaScript."""
    found = page.locator(selector)

    def look() -> bool:
        if found.count():
            return True
        page.reload()
        return False

    try:
        until(look)
    except AssertionError:
        raise AssertionError(page.locator("main").inner_text()) from None
    return found
