"""What stands where: nothing over what is to be read, nothing that moves, no color that means nothing."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import BrowserContext, Locator, Page, expect

from installer_tasks import saved_answers
from tests.browser.harness import chromium
from tests.browser.served import served
from tests.web.populated import ERROR
from tests.web.run_rows import a_run, an_installation

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.browser,
    pytest.mark.program("chromium"),
    pytest.mark.filterwarnings("ignore:Exception ignored in.*SpooledTemporaryFile"),
]


@pytest.fixture
def context(monkeypatch: pytest.MonkeyPatch) -> Iterator[BrowserContext]:
    """Somebody who is signed in."""
    client = Client()
    client.force_login(User.objects.create_superuser("alice"))
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    with chromium() as chrome, served() as port:
        base = f"http://127.0.0.1:{port}"
        found = chrome.new_context(base_url=base, viewport={"width": 1440, "height": 900}, locale="en-US")
        session = client.cookies[settings.SESSION_COOKIE_NAME].value
        found.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": base}])
        yield found
        found.close()
    gc.collect()


def _overlap(one: Locator, other: Locator) -> bool:
    a, b = one.bounding_box(), other.bounding_box()
    assert a and b
    return (
        a["y"] < b["y"] + b["height"]
        and b["y"] < a["y"] + a["height"]
        and a["x"] < b["x"] + b["width"]
        and b["x"] < a["x"] + a["width"]
    )


@pytest.mark.parametrize("width", [390, 1440])
def test_copy_stands_beside_the_text_not_over_it(context: BrowserContext, width: int) -> None:
    page = context.new_page()
    page.set_viewport_size({"width": width, "height": 900})
    made = saved_answers.create_installation("Acme")
    saved_answers.save_answers(made, {"dns.zone": "tmc.a-rather-long-name.example.com"})
    page.goto(f"/installations/{made.pk}/steps/identity/")
    for place in page.locator(".copyable:visible").all():
        button = place.get_by_role("button", name="Copy")
        expect(button).to_be_visible()
        assert not _overlap(button, place.locator("pre"))
    whole = page.locator(".copyable:visible pre").first
    assert "/provider/pinniped/callback" in whole.inner_text()


def _colors(page: Page, selector: str) -> set[str]:
    script = "all => all.filter(one => one.offsetParent).map(one => getComputedStyle(one).color)"
    return set(page.locator(selector).evaluate_all(script))


def test_fields_of_a_failure_are_as_calm_as_on_their_step(context: BrowserContext) -> None:
    run = a_run(an_installation(), "failed", at="push-images", error=ERROR)
    page = context.new_page()
    page.goto(f"/installations/{run.installation_id}/steps/registry/")
    usual = _colors(page, ".step-form .note .kept")
    page.goto(f"/installations/{run.installation_id}/run/")
    editors = page.locator("#run-editors")
    if editors.get_attribute("open") is None:
        editors.locator("> summary").click()
    assert _colors(page, "#run-editors .note .kept") == usual
    labels = page.locator("#run-editors .field-head > :first-child")
    lefts = {round(box["x"]) for one in labels.all() if (box := one.bounding_box())}
    assert len(lefts) == 1
