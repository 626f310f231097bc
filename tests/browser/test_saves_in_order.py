"""Fields that save themselves: one after another, and never over what a person has typed meanwhile."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser import harness
from tests.browser.harness import Place, Trouble

pytestmark = [pytest.mark.browser, pytest.mark.program("chromium"), pytest.mark.program("redis-server")]


class Gate:
    """Holds the saves of single fields until it is opened."""

    def __init__(self, page: Page) -> None:
        self._waiting: list[Route] = []
        self._open = False
        page.route(re.compile("only="), lambda route: route.continue_() if self._open else self._waiting.append(route))

    @property
    def fields(self) -> list[str]:
        return [route.request.url.partition("only=")[2] for route in self._waiting]

    def open(self) -> None:
        self._open = True
        for route in self._waiting:
            route.continue_()


@pytest.fixture(scope="module")
def session(here: Place, chrome: Browser) -> Path:
    """Of somebody who has signed in."""
    page = harness.new_page(chrome, Trouble())
    harness.sign_in(page, here.link)
    found = here.state.parent / "session.json"
    page.context.storage_state(path=found)
    page.context.close()
    return found


@pytest.fixture
def page(session: Path, chrome: Browser, trouble: Trouble) -> Iterator[Page]:
    found = harness.new_page(chrome, trouble, storage_state=session)
    yield found
    found.context.close()


@pytest.fixture
def identity(here: Place, page: Page) -> str:
    """The step of the identity provider, with a client secret that is saved; its address."""
    page.goto(here.url)
    address = f"{harness.start_installation(page, secrets.token_hex(4))}/steps/identity/"
    page.goto(address)
    harness.fill(page, "client_secret", "the first")
    page.locator("[name=groups_claim]").focus()
    harness.saved(page, "client_secret")
    page.goto(address)
    return address


def _enter(page: Page, ca: str) -> None:
    """The authority, whose save takes the saved secret back, and a secret right after it."""
    harness.fill(page, "ca", ca)
    harness.fill(page, "client_secret", "the second")
    page.locator("[name=groups_claim]").focus()
    expect(page.locator("#client_secret-field[data-unsaved=saving]")).to_be_visible()


def test_a_secret_typed_while_its_destination_is_being_saved_is_kept(here: Place, page: Page, identity: str) -> None:
    gate = Gate(page)
    _enter(page, here.estate.ca.ca_pem)
    assert gate.fields == ["ca"]
    gate.open()
    harness.saved(page, "ca")
    expect(page.locator("#client_secret-field[data-unsaved]")).to_have_count(0)
    page.goto(identity)
    expect(page.locator("#client_secret-note .kept")).to_be_visible()


def test_a_form_is_sent_after_the_saves_that_are_on_their_way(here: Place, page: Page, identity: str) -> None:
    gate = Gate(page)
    _enter(page, here.estate.ca.ca_pem)
    page.locator("button.save").click()
    gate.open()
    expect(page.locator("#client_secret-note .kept")).to_be_visible()
    expect(page.locator("[data-unsaved]")).to_have_count(0)
    assert page.url == identity
