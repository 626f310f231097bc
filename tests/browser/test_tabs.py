"""Many tabs of one browser as a person has it: no page waits, one stream is enough, and nothing is missed or doubled."""

from __future__ import annotations

import gc
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client, override_settings
from playwright.sync_api import Browser, BrowserContext, Page, expect

from installer_tasks import saved_answers
from installer_tasks.answer_keys import STEPS
from installer_tasks.models import Installation, Run
from tests.browser.harness import PATIENCE
from tests.browser.ordinary import ELSEWHERE, ordinary_chromium
from tests.browser.served import served
from tests.contract.nginx import nginx
from tests.waiting import until
from tests.web.run_rows import PUSH, a_run, an_installation, show, write
from wizard import live

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.browser,
    pytest.mark.program("chromium"),
    # Django leaves the (empty) body of a request whose stream was cut off to the collector.
    pytest.mark.filterwarnings("ignore:Exception ignored in.*SpooledTemporaryFile"),
]

WHY_NOT = "JSON.stringify(performance.getEntriesByType('navigation')[0].notRestoredReasons)"
#: A page that waits for a connection waits for ever; one that is served takes a second on two busy cores.
PROMPT = 15_000


#: Holds an event stream back until a buffer is full.
BUFFERING = "proxy_buffering on; proxy_ignore_headers X-Accel-Buffering;"


@pytest.fixture(autouse=True)
def _rows_from_this_thread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # Playwright keeps an event loop in this thread
    yield
    gc.collect()  # here, where the warning is expected


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    with ordinary_chromium(tmp_path) as found:
        expect.set_options(timeout=PATIENCE)
        yield found


@pytest.fixture
def run() -> Run:
    found = a_run(an_installation(), "running", at="push-images")
    show(found, "push-images", progress=PUSH)
    write(found, 5)
    return found


def signed_in(browser: Browser, base: str) -> BrowserContext:
    client = Client()
    client.force_login(User.objects.create_superuser("alice"))
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    context = browser.contexts[0]
    context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": base}])
    return context


def streams() -> int:
    return sum(len(hub) for hub in live._hubs.values())


def run_page(base: str, run: Run) -> str:
    return f"{base}/installations/{run.installation_id}/run/"


def step_page(base: str, installation: Installation, step: str) -> str:
    return f"{base}/installations/{installation.pk}/steps/{step}/"


@dataclass
class Stopwatch:
    """How long a person waits for each click."""

    taken: dict[str, float] = field(default_factory=dict)

    def time(self, what: str, click: Callable[[], object]) -> None:
        began = time.monotonic()
        click()
        self.taken[f"{what} ({len(self.taken) + 1})"] = time.monotonic() - began

    def report(self, tabs: int) -> None:
        slowest = sorted(self.taken.items(), key=lambda one: one[1], reverse=True)[:3]
        print(
            f"\n{tabs} tabs, {len(self.taken)} clicks; slowest:",
            ", ".join(f"{what} {took:.2f} s" for what, took in slowest),
        )


def progress_arrives(run: Run, done: int, *pages: Page) -> None:
    write(run, 3)
    show(run, "push-images", progress={**PUSH, "images_done": done})
    for page in pages:
        page.bring_to_front()
        expect(page.locator(".run-push")).to_contain_text(f"{done} of 12")
        all_lines_once(page, run)


def all_lines_once(page: Page, run: Run) -> None:
    expect(page.locator(f'#log-lines li[data-seq="{run.last_seq}"]')).to_have_count(1)
    found = page.eval_on_selector_all("#log-lines li", "all => all.map(line => Number(line.dataset.seq))")
    assert found == list(range(1, run.last_seq + 1))


@pytest.mark.parametrize("tabs", [6, 30])
def test_no_tab_waits_for_another(browser: Browser, run: Run, tabs: int) -> None:
    """While a run makes progress in all of them."""
    watch = Stopwatch()
    with served() as port:
        base = f"http://127.0.0.1:{port}"
        context = signed_in(browser, base)
        pages = []
        for _tab in range(tabs):
            pages.append(context.new_page())
            watch.time("a tab opens", lambda: pages[-1].goto(run_page(base, run), timeout=PROMPT))
        until(lambda: streams() == 1)
        progress_arrives(run, 6, *pages)
        seen = context.new_page()
        watch.time("/healthz", lambda: seen.goto(f"{base}/healthz", timeout=PROMPT))
        for done, step in enumerate(STEPS, 1):
            show(run, "push-images", progress={**PUSH, "images_done": done})
            watch.time(step, lambda step=step: seen.goto(step_page(base, run.installation, step), timeout=PROMPT))  # type: ignore[misc]
        progress_arrives(run, 12, *pages)
        assert streams() == 1
    watch.report(tabs)


def test_quick_steps_forward_and_back(browser: Browser) -> None:
    installation = an_installation()
    watch = Stopwatch()
    with served() as port:
        base = f"http://127.0.0.1:{port}"
        page = signed_in(browser, base).new_page()
        for _round in range(2):
            for step in STEPS:
                watch.time(step, lambda step=step: page.goto(step_page(base, installation, step), timeout=PROMPT))  # type: ignore[misc]
                until(lambda: streams() == 1)
        for step in reversed(STEPS[:-1]):
            watch.time(f"back to {step}", lambda step=step: travel(page, "back", step))  # type: ignore[misc]
        for step in STEPS[1:]:
            watch.time(f"forward to {step}", lambda step=step: travel(page, "forward", step))  # type: ignore[misc]
        until(lambda: streams() == 1)
    watch.report(1)


def travel(page: Page, where: str, step: str) -> None:
    """By the button of the browser, also where the page comes from the back/forward cache and is not loaded again."""
    page.evaluate(f"history.{where}()")
    page.wait_for_url(re.compile(f"/steps/{step}/$"), wait_until="commit", timeout=PROMPT)


def test_a_page_from_the_back_forward_cache_catches_up(browser: Browser) -> None:
    installation = an_installation()
    with served() as port:
        base = f"http://127.0.0.1:{port}"
        page = signed_in(browser, base).new_page()
        page.add_init_script("addEventListener('pageshow', event => { window.restored = event.persisted; })")
        page.goto(step_page(base, installation, "dns"))
        until(lambda: streams() == 1)
        page.goto(f"{base}/healthz")
        until(lambda: streams() == 0)
        saved_answers.save_answers(installation, {"dns.zone": "other.example.com"})
        installation.touch()
        page.go_back(wait_until="commit")
        assert page.evaluate("restored"), page.evaluate(WHY_NOT)
        expect(page.locator("#rail")).to_contain_text("other.example.com")
        until(lambda: streams() == 1)


@pytest.mark.parametrize("how", ["closed", "left", "frozen"])
def test_the_next_tab_takes_over(browser: Browser, run: Run, how: str) -> None:
    with served() as port:
        base = f"http://127.0.0.1:{port}"
        context = signed_in(browser, base)
        pages = []
        for _tab in range(3):
            pages.append(context.new_page())
            pages[-1].goto(run_page(base, run))
            until(lambda: streams() == 1)
        leader, *others = pages
        progress_arrives(run, 6, *pages)
        {
            "closed": leader.close,
            "left": lambda: leader.goto(f"{base}/healthz"),
            "frozen": lambda: lifecycle(leader, "frozen"),
        }[how]()
        progress_arrives(run, 7, *others)
        until(lambda: streams() == 1)
        if how == "frozen":
            assert leader.locator(".run-push").inner_text().find("6 of 12") >= 0
            lifecycle(leader, "active")
            expect(leader.locator(".run-push")).to_contain_text("7 of 12")
            progress_arrives(run, 8, *pages)


def test_a_sleeping_computer_catches_up(browser: Browser, run: Run) -> None:
    with served() as port:
        base = f"http://127.0.0.1:{port}"
        context = signed_in(browser, base)
        pages = [context.new_page() for _tab in range(3)]
        for page in pages:
            page.bring_to_front()
            page.goto(run_page(base, run))
        progress_arrives(run, 6, *pages)
        for page in pages:
            lifecycle(page, "frozen")
        until(lambda: streams() == 0)
        write(run, 40)
        for page in pages:
            lifecycle(page, "active")
        progress_arrives(run, 7, *pages)
        until(lambda: streams() == 1)


def test_a_restarted_server_is_found_again(browser: Browser, run: Run) -> None:
    with served() as port:
        base = f"http://127.0.0.1:{port}"
        context = signed_in(browser, base)
        pages = []
        for _tab in range(3):
            pages.append(context.new_page())
            pages[-1].goto(run_page(base, run))
        progress_arrives(run, 6, *pages)
    write(run, 40)
    with served(port):
        progress_arrives(run, 7, *pages)
        until(lambda: streams() == 1)
        progress_arrives(run, 8, *pages)


def test_an_address_without_https_is_polled(browser: Browser, run: Run) -> None:
    """There are no Web Locks then, so no tab could be the only one with a stream."""
    with override_settings(ALLOWED_HOSTS=[ELSEWHERE]), served() as port:
        base = f"http://{ELSEWHERE}:{port}"
        context = signed_in(browser, base)
        pages = []
        for _tab in range(3):
            pages.append(context.new_page())
            pages[-1].goto(run_page(base, run))
        assert pages[0].evaluate("[isSecureContext, navigator.locks === undefined]") == [False, True]
        progress_arrives(run, 6, *pages)
        assert streams() == 0


def test_a_full_server_is_polled(browser: Browser, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MAX_STREAMS", 0)
    monkeypatch.setattr(live, "MAX_STREAMS_PER_PERSON", 0)  # an administrator gets a first one on a full server
    with served() as port:
        base = f"http://127.0.0.1:{port}"
        page = signed_in(browser, base).new_page()
        with page.expect_response(re.compile("/live/")) as refused:
            page.goto(run_page(base, run))
        assert refused.value.status == 503
        progress_arrives(run, 6, page)


@pytest.mark.program("nginx")
def test_a_proxy_that_buffers_is_polled(browser: Browser, run: Run, tmp_path: Path) -> None:
    with served() as port, nginx(tmp_path / "nginx", f"127.0.0.1:{port}", more=BUFFERING) as proxy:
        base = f"http://{proxy}"
        page = signed_in(browser, base).new_page()
        page.goto(run_page(base, run))
        until(lambda: streams() == 1)
        for done in (6, 7):
            progress_arrives(run, done, page)


def lifecycle(page: Page, state: str) -> None:
    page.context.new_cdp_session(page).send("Page.setWebLifecycleState", {"state": state})
