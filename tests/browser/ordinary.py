"""Chromium as a person has it: without the flags of a test launcher, which switch the back/forward cache off."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.browser.harness import CHROMIUM, FLAGS
from tests.waiting import PATIENCE, until

#: A name of this machine to which browsers give no trust: plain HTTP there is like plain HTTP from another machine.
ELSEWHERE = "installer.example.com"


@contextmanager
def ordinary_chromium(folder: Path) -> Iterator[Browser]:
    """Its profile is in `folder`. Tabs behind another one are hidden, as they are for a person."""
    own = [*FLAGS, "--headless=new", "--remote-debugging-port=0", f"--user-data-dir={folder / 'profile'}"]
    own.append(f"--host-resolver-rules=MAP {ELSEWHERE} 127.0.0.1")
    process = subprocess.Popen([CHROMIUM, *own], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        port = until(lambda: _debugging_port(folder / "profile" / "DevToolsActivePort"))
        with sync_playwright() as playwright:
            browser = playwright.chromium.connect_over_cdp(
                f"http://127.0.0.1:{port}", no_defaults=True, timeout=2 * PATIENCE * 1000
            )
            yield browser
            browser.close()
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _debugging_port(file: Path) -> int | None:
    lines = file.read_text().splitlines() if file.exists() else []
    return int(lines[0]) if lines else None
