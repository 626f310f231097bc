"""The whole wizard in a browser: from the printed link to the page that says it is done, and proves it."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
from playwright.sync_api import Locator, Page, expect

from installer_tasks.answer_keys import STEPS
from tests.browser import harness
from tests.browser.harness import Place, Trouble

pytestmark = [pytest.mark.browser, pytest.mark.program("chromium"), pytest.mark.program("redis-server")]

#: By the same person on the same estate, before anything was offered: 26 clicks, 14 typed fields, 4 files.
MOST_CLICKS, MOST_TYPED = 16, 10
FILES = {"cluster.kubeconfig": "admin.kubeconfig", "identity.ca": "ca.pem"}
OFFERED = ("registry.ca", "certificates.ca")
#: What the installer finds or makes up, and what nobody has to answer: the archive that a bundle was unpacked from.
LEFT = {
    "bundle.archive",
    "bundle.checksum",
    "bundle.release",
    "cluster.context",
    "certificates.cluster_issuer",
    "services.load_balancer_ip",
    "services.postgres_password",
    "services.minio_password",
    "services.redis_password",
}


@dataclass
class Hands:
    """A person at the page, who counts."""

    page: Page
    clicks: int = 0
    typed: int = 0
    files: int = 0

    def click(self, what: Locator) -> None:
        what.click()
        self.clicks += 1

    def press(self, name: str | re.Pattern[str]) -> None:
        self.click(self.page.get_by_role("button", name=name))

    def type(self, where: Locator, value: str) -> None:
        where.fill(value)
        self.typed += 1

    def choose(self, name: str, content: str, file_name: str) -> None:
        harness.upload(self.page, name, content, file_name)
        harness.saved(self.page, name)
        self.files += 1


def test_from_the_link_to_done(here: Place, page: Page, trouble: Trouble, capsys: pytest.CaptureFixture[str]) -> None:
    hands = Hands(page)
    page.goto(here.link)
    hands.press("Sign in with this link")
    hands.type(page.get_by_label("Password", exact=True), harness.PASSWORD)
    hands.press("Save and continue")
    hands.press("Start an installation")
    expect(page).to_have_url(re.compile("/steps/bundle/$"))
    base = page.url.partition("/steps/")[0]
    answers = here.estate.answers()
    for step in STEPS:
        _step(hands, step, answers)
    expect(page).to_have_url(f"{base}/review/")
    _review(page, answers)
    hands.press(re.compile("^Install"))
    expect(page).to_have_url(f"{base}/run/")

    other = harness.same_person(page.context, trouble)
    other.goto(f"{base}/run/")
    expect(page.locator(".run-stage.is-running")).to_be_visible()
    page.reload()
    assert harness.run_state(page) in ("queued", "running")
    for shown in (page, other):
        harness.expect_run(shown, "succeeded")
        _log_is_whole(shown)
    assert harness.log_numbers(page) == harness.log_numbers(other)
    assert page.title() == other.title()
    harness.expect_done(page, here.estate)
    hands.clicks += 1
    harness.expect_done(other, here.estate)
    other.context.close()
    with capsys.disabled():
        said = f"{hands.clicks} clicks, {hands.typed} typed fields, {hands.files} files"
        print(f"\nsign-in to Done: {said}; before: 26 clicks, 14 typed fields, 4 files")
    assert hands.clicks <= MOST_CLICKS
    assert hands.typed <= MOST_TYPED


def _step(hands: Hands, step: str, answers: dict[str, str]) -> None:
    """Answered as a person would: files chosen, what is offered taken, what is found left alone, the rest typed."""
    page = hands.page
    expect(page).to_have_url(re.compile(f"/steps/{step}/$"))
    for key, value in answers.items():
        name = key.partition(".")[2]
        if not key.startswith(f"{step}.") or key in LEFT:
            continue
        if key in FILES:
            hands.choose(name, value, FILES[key])
        elif key in OFFERED:
            hands.click(
                page.locator(f"#{name}-field").get_by_role("button", name="Use: CA certificate of the provider")
            )
            harness.saved(page, name)
        elif page.locator(f"form [name={name}]").first.input_value() != value:
            hands.type(page.locator(f"form [name={name}]"), value)
    if step == "certificates":  # the one issuer of the cluster is offered as soon as it is found
        expect(page.locator("[name=cluster_issuer]:checked")).to_have_value(answers["certificates.cluster_issuer"])
    hands.press("Check and continue")
    following = STEPS[STEPS.index(step) + 1 :]
    if step == "bundle":  # without the archive and its SHA-256 a warning stays, and a person has to see it
        hands.click(harness.next_action(page))
    expect(page).to_have_url(re.compile(f"/steps/{following[0]}/$" if following else "/review/$"))


def _review(page: Page, answers: dict[str, str]) -> None:
    expect(page.get_by_role("heading", name="You can install. 1 finding is not verified:")).to_be_visible()
    text = page.content()
    assert answers["dns.zone"] in text
    for secret in ("identity.client_secret", "registry.password"):
        assert answers[secret] not in text


def _log_is_whole(page: Page) -> None:
    """No line twice, none left out."""
    last = page.locator("#log-lines li").last
    expect(last).to_be_attached()
    numbers = harness.log_numbers(page)
    assert numbers == list(range(1, len(numbers) + 1))
