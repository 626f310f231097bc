"""`make shots`: one guided installation, photographed on every page and state, for README and guide and for our own eyes.

`docs/shots/` gets each page once at 1440 px and, as `-390-dark`, narrow and dark. `build/shots/` gets the whole matrix of
widths, themes and languages with a contact sheet; it is not committed.
"""

from __future__ import annotations

import html
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from installer_tasks.answers import STEPS
from installer_tasks.rehearsal.bundle import FULL
from installer_tasks.rehearsal.controllers import Pace
from tests.browser import harness
from tests.browser.harness import Place, Trouble

pytestmark = [pytest.mark.browser, pytest.mark.program("chromium"), pytest.mark.program("redis-server")]

ROOT = Path(__file__).resolve().parent.parent.parent
KEPT, SHEET = ROOT / "docs" / "shots", ROOT / "build" / "shots"
HEIGHT = 900
MATRIX = [
    (width, scheme, language)
    for width in (390, 1024, 1440)
    for scheme in ("light", "dark")
    for language in ("en", "zh-CN")
]


class Camera:
    """Takes every page in the whole matrix; two of the pictures are kept in the repository."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.taken: list[str] = []
        self.views = [self._view(*each) for each in MATRIX]

    def _view(self, width: int, scheme: str, language: str) -> tuple[str, Page]:
        trouble = Trouble()
        view = harness.same_person(
            self.page.context,
            trouble,
            viewport={"width": width, "height": HEIGHT},
            color_scheme=scheme,
            locale=language,
            reduced_motion="reduce",
        )
        return f"{width}-{scheme}-{language[:2]}", view

    def page_of(self, name: str, address: str) -> None:
        """The page behind an address, in the whole matrix."""
        for kind, view in self.views:
            view.goto(address)
            expect(view.get_by_role("heading", level=1)).to_be_visible()
            self._take(name, kind, view)

    def now(self, name: str) -> None:
        """What the person sees at this moment, before it has gone by."""
        self._take(name, "1440-light-en", self.page)

    def _take(self, name: str, kind: str, view: Page) -> None:
        file = SHEET / f"{name}-{kind}.png"
        view.screenshot(path=file)
        self.taken.append(file.name)
        if kind in ("1440-light-en", "390-dark-en"):
            suffix = "-390-dark" if kind.startswith("390") else ""
            shutil.copy(file, KEPT / f"{name}{suffix}.png")


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    with harness.chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def here() -> Iterator[Place]:
    folder = Path("/tmp/contoso")  # a short name: it is in the pictures
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    # Slow enough for pictures of a push and of packages under way.
    with harness.place(folder, pace=Pace.QUICK, scale=FULL, rate=6_000_000) as found:
        yield found
    shutil.rmtree(folder, ignore_errors=True)


def test_every_page_is_photographed(here: Place, chrome: Browser) -> None:
    for folder in (KEPT, SHEET):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    page = harness.new_page(chrome, Trouble(), viewport={"width": 1440, "height": HEIGHT}, reduced_motion="reduce")
    page.goto(here.link)
    page.screenshot(path=KEPT / "01-sign-in-link.png")
    harness.sign_in(page, here.link)
    camera = Camera(page)
    camera.page_of("02-no-installation", here.url)
    base = harness.start_installation(page, "Contoso, Frankfurt")
    answers = here.estate.answers()
    _steps(page, camera, base, answers)
    _run(page, camera, base)
    _contact_sheet(camera.taken)


def _steps(page: Page, camera: Camera, base: str, answers: dict[str, str]) -> None:
    camera.page_of("03-step-empty", f"{base}/steps/bundle/")
    for number, step in enumerate(STEPS, start=1):
        page.goto(f"{base}/steps/{step}/")
        if step == "registry":
            _a_failure(page, camera, base, answers)
        harness.fill_step(page, step, answers)
        harness.save(page)
        expect(harness.next_action(page)).to_be_visible()
        camera.page_of(f"1{number}-{step}", f"{base}/steps/{step}/")
    camera.page_of("20-review", f"{base}/review/")


def _a_failure(page: Page, camera: Camera, base: str, answers: dict[str, str]) -> None:
    """What a wrong password looks like."""
    harness.fill_step(page, "registry", {**answers, "registry.password": "not-the-password"})
    harness.save(page)
    expect(page.locator("#findings .finding.tone-bad").first).to_be_visible()
    camera.page_of("15-registry-refused", f"{base}/steps/registry/")


def _run(page: Page, camera: Camera, base: str) -> None:
    page.goto(f"{base}/review/")
    harness.install(page)
    expect(page.locator(".run-push")).to_be_visible()
    camera.now("21-run-push")
    expect(page.locator(".run-packages")).to_be_visible()
    camera.now("22-run-packages")
    harness.expect_run(page, "succeeded")
    camera.page_of("23-run-done", f"{base}/run/")
    camera.page_of("24-done", f"{base}/done/")
    camera.page_of("25-installations", base.partition("/installations")[0])
    camera.page_of("26-not-found", f"{base}/nothing-here/")


def _contact_sheet(names: list[str]) -> None:
    figures = "".join(
        f'<figure><img src="{html.escape(name)}" loading="lazy" width="320"><figcaption>{html.escape(name)}</figcaption></figure>'
        for name in names
    )
    style = "body{font:14px sans-serif;display:flex;flex-wrap:wrap;gap:16px}figure{margin:0}"
    (SHEET / "index.html").write_text(f"<!doctype html><title>Shots</title><style>{style}</style>{figures}")
