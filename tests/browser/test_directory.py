"""The identity page where people sign in with a directory: what is asked follows from the choice, and it is proven."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import harness
from tests.browser.axe import violations
from tests.browser.harness import Place, Trouble

pytestmark = [pytest.mark.browser, pytest.mark.program("chromium"), pytest.mark.program("redis-server")]


def choose(page: Page, name: str, value: str) -> None:
    page.locator(f'input[type=radio][name="{name}"][value="{value}"]').check()


def asked(page: Page) -> set[str]:
    """Of the two kinds, by one field of each."""
    return {name for name in ("issuer_url", "ldap_host") if page.locator(f"#{name}-field").is_visible()}


def test_what_is_asked_follows_from_the_choice_and_is_proven(
    here: Place, page: Page, chrome: Browser, trouble: Trouble
) -> None:
    harness.sign_in(page, here.link)
    base = harness.start_installation(page, "Contoso")
    page.goto(f"{base}/steps/identity/")
    assert asked(page) == {"issuer_url"}
    expect(page.get_by_text("Redirect URI:")).to_be_visible()
    choose(page, "kind", "ldap")
    assert asked(page) == {"ldap_host"}
    expect(page.get_by_text("Redirect URI:")).to_be_hidden()
    expect(page.get_by_text("LDAPS (636), from the pods")).to_be_visible()
    harness.saved(page, "kind")
    choose(page, "ldap_type", "ldap")
    expect(page.locator("#ldap_user_filter")).to_have_value("(&(objectClass=inetOrgPerson)(uid={}))")
    harness.fill_step(page, "identity", here.estate.directory_answers())
    expect(page.locator("#ldap_user_filter")).to_have_value("(&(objectClass=person)(sAMAccountName={}))")
    harness.save(page)
    expect(harness.next_action(page)).to_be_visible()
    assert not violations(page)
    page.get_by_role("link", name="Rehearse a sign-in").click()
    expect(page.get_by_text("ada would sign in as an administrator.")).to_be_visible()
    expect(page.get_by_text("tmc:admin")).to_be_visible()
    assert not violations(page)
    kept: Any = page.context.storage_state()
    _without_javascript(harness.new_page(chrome, trouble, java_script_enabled=False, storage_state=kept), base, here)


def _without_javascript(page: Page, base: str, here: Place) -> None:
    """The same person in another browser. Sent are the filters that the page showed, of the other kind of directory."""
    page.goto(f"{base}/steps/identity/")
    assert asked(page) == {"ldap_host"}
    choose(page, "kind", "federated")
    assert asked(page) == {"issuer_url"}
    choose(page, "kind", "ldap")
    choose(page, "ldap_type", "ldap")
    harness.fill(page, "ldap_host", here.estate.directory.host)
    harness.save(page)
    expect(page.locator("#ldap_user_filter")).to_have_value("(&(objectClass=inetOrgPerson)(uid={}))")
    assert asked(page) == {"ldap_host"}
    page.context.close()
