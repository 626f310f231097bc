"""axe-core finds nothing on any page and state, wide and dark, narrow and light; `make shots` looks at the whole matrix."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from installer_tasks.answers import STEPS
from tests.browser import harness
from tests.browser.camera import violations
from tests.browser.harness import PASSWORD, Place, Trouble

pytestmark = [pytest.mark.browser, pytest.mark.program("chromium"), pytest.mark.program("redis-server")]

MISSING = "no/such/page/"


class Pages:
    """Looks at the page as it is, wide and dark, narrow and light; keeps what is wrong until the end."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.axe = Axe()
        self.wrong: list[str] = []
        page.emulate_media(reduced_motion="reduce")

    def look(self, name: str) -> None:
        for width, height, scheme in ((1280, 720, "dark"), (390, 844, "light")):
            self.page.set_viewport_size({"width": width, "height": height})
            self.page.emulate_media(color_scheme=scheme)
            self.wrong += [f"{name}, {width}, {scheme}: {found}" for found in violations(self.axe, self.page)]
        self.page.set_viewport_size({"width": 1280, "height": 720})


def test_every_page(here: Place, page: Page, trouble: Trouble) -> None:
    pages = Pages(page)
    page.goto(f"{here.url}/sign-in/")
    pages.look("sign in")
    _door(pages, here)
    base = harness.start_installation(page, "Contoso")
    _steps(pages, base, here)
    _run(pages, base)
    for path in ("", MISSING):
        page.goto(f"{here.url}/{path}")
        pages.look(f"/{path}")
    # Chromium writes to its console that a page is not there.
    trouble.seen = [said for said in trouble.seen if MISSING not in said]
    assert not pages.wrong, "\n".join(pages.wrong)


def _door(pages: Pages, here: Place) -> None:
    page = pages.page
    page.goto(here.link)
    pages.look("link")
    page.get_by_role("button", name="Sign in with this link").click()
    expect(page.get_by_label("The same password again")).to_be_visible()
    pages.look("welcome")
    page.get_by_role("button", name="Save and continue").click()
    expect(page.locator(".problem").first).to_be_visible()
    pages.look("welcome, refused")
    for label in ("Password", "The same password again"):
        page.get_by_label(label, exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Save and continue").click()
    expect(page.get_by_role("heading", level=1, name="Installations")).to_be_visible()
    pages.look("no installation")


def _steps(pages: Pages, base: str, here: Place) -> None:
    page, answers = pages.page, here.estate.answers()
    page.goto(f"{base}/review/")
    pages.look("review, nothing answered")
    page.goto(f"{base}/steps/bundle/")
    for step in STEPS:
        expect(page).to_have_url(re.compile(f"/steps/{step}/$"))
        pages.look(f"{step}, empty")
        if step == "dns":
            _refused(pages)
        if step == "identity":
            harness.look_at_fix(page, step, answers)
            pages.look("fix")
            page.goto(f"{base}/steps/{step}/")
        harness.fill_step(page, step, answers)
        harness.save(page)
        expect(harness.next_action(page)).to_be_visible()
        for folded in page.locator("#findings details").all():
            folded.evaluate("one => { one.open = true; }")
        pages.look(f"{step}, proven")
        harness.go_on(page)
        if step == "identity":
            _beside(pages, base, here)
    expect(page.locator('form[action$="/install/"] button')).to_be_visible()
    pages.look("review, ready")


def _beside(pages: Pages, base: str, here: Place) -> None:
    """Pages that lie beside the steps; the one after this is gone back to."""
    page, back = pages.page, pages.page.url
    page.goto(f"{base}/sign-in-rehearsal/")
    pages.look("sign-in rehearsal")
    with harness.practising(here):
        page.goto(f"{base}/practice/")
        pages.look("practice")
    page.goto(back)


def _refused(pages: Pages) -> None:
    pages.page.locator("[name=zone]").fill("two words")
    harness.save(pages.page)
    expect(pages.page.get_by_role("alert")).to_be_visible()
    pages.look("dns, refused")


def _run(pages: Pages, base: str) -> None:
    page = pages.page
    harness.install(page)
    pages.look("run, under way")
    page.goto(f"{base}/run/1/cancel/")
    pages.look("cancel")
    page.goto(f"{base}/run/")
    harness.expect_run(page, "succeeded")
    pages.look("run, succeeded")
    for path in ("done", "handover", "delete", "start-over"):
        page.goto(f"{base}/{path}/")
        pages.look(path)
