"""A rehearsal and the real installer beside it, on two ports of one host: cookies know no port."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser import harness
from tests.browser.harness import Trouble
from tests.browser.ordinary import ordinary_chromium
from tests.contract.up_process import Up

pytestmark = [pytest.mark.browser, pytest.mark.program("chromium"), pytest.mark.program("redis-server")]


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[tuple[str, str]]]:
    """The address and the one-time link of each."""
    with ExitStack() as stack:
        ups = [Up(tmp_path_factory.mktemp(name) / "state", "--workers", "1") for name in ("rehearsal", "real")]
        for up in ups:
            stack.callback(up.close)
        yield [(up.ready(), up.says(r"(http://\S+/sign-in/\S+)")[1]) for up in ups]


@pytest.fixture
def context(tmp_path: Path) -> Iterator[BrowserContext]:
    with ordinary_chromium(tmp_path) as browser:
        found = browser.contexts[0]
        found.set_default_timeout(harness.PATIENCE)
        expect.set_options(timeout=harness.PATIENCE)
        yield found


def test_both_keep_their_session_language_and_theme(
    addresses: list[tuple[str, str]], context: BrowserContext, trouble: Trouble
) -> None:
    pages = [context.new_page(), context.new_page()]
    for page, (_url, link) in zip(pages, addresses, strict=True):
        trouble.watch(page)
        page.bring_to_front()  # one behind another is never drawn, so nobody could click in it
        harness.sign_in(page, link)
    rehearsal, real = pages
    _choose(rehearsal, "Dark")
    _choose(real, "简体中文")

    for page, (url, _link) in zip(pages, addresses, strict=True):
        page.goto(url)
        expect(page).to_have_url(f"{url}/")
        assert _html(page, "data-instance")
    assert (_html(rehearsal, "lang"), _html(rehearsal, "data-theme")) == ("en", "dark")
    assert (_html(real, "lang"), _html(real, "data-theme")) == ("zh-hans", "system")
    assert _html(rehearsal, "data-instance") != _html(real, "data-instance")
    rehearsal.bring_to_front()
    harness.start_installation(rehearsal, "Contoso")  # with the token of its own cookie
    assert _cookies_in_common(context) == set()


def _choose(page: Page, name: str) -> None:
    page.bring_to_front()
    page.locator(".menu summary").click()
    page.get_by_role("button", name=name, exact=True).click()
    expect(page.get_by_role("heading", level=1, name=re.compile("Installations|安装"))).to_be_visible()


def _html(page: Page, attribute: str) -> str | None:
    return page.locator("html").get_attribute(attribute)


def _cookies_in_common(context: BrowserContext) -> set[str]:
    """Cookies without the mark of an installer in their names, which all on the host would share."""
    return {str(one["name"]) for one in context.cookies() if not re.search("-[0-9a-f]{10}$", str(one["name"]))}
