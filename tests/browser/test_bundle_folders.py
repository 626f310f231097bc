"""An administrator opens a folder and confirms a program; until then an installer is refused, with words."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import harness
from tests.browser.harness import Place, Trouble
from tests.browser.test_people import look

pytestmark = [pytest.mark.browser, pytest.mark.program("chromium"), pytest.mark.program("redis-server")]


def test_a_folder_is_opened_and_a_program_confirmed(here: Place, chrome: Browser, page: Page, trouble: Trouble) -> None:
    harness.sign_in(page, here.link)
    base = harness.start_installation(page, "Contoso")
    folders = f"{here.url}/bundle-folders/"
    page.goto(folders)
    expect(page.get_by_text("No folder is open.")).to_be_visible()
    page.get_by_label("Folder", exact=True).fill("/nowhere")
    page.get_by_role("button", name="Open").click()
    expect(page.get_by_text("Folder /nowhere does not exist on this machine.")).to_be_visible()
    look(page, "bundle-folders-refused")
    trouble.seen.clear()  # the browser logs every 422
    page.get_by_label("Folder", exact=True).fill(str(here.estate.bundle.parent))
    page.get_by_role("button", name="Open").click()
    expect(page.get_by_text("Installers may use bundles below")).to_be_visible()

    page.goto(f"{base}/steps/bundle/")
    harness.fill_step(page, "bundle", {**here.estate.answers(), "bundle.engine": "vendor"})
    harness.save(page)
    expect(page.get_by_text("No administrator has confirmed the vendor's program.").first).to_be_visible()
    page.goto(folders)
    expect(page.get_by_text("not confirmed")).to_be_visible()
    look(page, "bundle-folders-waiting")
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_text("may run as long as its SHA-256 stays the same")).to_be_visible()
    look(page, "bundle-folders-confirmed")
    page.goto(f"{base}/steps/bundle/")
    expect(harness.next_action(page)).to_be_visible()
