"""That contrast is looked at once for each kind of text loses nothing: beside axe-core on everything."""

from __future__ import annotations

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser

from tests.browser.axe import TEXTS, violations

pytestmark = [pytest.mark.browser, pytest.mark.program("chromium")]

GOOD = "<p class=said>readable words</p>"
PAGE = """<!doctype html><html lang=en><title>Colours</title>
<style>body {{ background: #fff; color: #000; }} .cover {{ position: absolute; inset: 0 auto auto 0; width: 300px; height: 300px;
background: #111; z-index: -1; }} .low {{ position: relative; top: -40px; background: #111; }}</style>
<main><h1>Colours</h1>{body}</main>"""
BAD = {
    "nothing": "",
    "its own colour": "<p class=said style='color: #bbb'>pale words</p>",
    "the background of an ancestor": f"<div style='background: #222'>{GOOD}</div>",
    "an opacity": f"<div style='opacity: .3'>{GOOD}</div>",
    "a size": "<p class=said style='color: #888; font-size: 30px'>large</p><p class=said style='color: #888; font-size: 12px'>small words</p>",
    "what lies below it": "<div class=cover></div>",
    "what is shifted": f"<div class=low>{GOOD}</div>",
    "a button beside a disabled one": "<button disabled style='color:#ccc; background:#fff'>one way</button>"
    "<button style='color:#ccc; background:#fff'>other way</button>",
    "a label beside that of a disabled field": "<label style='color:#ccc'>one way<input disabled></label>"
    "<label style='color:#ccc'>other way<input></label>",
    "a label beside that of a disabled group": "<fieldset disabled><legend>Group</legend><label style='color:#ccc'>one way<input></label>"
    "</fieldset><fieldset><legend>Group</legend><label style='color:#ccc'>other way<input></label></fieldset>",
    "a name beside that of something disabled": "<p id=off style='color:#ccc'>one way</p><input disabled aria-labelledby=off>"
    "<p id=on style='color:#ccc'>other way</p><input aria-labelledby=on>",
    "words beside a name of something disabled": "<p id=off style='color:#ccc'>one way</p><input disabled aria-labelledby=off>"
    "<p style='color:#ccc'>other way</p>",
    "what is in a group that is called disabled": "<div role=group aria-disabled=true><p style='color:#ccc'>one way</p></div>"
    "<div role=group><p style='color:#ccc'>other way</p></div>",
    "words beside a sign": "<p class=said style='color:#ccc'>·</p><p class=said style='color:#ccc'>words</p>",
    "shown beside hidden": "<p class=said hidden style='color:#ccc'>words</p><p class=said style='color:#ccc'>words</p>",
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
def test_it_finds_what_axe_finds_on_everything(chrome: Browser, what: str) -> None:
    page = chrome.new_page()
    page.set_content(PAGE.format(body=GOOD * 5 + BAD[what] + GOOD))
    found = {one.partition(":")[0] for one in violations(page)}
    page.evaluate(AXE_SCRIPT)
    all_of_them = page.evaluate("axe.run().then(found => found.violations.map(one => one.id))")
    page.close()
    assert found == set(all_of_them)
    assert ("color-contrast" in found) is (what != "nothing")


def test_texts_that_look_the_same_are_one(chrome: Browser) -> None:
    page = chrome.new_page()
    page.set_content(PAGE.format(body=GOOD * 50))
    assert page.evaluate(f"({TEXTS})().length") == 2
    page.close()
