"""A session that ends while somebody types: they sign in again on the page they are on, and nothing typed is lost."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Request, StorageState, expect

from tests.browser import harness
from tests.browser.harness import PASSWORD, Trouble
from tests.browser.ordinary import ordinary_chromium
from tests.contract.up_process import Up
from tests.waiting import PATIENCE

pytestmark = [pytest.mark.browser, pytest.mark.program("chromium"), pytest.mark.program("redis-server")]

SECRET = "canary-of-the-registry"
#: What refused requests are answered with; Chromium writes such answers to its console.
REFUSED = re.compile(r"(status of|Status Error Code) (401|403|422)|\[object Event\]")


@dataclass
class Place:
    """The installer, one installation in it, and the session of whoever began it."""

    url: str
    base: str
    state: Path
    session: StorageState
    browser: Browser

    def step(self, name: str) -> str:
        return f"{self.base}/steps/{name}/"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("place")
    up = Up(folder / "state", "--workers", "1")
    try:
        url, link = up.ready(), up.says(r"(http://\S+/sign-in/\S+)")[1]
        with ordinary_chromium(folder) as browser:
            expect.set_options(timeout=harness.PATIENCE)
            context = browser.contexts[0]
            context.set_default_timeout(harness.PATIENCE)
            page = context.new_page()
            harness.sign_in(page, link)
            base = harness.start_installation(page, "Contoso")
            page.close()
            yield Place(url, base, folder / "state", context.storage_state(), browser)
    finally:
        up.close()


@pytest.fixture
def context(place: Place) -> Iterator[BrowserContext]:
    """The ordinary profile, signed in, with its caches."""
    found = place.browser.contexts[0]
    found.clear_cookies()
    _sign_in(found, place)
    yield found
    for page in found.pages:
        page.close()


@pytest.fixture
def page(context: BrowserContext, trouble: Trouble) -> Iterator[Page]:
    found = context.new_page()
    trouble.watch(found)
    yield found
    trouble.seen[:] = [one for one in trouble.seen if not REFUSED.search(one)]


def _sign_in(context: BrowserContext, place: Place, url: str = "") -> None:
    page = context.new_page()
    page.goto(f"{url or place.url}/sign-in/")
    page.locator("[name=name]").fill("installer")
    page.locator("[name=password]").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1, name="Installations")).to_be_visible()
    page.close()


def _sign_out(context: BrowserContext, place: Place) -> None:
    """In another tab."""
    page = context.new_page()
    page.goto(place.url)
    page.locator(".menu summary").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1, name="Sign in")).to_be_visible()
    page.close()


def _expire(_context: BrowserContext, place: Place) -> None:
    """On the server, as after fourteen days or when an administrator ends it."""
    with closing(sqlite3.connect(place.state / "installer.sqlite3", timeout=PATIENCE)) as database:
        database.execute("DELETE FROM django_session")
        database.commit()


End = Callable[[BrowserContext, Place], None]
ends = pytest.mark.parametrize("end", [pytest.param(_sign_out, id="signed out"), pytest.param(_expire, id="expired")])


def _dialog(page: Page) -> Locator:
    return page.get_by_role("dialog", name="Sign in again")


def _enter(page: Page) -> None:
    expect(_dialog(page)).to_be_visible()
    expect(page.get_by_label("Name", exact=True)).to_have_value("installer")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(_dialog(page)).to_have_count(0)


def _stored(page: Page) -> str:
    return str(page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])"))


@ends
def test_a_field_is_saved_after_signing_in_again(context: BrowserContext, page: Page, place: Place, end: End) -> None:
    sent: list[Request] = []

    def watch(request: Request) -> None:
        sent.append(request)

    page.on("request", watch)
    page.goto(place.step("registry"))
    page.locator("[name=username]").fill(f"robot{end.__name__}")
    page.locator("[name=username]").blur()
    harness.saved(page, "username")
    page.locator("#password").fill(SECRET)
    end(context, place)
    page.locator("#password").blur()  # unless the dialog has taken the focus already
    expect(_dialog(page)).to_be_visible()
    assert SECRET not in _stored(page)
    expect(page).to_have_url(place.step("registry"))
    _enter(page)
    harness.saved(page, "password")
    expect(page.locator("#password")).to_have_value(SECRET)
    took = [
        one.url
        for one in sent
        if PASSWORD.replace(" ", "+") in (one.post_data_buffer or b"").decode("utf-8", "replace")
    ]
    assert took == [f"{place.url}/sign-in/"]


@ends
def test_a_whole_form_is_sent_after_signing_in_again(
    context: BrowserContext, page: Page, place: Place, end: End
) -> None:
    zone = f"{end.__name__.strip('_').replace('_', '-')}.example.com"
    page.goto(place.step("dns"))
    end(context, place)
    page.locator("[name=zone]").fill(zone)
    page.evaluate("document.querySelector('form .save').click()")
    _enter(page)
    expect(page.locator("#zone-note .kept")).to_be_visible()
    page.reload()
    expect(page.locator("[name=zone]")).to_have_value(zone)


def test_a_token_that_a_new_sign_in_made_old_is_renewed_unseen(
    context: BrowserContext, page: Page, place: Place
) -> None:
    page.goto(place.step("dns"))
    _sign_out(context, place)
    _sign_in(context, place)
    page.locator("[name=zone]").fill("renewed.example.com")
    page.locator("[name=server]").focus()
    harness.saved(page, "zone")
    page.locator("[name=server]").fill("10.0.0.53")
    harness.save(page)
    expect(page.locator("#server-note .kept")).to_be_visible()
    expect(page.locator("[name=server]")).to_have_value("10.0.0.53")


def test_a_token_that_is_gone_from_the_browser_is_renewed_unseen(
    context: BrowserContext, page: Page, place: Place
) -> None:
    page.goto(place.step("dns"))
    context.clear_cookies(name=re.compile("^csrf"))
    page.locator("[name=zone]").fill("cleared.example.com")
    page.locator("[name=server]").focus()
    harness.saved(page, "zone")


def test_polls_ask_once_and_the_form_is_left_alone(context: BrowserContext, page: Page, place: Place) -> None:
    page.goto(place.step("dns"))
    _expire(context, place)
    page.locator("[name=zone]").fill("half a na")
    page.evaluate("for (const part of document.querySelectorAll('.live')) htmx.trigger(part, 'refresh')")
    expect(_dialog(page)).to_have_count(1)
    assert page.locator("[name=password]").count() == 1
    _enter(page)
    expect(page.locator("[name=zone]")).to_have_value("half a na")
    expect(page.locator("#rail .rail-item")).not_to_have_count(0)


def test_the_dialog_waits_for_a_pause_in_typing(context: BrowserContext, page: Page, place: Place) -> None:
    page.clock.install()
    page.goto(place.step("dns"))
    page.clock.pause_at(datetime.now() + timedelta(minutes=1))
    _expire(context, place)
    page.locator("[name=zone]").fill("typing.example.com")
    page.locator("[name=server]").fill("")
    expect(page.locator("#signed-out")).to_be_visible()
    for letter in "10.0.0.54":
        page.clock.run_for(700)
        page.keyboard.type(letter)
    expect(page.locator("[name=server]")).to_have_value("10.0.0.54")
    expect(_dialog(page)).to_have_count(0)
    page.clock.resume()
    _enter(page)
    harness.saved(page, "zone")


def test_signing_in_elsewhere_is_enough(context: BrowserContext, page: Page, place: Place) -> None:
    page.goto(place.step("dns"))
    _expire(context, place)
    page.locator("[name=zone]").fill("elsewhere.example.com")
    page.locator("[name=server]").focus()
    expect(_dialog(page)).to_be_visible()
    _sign_in(context, place)
    expect(_dialog(page)).to_have_count(0)
    harness.saved(page, "zone")


def test_who_does_not_sign_in_now_still_has_what_was_typed(context: BrowserContext, page: Page, place: Place) -> None:
    page.goto(place.step("dns"))
    _expire(context, place)
    page.locator("[name=zone]").fill("later.example.com")
    page.locator("[name=server]").focus()
    page.get_by_label("Password", exact=True).fill("a wrong password")
    page.keyboard.press("Enter")
    expect(_dialog(page).get_by_role("alert")).to_contain_text("do not match")
    page.get_by_role("button", name="Not now").click()
    expect(page.locator("#signed-out")).to_be_visible()
    expect(page.locator("[name=zone]")).to_have_value("later.example.com")
    assert "a wrong password" not in page.content()
    page.locator("#signed-out button").click()
    _enter(page)
    expect(page.locator("#signed-out")).to_be_hidden()
    harness.saved(page, "zone")


def test_back_to_a_page_of_an_ended_session(context: BrowserContext, page: Page, place: Place) -> None:
    """The browser may show the page as it left it, without asking the server."""
    page.goto(place.step("dns"))
    page.goto(f"{place.url}/healthz")
    _expire(context, place)
    page.go_back()
    field = _dialog(page).or_(page.get_by_role("heading", level=1, name="Sign in"))
    expect(field).to_be_visible()


@pytest.fixture
def plain(place: Place, trouble: Trouble) -> Iterator[Page]:
    """A browser without JavaScript."""
    page = harness.new_page(place.browser, trouble, java_script_enabled=False)
    _sign_in(page.context, place)
    yield page
    page.context.close()
    trouble.seen[:] = [one for one in trouble.seen if not REFUSED.search(one)]


def test_without_javascript_what_was_typed_comes_back(plain: Page, place: Place) -> None:
    plain.goto(place.step("registry"))
    _expire(plain.context, place)
    plain.locator("[name=username]").fill("robot$plain")
    plain.locator("[name=project]").fill("not a project")
    plain.locator("[name=password]").first.fill(SECRET)
    harness.save(plain)
    expect(plain.get_by_role("heading", level=1, name="Sign in")).to_be_visible()
    assert SECRET not in plain.content()
    plain.get_by_label("Name", exact=True).fill("installer")
    plain.get_by_label("Password", exact=True).fill(PASSWORD)
    plain.get_by_role("button", name="Sign in").click()
    expect(plain).to_have_url(place.step("registry"))
    expect(plain.locator("[name=username]")).to_have_value("robot$plain")
    expect(plain.locator("[name=project]")).to_have_value("not a project")
    expect(plain.locator("#username-note")).to_contain_text("Not saved")
    plain.reload()
    expect(plain.locator("[name=username]")).not_to_have_value("robot$plain")


def test_without_javascript_an_old_token_loses_nothing(plain: Page, place: Place) -> None:
    plain.goto(place.step("registry"))
    _sign_out(plain.context, place)
    _sign_in(plain.context, place)
    plain.locator("[name=username]").fill("robot$renewed")
    harness.save(plain)
    expect(plain).to_have_url(place.step("registry"))
    expect(plain.locator("[name=username]")).to_have_value("robot$renewed")
    harness.save(plain)
    expect(plain.locator("#username-note .kept")).to_contain_text("installer")
