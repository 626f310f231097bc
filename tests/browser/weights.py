"""What a cold page costs: requests and bytes as Chromium counts them, and what it waits for before it paints."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, StorageState

from tests.browser import harness
from tests.browser.harness import Trouble
from tests.waiting import until

#: Issue and design: a cold page is not larger than this.
LIMIT = 150_000
BLOCKING = """() => performance.getEntriesByType("resource").filter(one => one.renderBlockingStatus === "blocking")
  .map(one => new URL(one.name).pathname.split("/").pop())"""


@dataclass(frozen=True)
class Weight:
    page: str
    requests: int
    transferred: int
    document: int
    blocking: list[str]


def measure(browser: Browser, url: str, base: str, session: StorageState) -> list[Weight]:
    """Every page with an empty cache; the event stream stays open and is not counted."""
    own = {
        "Installations": url,
        **{f"Step {step}": f"{base}/steps/{step}/" for step in ("bundle", "cluster", "certificates")},
        "Review": f"{base}/review/",
        "Run": f"{base}/run/",
        "Done": f"{base}/done/",
    }
    return [
        weigh(browser, "Sign-in", f"{url}/sign-in/", None),
        *(weigh(browser, name, address, session) for name, address in own.items()),
    ]


def weigh(browser: Browser, name: str, address: str, session: StorageState | None) -> Weight:
    page = harness.new_page(browser, Trouble(), storage_state=session)
    sizes: dict[str, int] = {}
    kinds: dict[str, str] = {}
    devtools = page.context.new_cdp_session(page)

    def asked(event: dict[str, Any]) -> None:
        kinds[event["requestId"]] = event["type"]

    def loaded(event: dict[str, Any]) -> None:
        sizes[event["requestId"]] = int(event["encodedDataLength"])

    devtools.on("Network.requestWillBeSent", asked)
    devtools.on("Network.loadingFinished", loaded)
    devtools.send("Network.enable")
    page.goto(address, wait_until="load")
    until(lambda: page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd > 0"))
    blocking = page.evaluate(BLOCKING)
    page.context.close()
    document = sum(size for key, size in sizes.items() if kinds.get(key) == "Document")
    return Weight(name, len(sizes), sum(sizes.values()), document, blocking)


def write(path: Path, weights: list[Weight]) -> None:
    rows = "\n".join(
        f"| {one.page} | {one.requests} | {one.transferred / 1000:.1f} kB | {one.document / 1000:.1f} kB | {', '.join(one.blocking)} |"
        for one in weights
    )
    path.write_text(
        "# Page weight\n\n"
        "Measured by `make shots` in Debian's Chromium with an empty cache, headers included, after a whole practice installation.\n"
        f"A cold page is at most {LIMIT // 1000} kB. `tests/browser/test_page_weight.py` tests this limit, and that the first paint\n"
        "waits only for one style sheet and htmx. The event stream stays open and is not counted.\n\n"
        "| Page | Requests | Transferred | Of that, the document | Waited for before the first paint |\n|---|--:|--:|--:|---|\n"
        f"{rows}\n"
    )
