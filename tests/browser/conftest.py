"""One browser, one installer and one estate for each module of tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.harness import Place, Trouble, chromium, new_page, place


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    # Not longer than a module: while it is open, Django takes the whole thread for an event loop.
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with place(tmp_path_factory.mktemp("place")) as found:
        yield found


@pytest.fixture
def trouble() -> Iterator[Trouble]:
    """Every test ends without a server error, an exception or a word on the console."""
    found = Trouble()
    yield found
    assert found.seen == []


@pytest.fixture
def page(chrome: Browser, trouble: Trouble) -> Iterator[Page]:
    found = new_page(chrome, trouble)
    yield found
    found.context.close()
