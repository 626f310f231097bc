"""`make shots`: one guided installation, photographed on every page and state, for README and guide and for our own eyes.

`docs/shots/` gets each page once at 1440 px, and a few narrow and dark and in Chinese. `build/shots/` gets the whole matrix
of widths, themes and languages with a contact sheet; it is not committed. What sticks out, or is cut off, fails it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from installer_tasks.answer_keys import STEPS
from installer_tasks.rehearsal.bundle import FULL
from installer_tasks.rehearsal.controllers import Pace
from tests.browser import harness, weights
from tests.browser.camera import HEIGHT, ROOT, Camera, Roll, empty_folders
from tests.browser.harness import Place
from tests.contract.up_process import Up
from tests.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.program("chromium"), pytest.mark.program("redis-server")]

#: Slow enough for a picture of each kind while a push and the packages are under way.
PACE, RATE = Pace("photographed", 60.0, 120.0), 1_200_000
HELD = 30_000  #: bytes a second, while it is photographed from every side


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    with harness.chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def here() -> Iterator[Place]:
    folder = Path("/tmp/contoso")  # a short name: it is in the pictures
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    with harness.place(folder, pace=PACE, scale=FULL, rate=RATE) as found:
        yield found
    shutil.rmtree(folder, ignore_errors=True)


def test_every_page_is_photographed(here: Place, chrome: Browser) -> None:
    empty_folders()
    roll = Roll()
    page = harness.new_page(chrome, roll.trouble, viewport={"width": 1440, "height": HEIGHT}, reduced_motion="reduce")
    _door(chrome, roll, here)
    harness.sign_in(page, here.link)
    camera = Camera(chrome, roll, page.context.storage_state())
    camera.page_of("03-welcome", f"{here.url}/welcome/")
    camera.page_of("04-no-installation", here.url)
    camera.page_of("05-checklist", f"{here.url}/checklist/")
    camera.page_of("06-guide", f"{here.url}/docs/guide/")
    base = harness.start_installation(page, "Contoso, Frankfurt")
    _steps(page, camera, base, here)
    _run(page, camera, base, here)
    _afterwards(camera, base, here)
    _people(page, camera, base, here)
    weights.write(
        ROOT / "docs" / "page-weight.md", weights.measure(chrome, here.url, base, page.context.storage_state())
    )
    page.context.close()  # its event stream would be in trouble once the server starts anew
    _components(camera, here)
    roll.contact_sheet()
    # Chromium writes to its console that a page is not there.
    trouble = [said for said in roll.trouble.seen if "nothing-here" not in said]
    assert not trouble + roll.unfit, "\n".join(trouble + roll.unfit)


def _door(chrome: Browser, roll: Roll, here: Place) -> None:
    camera = Camera(chrome, roll)
    camera.page_of("01-sign-in", f"{here.url}/sign-in/")
    camera.page_of("02-sign-in-link", here.link)
    camera.close()


def _steps(page: Page, camera: Camera, base: str, here: Place) -> None:
    answers = here.estate.answers()
    camera.page_of("05-step-empty", f"{base}/steps/bundle/")
    for number, step in enumerate(STEPS, start=1):
        page.goto(f"{base}/steps/{step}/")
        if step == "dns":
            _refused(page, camera)
        if step == "identity":
            harness.look_at_fix(page, step, answers)
            camera.page_of("08-fix", page.url)
            page.goto(f"{base}/steps/{step}/")
            _a_directory(page, camera, base, here)
        if step == "registry":
            _a_failure(page, camera, base, answers)
        harness.fill_step(page, step, answers)
        here.estate.faults.switch("kube.slow", on=step == "cluster")
        harness.save(page)
        if step == "cluster":
            _checking(page, camera, here)
        expect(harness.next_action(page)).to_be_visible()
        camera.page_of(f"1{number}-{step}", f"{base}/steps/{step}/")
    camera.page_of("18-sign-in-rehearsal", f"{base}/sign-in-rehearsal/")
    camera.page_of("20-review", f"{base}/review/")
    with harness.practising(here):
        camera.page_of("34-practice", f"{base}/practice/")


def _a_directory(page: Page, camera: Camera, base: str, here: Place) -> None:
    """The other way to sign in, chosen and proven; then the first one again."""
    page.locator('input[type=radio][name="kind"][value="ldap"]').check()
    harness.fill_step(page, "identity", here.estate.directory_answers())
    harness.save(page)
    expect(harness.next_action(page)).to_be_visible()
    camera.page_of("09-identity-directory", page.url)
    camera.page_of("10-directory-rehearsal", f"{base}/sign-in-rehearsal/")
    page.goto(f"{base}/steps/identity/")
    page.locator('input[type=radio][name="kind"][value="federated"]').check()


def _refused(page: Page, camera: Camera) -> None:
    page.locator("[name=zone]").fill("two words")
    harness.save(page)
    expect(page.get_by_role("alert")).to_be_visible()
    camera.now("06-step-refused", page)


def _checking(page: Page, camera: Camera, here: Place) -> None:
    """The cluster answers slowly, so that it can be seen."""
    expect(page.locator(".checking")).to_be_visible()
    camera.now("07-step-checking", page)
    here.estate.faults.switch("kube.slow", on=False)


def _a_failure(page: Page, camera: Camera, base: str, answers: dict[str, str]) -> None:
    """What a wrong password looks like."""
    harness.fill_step(page, "registry", {**answers, "registry.password": "not-the-password"})
    harness.save(page)
    expect(page.locator("#findings .finding.tone-bad").first).to_be_visible()
    camera.page_of("15-registry-refused", f"{base}/steps/registry/")
    camera.page_of("19-review-blocked", f"{base}/review/")


def _run(page: Page, camera: Camera, base: str, here: Place) -> None:
    """Stopped once, failed once, undone, and then done."""
    page.goto(f"{base}/review/")
    harness.install(page)
    _pushed(page, percent=20)
    here.estate.registry.set_rate_limit(HELD)
    camera.page_of("21-run-push", f"{base}/run/")
    camera.page_of("28-stop", f"{base}/run/1/cancel/")
    here.estate.registry.set_rate_limit(RATE)
    page.goto(f"{base}/run/1/cancel/")
    page.get_by_role("button", name="Stop the run").click()
    harness.expect_run(page, "cancelled")
    camera.page_of("29-run-stopped", f"{base}/run/")
    _resume(page, base)
    _pushed(page, percent=1)
    with _without_rights(here):
        harness.expect_run(page, "failed")
    camera.page_of("30-run-failed", f"{base}/run/")
    _resume(page, base)
    expect(page.locator(".run-package.tone-good").nth(2)).to_be_visible()
    camera.page_of("22-run-packages", f"{base}/run/")
    _undone(page, camera, base, here)
    page.goto(f"{base}/review/")
    harness.install(page)
    harness.expect_run(page, "succeeded")


def _undone(page: Page, camera: Camera, base: str, here: Place) -> None:
    """Stopped in the middle of the packages, and all of it taken back."""
    page.goto(f"{base}/run/3/cancel/")
    page.get_by_role("button", name="Stop the run").click()
    harness.expect_run(page, "cancelled")
    camera.page_of("35-undo", f"{base}/undo/")
    page.goto(f"{base}/undo/")
    page.get_by_label("Remove them").check()
    page.get_by_role("button", name="Undo the installation").click()
    expect(page.get_by_role("alert")).to_be_visible()
    camera.now("36-undo-refused", page)
    page.get_by_label("To confirm, enter the DNS zone").fill(here.estate.zone)
    page.get_by_role("button", name="Undo the installation").click()
    harness.expect_run(page, "succeeded")
    camera.page_of("37-undone", f"{base}/run/")


@contextmanager
def _without_rights(here: Place) -> Iterator[None]:
    """Somebody takes the robot its right to push, and gives it back."""
    users = here.estate.registry.users
    name = here.estate.answers()["registry.username"]
    robot = users[name]
    users[name] = replace(robot, role="reader")
    yield
    users[name] = robot


def _pushed(page: Page, percent: int) -> None:
    share = page.locator(".run-push progress")
    until(lambda: share.count() and float(share.first.get_attribute("value") or 0) >= percent)


def _resume(page: Page, base: str) -> None:
    page.goto(f"{base}/run/")
    page.locator('form[action$="/resume/"] button').click()
    expect(page.locator('.run[data-state="running"]')).to_be_visible()


def _afterwards(camera: Camera, base: str, here: Place) -> None:
    camera.page_of("23-run-done", f"{base}/run/")
    camera.page_of("24-done", f"{base}/done/")
    camera.page_of("25-installations", here.url)
    camera.page_of("27-handover", f"{base}/handover/")
    camera.page_of("26-not-found", f"{base}/nothing-here/")
    camera.page_of("31-delete", f"{base}/delete/")
    camera.page_of("32-start-over", f"{base}/start-over/")


def _people(page: Page, camera: Camera, base: str, here: Place) -> None:
    """Somebody is invited to read; and who did what until now."""
    page.goto(f"{here.url}/people/")
    page.get_by_label("Name", exact=True).fill("vera")
    page.get_by_label("All installations").last.select_option("viewer")
    page.get_by_role("button", name="Invite").click()
    expect(page.get_by_role("heading", name="Link for vera")).to_be_visible()
    camera.now("39-invited", page)
    camera.page_of("38-people", f"{here.url}/people/")
    camera.page_of("40-who-did-what", f"{here.url}/audit/")


def _components(camera: Camera, here: Place) -> None:
    """The page of all components is there for developers alone."""
    here.up.close()
    up = Up(here.state, TMC_INSTALLER_DEBUG="True")
    try:
        camera.page_of("33-design", f"{up.ready()}/design/")
    finally:
        up.close()
