"""The page of a run in Chromium: rows change below it, the server goes away and comes back; nothing is lost or doubled."""

from __future__ import annotations

import gc

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Page, expect

from installer_tasks.models import Run
from tests.browser.harness import chromium
from tests.browser.served import served
from tests.web.run_rows import PUSH, a_run, an_installation, show, write

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.browser,
    pytest.mark.program("chromium"),
    # Django leaves the (empty) body of a request whose stream was cut off to the collector.
    pytest.mark.filterwarnings("ignore:Exception ignored in.*SpooledTemporaryFile"),
]


def lines(page: Page) -> list[int]:
    return page.eval_on_selector_all("#log-lines li", "all => all.map(line => Number(line.dataset.seq))")  # type: ignore[no-any-return]


def all_lines_once(page: Page, run: Run) -> None:
    last = page.locator(f'#log-lines li[data-seq="{run.last_seq}"]')
    expect(last).to_have_count(1)
    assert lines(page) == list(range(1, run.last_seq + 1))


def test_rows_change_and_the_server_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # Playwright keeps an event loop in this thread
    client = Client()
    client.force_login(User.objects.create_superuser("alice"))
    run = a_run(an_installation(), "running", at="push-images")
    show(run, "push-images", progress=PUSH)
    write(run, 5)
    with chromium() as browser:
        context = browser.new_context()
        with served() as port:
            base = f"http://127.0.0.1:{port}"
            session = client.cookies[settings.SESSION_COOKIE_NAME].value
            context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": base}])
            page = context.new_page()
            page.goto(f"{base}/installations/{run.installation_id}/run/")
            page.click("#run-lanes summary")
            for done in range(6, 12):
                write(run, 9)
                show(run, "push-images", progress={**PUSH, "images_done": done})
                expect(page.locator(".run-push")).to_contain_text(f"{done} of 12")
            all_lines_once(page, run)
            assert page.eval_on_selector("#run-lanes", "part => part.open")
        write(run, 30)
        expect(page.locator("#connection")).to_be_visible()
        with served(port):
            all_lines_once(page, run)
            expect(page.locator("#connection")).to_be_hidden()
            page.fill("#log-search", "nothing has this")
            expect(page.locator("#log-none")).to_be_visible()
            Run.objects.filter(pk=run.pk).update(state="succeeded")
            run.installation.touch()
            expect(page).to_have_title("installed · Acme")
            expect(page.locator("#announce")).to_have_text("Tanzu Mission Control is installed")
        context.close()
    gc.collect()  # here, where the warning is expected
