"""Pictures of a page in every width, theme and language, and what a program can see that is not as it should be."""

from __future__ import annotations

import html
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, StorageState, expect

from tests.browser import harness
from tests.browser.axe import violations
from tests.browser.harness import Trouble

ROOT = Path(__file__).resolve().parent.parent.parent
KEPT, SHEET = ROOT / "docs" / "shots", ROOT / "build" / "shots"
HEIGHT = 900
WIDTHS = (390, 1024, 1440)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
LANGUAGES = ("en", "zh-CN")
#: The pages that the repository keeps narrow and dark, and in Chinese, too; of the others it keeps one picture.
SHOWN_ALSO = ("15-registry-refused", "20-review", "21-run-push", "24-done")
#: Whatever sticks out of the page, and every label that does not fit into its box.
UNFIT = """() => [...document.querySelectorAll("body *")].filter(one => {
  const box = one.getBoundingClientRect();
  const isClipped = node => node && (getComputedStyle(node).clipPath !== "none" || isClipped(node.parentElement));
  if (!box.width || one.closest("pre, textarea, .scroll-x, svg") || isClipped(one)) return false;
  const cut = one.matches(".button, .state, h1, h2, h3, label, summary") && one.scrollWidth > one.clientWidth + 1
    && getComputedStyle(one).display !== "inline";
  return box.right > document.documentElement.clientWidth + 1 || cut;
}).map(one => `${one.tagName} ${one.className} ${one.textContent.trim().slice(0, 60)}`)"""


def empty_folders() -> None:
    for folder in (KEPT, SHEET):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)


@dataclass
class Roll:
    """What all cameras took, and what they did not like."""

    taken: list[str] = field(default_factory=list)
    unfit: list[str] = field(default_factory=list)
    trouble: Trouble = field(default_factory=Trouble)

    def take(self, name: str, kind: str, view: Page) -> None:
        self.unfit += [f"{name}-{kind}: {found}" for found in violations(view)]
        self.unfit += [f"{name}-{kind}: {what}" for what in view.evaluate(UNFIT)]
        view.screenshot(path=SHEET / f"{name}-{kind}.png", full_page=True)
        self.taken.append(f"{name}-{kind}.png")
        if kind == "1440-light-en":
            view.screenshot(path=KEPT / f"{name}.png")
        elif name in SHOWN_ALSO and kind in ("390-dark-en", "1440-light-zh"):
            view.screenshot(path=KEPT / f"{name}-{'390-dark' if kind.startswith('390') else 'zh'}.png")

    def contact_sheet(self) -> None:
        figures = "".join(
            f'<figure><a href="{name}"><img src="{name}" loading="lazy" width="320" alt=""></a><figcaption>{name}</figcaption></figure>'
            for name in map(html.escape, self.taken)
        )
        style = "body{font:14px sans-serif;display:flex;flex-wrap:wrap;gap:16px;align-items:start}figure{margin:0}"
        page = f'<!doctype html><html lang="en"><title>Shots</title><style>{style}</style>{figures}</html>'
        (SHEET / "index.html").write_text(page)


class Camera:
    """The browsers of one person, or of nobody: one for each width, theme and language."""

    def __init__(self, browser: Browser, roll: Roll, session: StorageState | None = None) -> None:
        self.roll = roll
        self.views = [
            (f"{width}-{scheme}-{language[:2]}", self._view(browser, session, width, scheme, language))
            for width in WIDTHS
            for scheme in SCHEMES
            for language in LANGUAGES
        ]

    def _view(self, browser: Browser, session: StorageState | None, width: int, scheme: str, language: str) -> Page:
        return harness.new_page(
            browser,
            self.roll.trouble,
            viewport={"width": width, "height": HEIGHT},
            color_scheme=scheme,
            locale=language,
            reduced_motion="reduce",
            storage_state=session,
        )

    def page_of(self, name: str, address: str) -> None:
        """The page behind an address, everywhere."""
        for kind, view in self.views:
            view.goto(address)
            expect(view.get_by_role("heading", level=1).first).to_be_visible()
            self.roll.take(name, kind, view)
            view.goto("about:blank")  # nothing listens to what nobody looks at

    def now(self, name: str, page: Page) -> None:
        """What a person sees at this moment, which no address brings back: in every width and theme."""
        for width in WIDTHS:
            for scheme in SCHEMES:
                page.set_viewport_size({"width": width, "height": HEIGHT})
                page.emulate_media(color_scheme=scheme)
                self.roll.take(name, f"{width}-{scheme}-en", page)
        page.emulate_media(color_scheme="light")

    def close(self) -> None:
        for _kind, view in self.views:
            view.context.close()
