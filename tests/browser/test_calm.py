"""Live refreshes leave people alone: half-typed text, focus, selection, scroll and opened parts stay."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser import harness
from tests.browser.harness import Place, Trouble

pytestmark = [pytest.mark.browser, pytest.mark.program("chromium"), pytest.mark.program("redis-server")]

REFRESHES = 10
#: Counts what is swapped into the list of steps, which shows each change of the zone.
COUNT = """() => {
  window.swaps = 0;
  document.addEventListener("htmx:afterSwap", event => { window.swaps += event.detail.target.id === "rail"; });
}"""
POLL_SECONDS = """() => {
  const at = document.activeElement;
  return [at.name, at.value, at.selectionStart, at.selectionEnd, scrollY, document.querySelector("details.owner").open];
}"""


@pytest.fixture(scope="module")
def base(here: Place, chrome: Any) -> str:
    """An installation with its bundle and cluster proven; the session of who made it."""
    page = harness.new_page(chrome, Trouble())
    harness.sign_in(page, here.link)
    found = harness.start_installation(page, "Contoso")
    for step in ("bundle", "cluster"):
        harness.answer_step(page, step, here.estate.answers())
    page.context.storage_state(path=here.state.parent / "session.json")
    page.context.close()
    return found


@pytest.mark.parametrize(
    ("step", "name"),
    [
        pytest.param("identity", "scopes", id="a field"),
        pytest.param("certificates", "cluster_issuer_other", id="a field within a live part"),
    ],
)
def test_half_a_value_stays(base: str, here: Place, chrome: Any, trouble: Trouble, step: str, name: str) -> None:
    session = {"storage_state": here.state.parent / "session.json", "viewport": {"width": 1280, "height": 500}}
    page, other = harness.new_page(chrome, trouble, **session), harness.new_page(chrome, trouble, **session)
    page.goto(f"{base}/steps/{step}/")
    page.locator("details.owner > summary").first.click()
    field = page.locator(f'[name="{name}"]')
    expect(field).to_be_visible()
    field.click()
    page.keyboard.type("half a val")
    field.evaluate("one => one.setSelectionRange(2, 6)")
    page.evaluate("scrollBy(0, 37)")
    page.evaluate(COUNT)
    before = page.evaluate(POLL_SECONDS)
    assert before[:4] == [name, "half a val", 2, 6]

    other.goto(f"{base}/steps/dns/")
    for number in range(REFRESHES):
        _change(page, other, f"tmc{number}-{step}.practice.example")
    assert page.evaluate("swaps") >= REFRESHES
    assert page.evaluate(POLL_SECONDS) == before
    for context in (page.context, other.context):
        context.close()


def _change(page: Page, other: Page, zone: str) -> None:
    """Another person saves an answer, and the first one's page shows it."""
    other.locator("[name=zone]").fill(zone)
    other.locator("[name=zone]").blur()
    expect(page.locator("#rail")).to_contain_text(zone)


def test_selected_text_stays(base: str, here: Place, chrome: Any, trouble: Trouble) -> None:
    """Words selected in the findings, to be copied, are still selected after these were looked at again."""
    session = {"storage_state": here.state.parent / "session.json"}
    page, other = harness.new_page(chrome, trouble, **session), harness.new_page(chrome, trouble, **session)
    page.goto(f"{base}/steps/cluster/")
    page.locator("#passed summary").first.evaluate("one => { one.parentElement.open = true; }")
    page.locator("#passed .finding h3").first.evaluate("one => getSelection().selectAllChildren(one)")
    chosen = page.evaluate("String(getSelection())")
    assert chosen
    page.evaluate(COUNT)
    other.goto(f"{base}/steps/dns/")
    for number in range(3):
        _change(page, other, f"selected{number}.practice.example")
    assert page.evaluate("String(getSelection())") == chosen
    for context in (page.context, other.context):
        context.close()
