"""A cold page is light, and waits for one style sheet and htmx before it paints."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page

from tests.browser import harness, weights
from tests.browser.harness import Place

pytestmark = [pytest.mark.browser, pytest.mark.program("chromium"), pytest.mark.program("redis-server")]


def test_cold_pages_are_light(here: Place, chrome: Browser, page: Page) -> None:
    harness.sign_in(page, here.link)
    base = harness.start_installation(page, "Contoso")
    for found in weights.measure(chrome, here.url, base, page.context.storage_state()):
        assert found.requests > 2, found
        assert found.transferred <= weights.LIMIT, found
        assert len(found.blocking) <= 2, found
        assert sum(name.endswith(".css") for name in found.blocking) == 1, found
