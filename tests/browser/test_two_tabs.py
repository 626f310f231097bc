"""One person, two tabs: what was saved in one is not overwritten by the other unseen."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser import harness
from tests.browser.harness import Trouble
from tests.browser.ordinary import ordinary_chromium
from tests.contract.up_process import Up
from tests.waiting import PATIENCE

pytestmark = [pytest.mark.browser, pytest.mark.program("chromium"), pytest.mark.program("redis-server")]


@pytest.fixture(scope="module")
def tabs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Page, Page, str, Path]]:
    folder = tmp_path_factory.mktemp("place")
    up, trouble = Up(folder / "state", "--workers", "1"), Trouble()
    try:
        link = (up.ready(), up.says(r"(http://\S+/sign-in/\S+)")[1])[1]
        with ordinary_chromium(folder) as browser:
            expect.set_options(timeout=harness.PATIENCE)
            context = browser.contexts[0]
            context.set_default_timeout(harness.PATIENCE)
            first, second = context.new_page(), context.new_page()
            for page in (first, second):
                trouble.watch(page)
            first.bring_to_front()  # one behind another is never drawn, so nobody could click in it
            harness.sign_in(first, link)
            base = harness.start_installation(first, "Contoso")
            yield first, second, base, folder / "state" / "installer.sqlite3"
        assert trouble.seen == []
    finally:
        up.close()


def _saved(database: Path, key: str) -> str:
    with closing(sqlite3.connect(database, timeout=PATIENCE)) as connection:
        return str(connection.execute("SELECT value FROM installer_tasks_answer WHERE key = ?", [key]).fetchone()[0])


def _enter(page: Page, name: str, value: str) -> Locator:
    page.bring_to_front()
    page.locator(f"[name={name}]").fill(value)
    page.locator(f"[name={name}]").blur()
    return harness.note(page, name)


def test_the_person_chooses_between_both_values(tabs: tuple[Page, Page, str, Path]) -> None:
    first, second, base, database = tabs
    for page in (first, second):
        page.bring_to_front()
        page.goto(f"{base}/steps/dns/")
    _enter(first, "zone", "first.example.com")
    harness.saved(first, "zone")
    note = _enter(second, "zone", "second.example.com")
    for words in ("first.example.com", "second.example.com", "You, on another page"):
        expect(note).to_contain_text(words)
    assert _saved(database, "dns.zone") == "first.example.com"
    expect(second.locator("#unsaved")).to_be_visible()

    second.bring_to_front()
    note.get_by_role("button", name="Keep the other value").click()
    harness.saved(second, "zone")
    expect(second.locator("[name=zone]")).to_have_value("first.example.com")
    expect(second.locator("#unsaved")).to_be_hidden()
    _enter(second, "zone", "third.example.com")
    harness.saved(second, "zone")

    note = _enter(first, "zone", "fourth.example.com")
    first.bring_to_front()
    note.get_by_role("button", name="Save mine").click()
    harness.saved(first, "zone")
    assert _saved(database, "dns.zone") == "fourth.example.com"


def test_saving_an_old_form_leaves_the_fields_that_it_did_not_change(tabs: tuple[Page, Page, str, Path]) -> None:
    first, second, base, database = tabs
    for page in (first, second):
        page.bring_to_front()
        page.goto(f"{base}/steps/registry/")
    for name, value in {"project": "harbor.example.com/tmc", "username": "robot", "password": "not shown"}.items():
        _enter(first, name, value)
        harness.saved(first, name)
    second.bring_to_front()
    second.locator("button.save").click()
    expect(second.locator("[name=username]")).to_have_value("robot")
    expect(second.get_by_text("required")).to_have_count(0)
    assert _saved(database, "registry.username") == "robot"
