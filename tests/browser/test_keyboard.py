"""From signing in to Done by keyboard alone: focus can be seen, and is never lost."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from installer_tasks.answer_keys import STEPS
from tests.browser import harness
from tests.browser.harness import PASSWORD, Place

pytestmark = [pytest.mark.browser, pytest.mark.program("chromium"), pytest.mark.program("redis-server")]

#: Where focus is, and whether a person can see it there: an outline, a shadow, or another border than without it.
FOCUS = """() => {
  const at = document.activeElement;
  const own = getComputedStyle(at), around = at.closest("label, .option");
  const rings = [own, around && getComputedStyle(around)].filter(Boolean);
  const seen = rings.some(s => (s.outlineStyle !== "none" && parseFloat(s.outlineWidth) > 0) || s.boxShadow !== "none");
  const box = (around || at).getBoundingClientRect();
  return {
    lost: at === document.body || at === document.documentElement,
    seen: seen && box.width > 0 && box.height > 0,
    what: at.outerHTML.slice(0, 200),
  };
}"""
MOST_TABS = 80


def test_to_done(here: Place, page: Page) -> None:
    page.goto(here.link)
    _press(page, "Sign in with this link")
    expect(page.get_by_role("heading", name="Choose a name and a password")).to_be_visible()
    _reach(page, f'input[type=password][id="{_id_of(page, "Password")}"]')
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name="Installations")).to_be_visible()
    _reach(page, "#name")
    page.keyboard.type("Contoso")
    page.keyboard.press("Enter")
    answers = here.estate.answers()
    for step in STEPS:
        _step(page, step, answers)
    expect(page).to_have_url(re.compile("/review/$"))
    expect(page.locator('form[action$="/install/"] button')).to_be_visible()
    _press(page, "Install")
    expect(page).to_have_url(re.compile("/run/$"))
    harness.expect_run(page, "succeeded")
    _reach(page, 'a[href$="/done/"]')
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name="Installation complete")).to_be_visible()
    _reach(page, ".run-console")


def _id_of(page: Page, label: str) -> str:
    return str(page.get_by_label(label, exact=True).get_attribute("id"))


def _step(page: Page, step: str, answers: dict[str, str]) -> None:
    expect(page).to_have_url(re.compile(f"/steps/{step}/$"))
    for key, value in answers.items():
        if key.startswith(f"{step}."):
            _answer(page, key.partition(".")[2], value)
    _reach(page, "button.save")
    page.keyboard.press("Enter")
    expect(harness.next_action(page)).to_be_visible()
    _reach(page, ".next-action a")
    page.keyboard.press("Enter")


def _answer(page: Page, name: str, value: str) -> None:
    if page.locator(f"#{name}-field").get_by_role("button", name="Generate").count():
        _reach(page, f"#{name}-field button")
        page.keyboard.press("Space")
        expect(harness.note(page, name)).to_contain_text("Generated and sealed")
        assert not page.evaluate(FOCUS)["lost"]
        return None
    _reach(page, f'[name="{name}"]')
    # Only now: choices that a system lists may have come meanwhile, and under a focused field nothing is exchanged.
    if page.evaluate("document.activeElement.type") == "radio":
        return _choose(page, name, value)
    if page.evaluate("document.activeElement.value") == value:
        return None  # found already, and saved with the page
    page.keyboard.insert_text(value) if "\n" in value else page.keyboard.type(value)
    page.keyboard.press("Tab")
    harness.saved(page, name)
    assert not page.evaluate(FOCUS)["lost"]
    return None


def _choose(page: Page, name: str, value: str) -> None:
    """With the arrows, as radio buttons are moved."""
    _reach(page, f'input[type=radio][name="{name}"]')
    radio = page.locator(f'input[type=radio][name="{name}"][value="{value}"]')
    for _ in range(page.locator(f'input[type=radio][name="{name}"]').count()):
        if radio.is_checked():
            return
        page.keyboard.press("ArrowDown")
    if not radio.is_checked():
        page.keyboard.press("Space")
    assert radio.is_checked()


def _press(page: Page, name: str) -> None:
    button = page.get_by_role("button", name=re.compile(f"^{name}"))
    expect(button).to_be_visible()
    _reach(page, f"#{_marked(page, name)}")
    page.keyboard.press("Enter")


def _marked(page: Page, name: str) -> str:
    """An id of this test's own for a button that has none."""
    return str(
        page.get_by_role("button", name=re.compile(f"^{name}")).evaluate("one => one.id = one.id || 'of-the-test'")
    )


def _reach(page: Page, selector: str) -> None:
    """By Tab, from wherever focus is; on the way it is never lost and always seen."""
    passed = []
    for _ in range(MOST_TABS):
        if page.locator(selector).evaluate_all("all => all.includes(document.activeElement)"):
            return
        page.keyboard.press("Tab")
        focus = page.evaluate(FOCUS)
        passed.append(focus["what"])
        assert focus["lost"] or focus["seen"], f"focus cannot be seen on {focus['what']}"
    raise AssertionError(f"{selector} is not reached by Tab; passed:\n" + "\n".join(passed))
