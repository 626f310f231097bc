"""A person at a browser: Debian's Chromium, the installer as `make run` starts it, and the practice estate."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    FilePayload,
    Locator,
    Page,
    Response,
    expect,
    sync_playwright,
)
from playwright.sync_api import Error as PlaywrightError

from installer_tasks.answer_keys import STEPS
from installer_tasks.local import state_folder
from installer_tasks.rehearsal.board import Board
from installer_tasks.rehearsal.bundle import SMALL, Scale
from installer_tasks.rehearsal.controllers import Pace
from installer_tasks.rehearsal.estate import Estate
from tests import waiting
from tests.contract.up_process import QUICK_PASSWORDS, Up

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PASSWORD = "correct horse battery staple"
#: Checks wait for a worker on two busy cores. In milliseconds, as Playwright counts.
PATIENCE = waiting.PATIENCE * 1000
#: What a refused form is answered with; Chromium writes such answers to its console.
REFUSED = re.compile(r"status of (413|422)")


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS, headless=True)
        expect.set_options(timeout=PATIENCE)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Place:
    """The installer and the estate of one test."""

    up: Up
    url: str
    link: str
    estate: Estate
    state: Path


@contextmanager
def place(folder: Path, *, pace: Pace = Pace.QUICK, scale: Scale = SMALL, rate: int | None = None) -> Iterator[Place]:
    up = Up(folder / "state", **QUICK_PASSWORDS)
    try:
        with Estate(folder / "estate", pace=pace, scale=scale, registry_rate=rate) as estate:
            url = up.ready()
            link = up.says(r"(http://\S+/sign-in/\S+)")[1]
            yield Place(up, url, link, estate, folder / "state")
    finally:
        up.close()


@contextmanager
def practising(place: Place) -> Iterator[None]:
    """The estate is on the installer's notice board, as `make rehearse ARGS=--hold` puts it there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(state_folder.VARIABLE, str(place.state))
        with Board(place.estate):
            yield


@dataclass
class Trouble:
    """What no page may do, whatever a person does: a server error, an exception, a word on the console."""

    seen: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.seen.append(f"exception: {error}"))
        page.on("response", self._response)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not REFUSED.search(message.text):
            self.seen.append(f"console: {message.text} ({message.location.get('url')})")

    def _response(self, response: Response) -> None:
        if response.status >= 500:
            self.seen.append(f"{response.status} of {response.url}")


def new_page(browser: Browser, trouble: Trouble, **options: Any) -> Page:
    """A page of a browser of its own."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, "locale": "en-US", **options})
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    trouble.watch(page)
    return page


def same_person(context: BrowserContext, trouble: Trouble, **options: Any) -> Page:
    """A page of another browser in which the same person is signed in."""
    assert context.browser is not None
    return new_page(context.browser, trouble, storage_state=context.storage_state(), **options)


def sign_in(page: Page, link: str) -> None:
    """By the printed link; chooses a password on the first visit."""
    page.goto(link)
    button = page.get_by_role("button", name="Sign in with this link")
    expect(button).to_be_visible()
    if page.get_by_label("Code of the link").is_visible():  # without JavaScript
        page.get_by_label("Code of the link").fill(link)
    page.bring_to_front()  # Chromium draws nothing behind another tab, and what is not drawn is never stable
    button.click()
    expect(page.get_by_role("heading", level=1, name=re.compile("Choose a name|Installations"))).to_be_visible()
    if page.get_by_role("button", name="Save and continue").count():
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Save and continue").click()
    expect(page.get_by_role("heading", level=1, name="Installations")).to_be_visible()


def start_installation(page: Page, name: str) -> str:
    """From the list; returns the address that all its pages begin with."""
    page.get_by_label("Name of the installation").fill(name)
    page.get_by_role("button", name="Start an installation").click()
    expect(page).to_have_url(re.compile("/steps/bundle/$"))
    return page.url.partition("/steps/")[0]


def fill_step(page: Page, step: str, answers: Mapping[str, str]) -> None:
    """Every field of the step's form that these answers name, by the field's own name."""
    for key, value in answers.items():
        if key.startswith(f"{step}."):
            fill(page, key.partition(".")[2], value)


def fill(page: Page, name: str, value: str) -> None:
    """Whatever kind of field it is: a choice or a text."""
    # With focus in it nothing is exchanged under it any more; an exchange that was on its way already ends first.
    page.locator(f'form [name="{name}"]').first.focus()
    if page.locator(f'input[type=radio][name="{name}"]').count():
        _choose(page, name, value)
        return
    try:
        page.locator(f'form [name="{name}"]').fill(value)
    except PlaywrightError:
        _choose(page, name, value)


def _choose(page: Page, name: str, value: str) -> None:
    exact = page.locator(f'input[type=radio][name="{name}"][value="{value}"]')
    if exact.count():
        exact.check()
    else:
        page.locator(f'[name="{name}_other"]').fill(value)


def upload(page: Page, name: str, content: str, file_name: str) -> None:
    file: FilePayload = {"name": file_name, "mimeType": "application/octet-stream", "buffer": content.encode()}
    page.locator(f'[name="{name}_file"]').set_input_files(file)


def note(page: Page, name: str) -> Locator:
    """What stands below a field: that it is saved, or what is wrong with it."""
    return page.locator(f"#{name}-note")


def saved(page: Page, name: str) -> None:
    expect(note(page, name).locator("[data-saved]")).to_be_visible()


def save(page: Page) -> None:
    """The page that answers is there: what the one before had found is not what is found of what is saved."""
    page.evaluate("document.documentElement.dataset.left = ''")
    page.locator("button.save").click()
    expect(page.locator("html:not([data-left])")).to_be_visible()


def next_action(page: Page) -> Locator:
    """Offered once the step is proven."""
    return page.locator(".next-action a")


def go_on(page: Page) -> None:
    """To the next step, once this one is proven; what keeps it from that is said."""
    failed = page.locator("html:not([data-left]) #findings .finding.tone-bad")
    expect(next_action(page).or_(failed).first).to_be_visible()
    assert not failed.count(), "\n\n".join(failed.all_inner_texts())
    next_action(page).click()


def look_at_fix(page: Page, step: str, answers: Mapping[str, str]) -> None:
    "The step returned without its system's authority, and the page that offers to fetch it."
    fill_step(page, step, {**answers, f"{step}.ca": ""})
    save(page)
    page.get_by_role("link", name="Get its CA certificate").click()
    expect(page.get_by_role("heading", level=1, name="Get its CA certificate")).to_be_visible()


def answer_step(page: Page, step: str, answers: Mapping[str, str]) -> None:
    """Fill the step, have it proven, and go on to the next."""
    expect(page).to_have_url(re.compile(f"/steps/{step}/$"))
    fill_step(page, step, answers)
    save(page)
    go_on(page)


def answer_all(page: Page, answers: Mapping[str, str]) -> None:
    """From the first step to the review."""
    for step in STEPS:
        answer_step(page, step, answers)
    expect(page).to_have_url(re.compile("/review/$"))


def install(page: Page) -> None:
    page.get_by_role("button", name=re.compile("^Install")).click()
    expect(page).to_have_url(re.compile("/run/$"))


def run_state(page: Page) -> str:
    return str(page.locator(".run").get_attribute("data-state"))


def expect_run(page: Page, state: str) -> None:
    expect(page.locator(".run")).to_have_attribute("data-state", state)


def log_numbers(page: Page) -> list[int]:
    """The numbers of the lines that the page's log shows."""
    found: list[int] = page.locator("#log-lines li").evaluate_all("all => all.map(one => Number(one.dataset.seq))")
    return found


def expect_done(page: Page, estate: Estate) -> None:
    """From the finished run to the page that proves it."""
    page.get_by_role("link", name="Acceptance checks and next steps").click()
    expect(page.get_by_role("heading", level=1, name="Installation complete")).to_be_visible()
    expect(page.get_by_role("link", name=f"https://{estate.zone}")).to_be_visible()
    assert page.locator(".run-proofs li").count() >= len(estate.release.public_names(estate.zone))
    wrong = page.locator(".run-proofs li.tone-bad").all_inner_texts()
    assert not wrong, "\n\n".join(wrong)
    warnings = page.locator(".run-proofs li.tone-warn").all_inner_texts()
    expected = _known_warnings(estate)
    assert len(warnings) == len(expected), "\n\n".join(warnings)
    assert all(words in said for words, said in zip(expected, warnings, strict=True)), "\n\n".join(warnings)


def _known_warnings(estate: Estate) -> list[str]:
    """What the release itself does not do right, and nothing else."""
    landing = estate.release.endpoints.landing
    certificate = estate.release.certificate_of(landing)
    internal = certificate is not None and certificate.internal
    return [f"Browsers do not trust {landing}.{estate.zone}."] if internal else []
