"""axe-core finds nothing on any page and state, wide and dark, narrow and light; `make shots` looks at the whole matrix."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from installer_tasks.answer_keys import STEPS
from tests.browser import harness
from tests.browser.axe import violations
from tests.browser.harness import PASSWORD, Place, Trouble

pytestmark = [pytest.mark.browser, pytest.mark.program("chromium"), pytest.mark.program("redis-server")]

MISSING = "no/such/page/"


class Pages:
    """Looks at the page as it is, wide and dark, narrow and light; keeps what is wrong until the end."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.wrong: list[str] = []
        page.emulate_media(reduced_motion="reduce")

    def look(self, name: str) -> None:
        for width, height, scheme in ((1280, 720, "dark"), (390, 844, "light")):
            self.page.set_viewport_size({"width": width, "height": height})
            self.page.emulate_media(color_scheme=scheme)
            self.wrong += [f"{name}, {width}, {scheme}: {found}" for found in violations(self.page)]
        self.page.set_viewport_size({"width": 1280, "height": 720})


@pytest.fixture
def pages(page: Page) -> Iterator[Pages]:
    found = Pages(page)
    yield found
    assert not found.wrong, "\n".join(found.wrong)


def test_no_page_has_anything_that_axe_finds(here: Place, page: Page, pages: Pages, trouble: Trouble) -> None:
    """One visit: before anything is answered, refused, proven, installed and done."""
    page.goto(f"{here.url}/sign-in/")
    pages.look("sign in")
    _door(pages, here)
    base = harness.start_installation(page, "Contoso")
    _empty(pages, base)
    _refused(pages, base, here)
    _beside(pages, base, here)
    for path in (MISSING, ""):
        page.goto(f"{here.url}/{path}")
        pages.look(f"/{path}")
    base = harness.start_installation(page, "Fabrikam")
    _proven(pages, here)
    _run(pages, base)
    # Chromium writes to its console that a page is not there.
    trouble.seen = [said for said in trouble.seen if MISSING not in said]


def _door(pages: Pages, here: Place) -> None:
    page = pages.page
    page.goto(here.link)
    pages.look("link")
    page.get_by_role("button", name="Sign in with this link").click()
    expect(page.get_by_label("Password", exact=True)).to_be_visible()
    pages.look("welcome")
    page.get_by_role("button", name="Save and continue").click()
    expect(page.locator(".problem").first).to_be_visible()
    pages.look("welcome, refused")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Save and continue").click()
    expect(page.get_by_role("heading", level=1, name="Installations")).to_be_visible()
    pages.look("no installation")


def _empty(pages: Pages, base: str) -> None:
    for path in ("review", *(f"steps/{step}" for step in STEPS)):
        pages.page.goto(f"{base}/{path}/")
        pages.look(f"{path}, nothing answered")


def _refused(pages: Pages, base: str, here: Place) -> None:
    pages.page.goto(f"{base}/steps/dns/")
    pages.page.locator("[name=zone]").fill("two words")
    harness.save(pages.page)
    expect(pages.page.get_by_role("alert")).to_be_visible()
    pages.look("dns, refused")
    harness.fill_step(pages.page, "dns", here.estate.answers())
    harness.save(pages.page)
    expect(pages.page.get_by_role("button", name="Check again")).to_be_visible()


def _beside(pages: Pages, base: str, here: Place) -> None:
    """Pages that lie beside the steps."""
    page = pages.page
    page.goto(f"{base}/steps/identity/")
    harness.look_at_fix(page, "identity", here.estate.answers())
    pages.look("fix")
    page.goto(f"{base}/steps/identity/")
    harness.fill_step(page, "identity", here.estate.answers())
    harness.save(page)
    expect(harness.next_action(page)).to_be_visible()  # what was found without the authority may still be shown
    page.goto(f"{base}/sign-in-rehearsal/")
    pages.look("sign-in rehearsal")
    with harness.practising(here):
        page.goto(f"{base}/practice/")
        pages.look("practice")


def _proven(pages: Pages, here: Place) -> None:
    page = pages.page
    for step in STEPS:
        expect(page).to_have_url(re.compile(f"/steps/{step}/$"))
        harness.fill_step(page, step, here.estate.answers())
        harness.save(page)
        expect(harness.next_action(page)).to_be_visible()
        for folded in page.locator("#findings details").all():
            folded.evaluate("one => { one.open = true; }")
        pages.look(f"{step}, proven")
        harness.go_on(page)
    expect(page.locator('form[action$="/install/"] button')).to_be_visible()
    pages.look("review, ready")


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
