"""A field that holds something that was not saved: the page says so where it counts, and leaving asks."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Dialog, Locator, Page, expect

from tests.browser import harness
from tests.browser.harness import Place, Trouble
from tests.browser.ordinary import ordinary_chromium

pytestmark = [pytest.mark.browser, pytest.mark.program("chromium"), pytest.mark.program("redis-server")]


@pytest.fixture(scope="module")
def chrome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """With the caches that a person's browser has."""
    with ordinary_chromium(tmp_path_factory.mktemp("chromium")) as browser:
        expect.set_options(timeout=harness.PATIENCE)
        yield browser


@pytest.fixture(scope="module")
def base(here: Place, chrome: Browser) -> str:
    """An installation whose cluster is proven; the session of who made it."""
    page = harness.new_page(chrome, Trouble())
    harness.sign_in(page, here.link)
    found = harness.start_installation(page, "Contoso")
    for step in ("bundle", "cluster"):
        harness.answer_step(page, step, here.estate.answers())
    page.goto(f"{found}/steps/bundle/")
    expect(harness.next_action(page)).to_be_visible()
    page.context.storage_state(path=here.state.parent / "session.json")
    page.context.close()
    return found


@pytest.fixture(params=[390, 1440])
def page(request: pytest.FixtureRequest, base: str, here: Place, chrome: Browser, trouble: Trouble) -> Iterator[Page]:
    """The proven step of the bundle."""
    size = {"width": request.param, "height": 760}
    found = harness.new_page(chrome, trouble, viewport=size, storage_state=here.state.parent / "session.json")
    found.goto(f"{base}/steps/bundle/")
    expect(harness.next_action(found)).to_be_visible()
    yield found
    found.context.close()


@pytest.fixture
def asked(page: Page) -> list[str]:
    """What the browser asked; the person stays."""
    found: list[str] = []

    def stay(dialog: Dialog) -> None:
        found.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    return found


def _refused(page: Page) -> str:
    """Enters a folder that is not there; returns the one that is saved."""
    field = page.locator("[name=path]")
    before = field.input_value()
    field.fill("no folder")
    field.blur()
    expect(harness.note(page, "path").locator("[data-problem]")).to_be_visible()
    return before


def _overlap(one: Locator, other: Locator) -> bool:
    a, b = one.bounding_box(), other.bounding_box()
    assert a and b
    return (
        a["y"] < b["y"] + b["height"]
        and b["y"] < a["y"] + a["height"]
        and a["x"] < b["x"] + b["width"]
        and b["x"] < a["x"] + a["width"]
    )


def _box(locator: Locator, side: str) -> float:
    found = locator.bounding_box()
    assert found
    return float(found[side])  # type: ignore[literal-required]


def test_a_refused_value_is_called_not_saved_wherever_the_step_was_called_proven(page: Page) -> None:
    before = _refused(page)
    note = harness.note(page, "path")
    expect(note).to_contain_text("Not saved.")
    expect(note).to_contain_text(before)
    for place in (page.locator("#findings .panel-head"), page.locator("#rail [data-current]")):
        expect(place.get_by_text("not saved")).to_be_visible()
        verified = place.get_by_text("verified")
        assert verified.count()
        expect(verified).to_be_hidden()
    expect(page.locator("#unsaved").get_by_role("link", name="Bundle folder")).to_be_visible()


def test_going_on_stands_behind_the_error(page: Page) -> None:
    _refused(page)
    going_on, error = harness.next_action(page), page.locator("#unsaved")
    note = harness.note(page, "path")
    note.scroll_into_view_if_needed()
    assert not _overlap(going_on, note)
    assert _box(error, "y") < _box(going_on, "y")
    primary = page.locator("button.onward").evaluate("one => getComputedStyle(one).backgroundColor")
    assert going_on.evaluate("one => getComputedStyle(one).backgroundColor") != primary


def test_leaving_asks_once_and_a_saved_field_does_not_ask(page: Page, asked: list[str]) -> None:
    before = _refused(page)
    harness.next_action(page).click()
    expect(page.locator("[name=path]")).to_have_value("no folder")
    assert asked == ["beforeunload"]
    page.locator("[name=path]").fill(before)
    page.locator("[name=path]").blur()
    harness.saved(page, "path")
    expect(page.locator("#unsaved")).to_be_hidden()
    harness.next_action(page).click()
    expect(page).to_have_url(re.compile("/steps/cluster/$"))
    assert asked == ["beforeunload"]


def test_what_is_typed_and_taken_back_does_not_ask(page: Page, asked: list[str]) -> None:
    field = page.locator("[name=path]")
    field.focus()
    page.keyboard.press("End")
    page.keyboard.type("x")
    page.keyboard.press("Backspace")
    harness.next_action(page).click()
    expect(page).to_have_url(re.compile("/steps/cluster/$"))
    assert asked == []


def test_a_link_waits_for_the_save_that_its_click_began(page: Page, base: str, asked: list[str]) -> None:
    page.goto(f"{base}/steps/dns/")
    zone = f"w{page.viewport_size['width']}.example.com"  # type: ignore[index]
    page.locator("[name=zone]").click()
    page.locator("[name=zone]").press("ControlOrMeta+a")
    page.keyboard.type(zone)
    page.locator("#rail a").nth(4).click()
    expect(page).to_have_url(re.compile("/steps/registry/$"))
    assert asked == []
    page.goto(f"{base}/steps/dns/")
    expect(page.locator("[name=zone]")).to_have_value(zone)


def test_a_save_that_the_server_does_not_answer_is_called_not_saved(
    page: Page, base: str, trouble: Trouble, asked: list[str]
) -> None:
    page.goto(f"{base}/steps/dns/")
    zone = f"lost{page.viewport_size['width']}.example.com"  # type: ignore[index]
    page.route("**/*only=zone", lambda route: route.abort())
    page.locator("[name=zone]").fill(zone)
    page.locator("[name=zone]").blur()
    expect(harness.note(page, "zone")).to_contain_text("Not saved")
    expect(page.locator("#unsaved")).to_be_visible()
    page.locator("#rail a").first.click()
    expect(page.locator("[name=zone]")).to_have_value(zone)
    assert asked == ["beforeunload"]
    page.unroute("**/*only=zone")
    harness.save(page)
    expect(page.locator("#unsaved")).to_be_hidden()
    expect(page.locator("[name=zone]")).to_have_value(zone)
    trouble.seen[:] = [one for one in trouble.seen if not re.search(r"ERR_FAILED|htmx:|Request|\[object", one)]
