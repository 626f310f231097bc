"""A person at a browser: Debian's Chromium, the installer as `make run` starts it, and the practice estate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect, sync_playwright

from installer_tasks.answers import STEPS
from installer_tasks.rehearsal.controllers import Pace
from installer_tasks.rehearsal.estate import Estate
from tests.contract.up_process import Up

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
#: Checks wait for a worker on two busy cores.
PATIENCE = 60_000


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS, headless=True)
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
def place(folder: Path, *, pace: Pace = Pace.QUICK, rate: int | None = None, **env: str) -> Iterator[Place]:
    up = Up(folder / "state", **env)
    try:
        url = up.ready()
        link = up.says(r"(http://\S+/sign-in/\S+)")[1]
        with Estate(folder / "estate", pace=pace, registry_rate=rate) as estate:
            yield Place(up, url, link, estate, folder / "state")
    finally:
        up.close()


def sign_in(page: Page, link: str) -> None:
    """By the printed link; chooses a password on the first visit."""
    page.goto(link)
    page.get_by_role("main").get_by_role("button").click()
    if page.get_by_label("The same password again").count():
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_label("The same password again").fill(PASSWORD)
        page.get_by_role("main").get_by_role("button").click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def fill_step(page: Page, step: str, answers: Mapping[str, str]) -> None:
    """Every field of the step's form that these answers name, by the field's own name."""
    for key, value in answers.items():
        if key.startswith(f"{step}."):
            fill(page, key.partition(".")[2], value)


def fill(page: Page, name: str, value: str) -> None:
    """Whatever kind of field it is: a choice, a list, or a text."""
    chosen = page.locator(f'input[type=radio][name="{name}"]')
    if chosen.count():
        return _choose(page, name, value)
    field = page.locator(f'form [name="{name}"]').first
    if field.evaluate("element => element.tagName") == "SELECT":
        field.select_option(value)
        return None
    field.fill(value)
    return None


def _choose(page: Page, name: str, value: str) -> None:
    exact = page.locator(f'input[type=radio][name="{name}"][value="{value}"]')
    if exact.count():
        exact.check()
        return
    page.locator(f'input[type=radio][name="{name}"][value="__other__"]').check()
    page.locator(f'[name="{name}_other"]').fill(value)


def states(page: Page) -> dict[str, Any]:
    """The state of every step as the list of steps tells it."""
    found = page.locator("[data-step]").evaluate_all("all => all.map(one => [one.dataset.step, one.dataset.state])")
    return {step: state for step, state in found if step in STEPS}
