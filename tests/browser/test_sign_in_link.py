"""A sign-in link in a browser: its code leaves the address before anybody sees it, and reaches the server once."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, Request, expect

from tests.browser import harness
from tests.browser.harness import Place, Trouble

pytestmark = [pytest.mark.browser, pytest.mark.program("chromium"), pytest.mark.program("redis-server")]


def test_the_code_is_in_no_address_no_history_and_no_referer(here: Place, chrome: Browser, trouble: Trouble) -> None:
    page = harness.new_page(chrome, trouble)
    code = here.link.rpartition("#")[2]
    sent: list[Request] = []
    page.on("request", lambda request: sent.append(request))  # noqa: PLW0108 - a built-in method cannot be a listener
    page.goto(here.link)
    expect(page.get_by_label("Code of the link")).to_be_hidden()
    button = page.get_by_role("button", name="Sign in with this link")
    expect(button).to_be_focused()
    assert page.url == here.link.partition("#")[0]
    button.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Choose a name and a password")
    assert code not in page.url
    with_code = [request for request in sent if code in f"{request.url}{request.headers}{request.post_data}"]
    assert [(request.method, code in request.url, code in str(request.headers)) for request in with_code] == [
        ("POST", False, False)
    ]
    assert history(page, code) == []
    page.context.close()


def history(page: Page, code: str) -> list[str]:
    """Addresses with the code that the browser would go back to."""
    session = page.context.new_cdp_session(page)
    entries = session.send("Page.getNavigationHistory")["entries"]
    return [entry["url"] for entry in entries if code in entry["url"]]


def test_a_link_that_is_opened_on_its_own_page_is_taken_too(here: Place, chrome: Browser, trouble: Trouble) -> None:
    """A browser does not load a page again whose address differs only behind the `#`."""
    page = harness.new_page(chrome, trouble)
    page.goto(here.link.partition("#")[0])
    expect(page.get_by_label("Code of the link")).to_be_visible()
    page.goto(here.link)
    expect(page.get_by_label("Code of the link")).to_be_hidden()
    page.context.close()
