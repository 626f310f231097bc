"""A person rehearses their sign-in in Chromium, at a provider that is not the estate's: right groups and wrong ones."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import harness
from tests.browser.harness import Place, Trouble
from tests.contract.kept_provider import PASSWORD, Kept, kept_provider

pytestmark = [pytest.mark.browser, pytest.mark.program("chromium"), pytest.mark.program("redis-server")]

SECRET = "canary-kept-client-secret-of-forty-signs"
PERSON = {"email_verified": True, "given_name": "First", "family_name": "Last"}
PEOPLE: dict[str, dict[str, Any]] = {
    "ada": PERSON | {"email": "ada@kept.example", "groups": ["staff", "tmc:admin"]},
    "mo": PERSON | {"email": "mo@kept.example", "groups": ["tmc:member"]},
    "paula": PERSON | {"email": "paula@kept.example", "groups": ["/tmc:admin"]},
    "carl": PERSON | {"email": "carl@kept.example", "groups": ["TMC:Admin"]},
    "nia": PERSON | {"email": "nia@kept.example"},
    "una": PERSON | {"email": "una@kept.example", "email_verified": False, "groups": ["tmc:admin"]},
}


@pytest.fixture(scope="module")
def kept(here: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    folder: Path = tmp_path_factory.mktemp("kept")
    files = here.estate.ca.issue_files(folder, "kept", ["localhost"])
    client = {"client_id": "tmc-sm", "client_secret": SECRET, "redirect_uris": []}
    with kept_provider(folder, files, client, PEOPLE) as found:
        yield found


@pytest.fixture(scope="module")
def base(here: Place, kept: Kept, chrome: Browser) -> str:
    """An installation whose provider is the kept one; the rehearsal's redirect URI is registered as its page says."""
    page = harness.new_page(chrome, Trouble())
    harness.sign_in(page, here.link)
    found = harness.start_installation(page, "Contoso")
    page.goto(f"{found}/steps/identity/")
    answers = {"issuer_url": kept.issuer, "ca": here.estate.ca.ca_pem, "client_id": "tmc-sm", "client_secret": SECRET}
    answers["scopes"] = "openid,email,profile"
    harness.fill_step(page, "identity", {f"identity.{key}": value for key, value in answers.items()})
    harness.save(page)
    page.get_by_role("link", name="Rehearse a sign-in").click()
    kept.register("tmc-sm", page.locator(".copyable code").first.inner_text())
    page.context.storage_state(path=here.state.parent / "session.json")
    page.context.close()
    return found


@pytest.fixture
def page(base: str, here: Place, chrome: Browser, trouble: Trouble) -> Iterator[Page]:
    session = here.state.parent / "session.json"
    # The browser of this test does not know the practice authority; the installer does, and verifies.
    found = harness.new_page(chrome, trouble, storage_state=session, ignore_https_errors=True)
    found.goto(f"{base}/sign-in-rehearsal/")
    yield found
    found.context.close()


def rehearse(page: Page, name: str) -> None:
    page.get_by_role("link", name="Sign in at the provider").click()
    expect(page.get_by_role("heading", name="Kept provider")).to_be_visible()
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.locator("#outcome")).to_be_visible()


@pytest.mark.parametrize(
    ("name", "sentence", "groups"),
    [
        ("ada", "would get the administrator role", "staff\ntmc:admin"),
        ("mo", "would get the member role", "tmc:member"),
    ],
)
def test_right_groups(page: Page, name: str, sentence: str, groups: str) -> None:
    rehearse(page, name)
    expect(page.locator("#outcome")).to_have_attribute("data-tone", "good")
    expect(page.locator("#outcome .callout")).to_contain_text(f"{name}@kept.example {sentence}")
    assert page.locator("#outcome .copyable code").inner_text() == groups
    expect(page.locator("#outcome .tone-bad")).to_have_count(0)
    assert re.search(r"/sign-in-rehearsal/$", page.url), "the code stays in no address"


@pytest.mark.parametrize(
    ("name", "sentence", "reason"),
    [
        ("paula", "would get no role", "It is a path"),
        ("carl", "would get no role", "only in case"),
        ("nia", "would get no role", "The token does not contain this claim"),
        ("una", "has a role, but could not sign in", "not verified"),
    ],
)
def test_wrong_groups_and_addresses(page: Page, name: str, sentence: str, reason: str) -> None:
    rehearse(page, name)
    expect(page.locator("#outcome")).to_have_attribute("data-tone", "bad")
    expect(page.locator("#outcome .callout")).to_contain_text(sentence)
    expect(page.locator("#outcome .finding.tone-bad")).to_contain_text(reason)
    expect(page.locator("#outcome .finding.tone-bad .remedy")).to_be_visible()
