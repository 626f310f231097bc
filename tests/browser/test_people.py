"""Somebody is invited, enters in a browser of their own, reads and changes nothing; then installs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import harness
from tests.browser.axe import violations
from tests.browser.harness import Place, Trouble

pytestmark = [pytest.mark.browser, pytest.mark.program("chromium"), pytest.mark.program("redis-server")]

VIEWS = ((1440, 900, "light"), (390, 844, "dark"))


def look(page: Page, name: str) -> None:
    """axe-core finds nothing and nothing sticks out; kept as pictures where LOOK names a folder."""
    for width, height, scheme in VIEWS:
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        assert not violations(page), name
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} sticks out at {width}"
        if folder := os.environ.get("LOOK"):
            page.screenshot(path=Path(folder) / f"{name}-{width}.png", full_page=True)


def test_invited_to_read_then_to_install(here: Place, chrome: Browser, page: Page, trouble: Trouble) -> None:
    harness.sign_in(page, here.link)
    base = harness.start_installation(page, "Contoso")
    people = f"{here.url}/people/"
    page.goto(people)
    look(page, "people")
    page.get_by_label("Name", exact=True).fill("vera")
    page.get_by_label("All installations").last.select_option("viewer")
    page.get_by_role("button", name="Invite").click()
    expect(page.get_by_role("heading", name="Link for vera")).to_be_visible()
    look(page, "invited")
    link = page.locator(".copyable code").inner_text()

    hers = harness.new_page(chrome, trouble)
    harness.sign_in(hers, link)
    expect(hers.get_by_role("link", name="Contoso", exact=True)).to_be_visible()
    look(hers, "list-of-a-viewer")
    hers.goto(f"{base}/steps/dns/")
    expect(hers.locator("[name=zone]")).to_be_disabled()
    expect(hers.locator(".step-form .save")).to_be_disabled()
    look(hers, "step-of-a-viewer")

    page.goto(people)
    page.get_by_text("Change vera").click()
    look(page, "people-change")
    page.get_by_label("All installations").nth(1).select_option("installer")
    page.get_by_role("button", name="Save role").click()
    expect(page.get_by_text("The new roles of vera are saved.")).to_be_visible()
    hers.goto(f"{base}/steps/dns/")
    harness.fill(hers, "zone", "tmc.example.com")
    harness.save(hers)
    page.goto(f"{here.url}/audit/")
    expect(page.get_by_text("vera changed DNS zone")).to_be_visible()
    look(page, "audit")
