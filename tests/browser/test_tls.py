"""A browser on another machine, as far as one can play it: another name, HTTPS, and the certificate that `up` made."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import Page, expect, sync_playwright

from installer_tasks.rehearsal.bundle import SMALL
from installer_tasks.rehearsal.controllers import Pace
from installer_tasks.rehearsal.estate import Estate
from tests.browser import harness
from tests.browser.harness import CHROMIUM, FLAGS, PATIENCE, Trouble
from tests.contract.up_process import Up

pytestmark = [pytest.mark.browser, pytest.mark.program("chromium"), pytest.mark.program("redis-server")]

NAME = "installer.example.com"


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    running = Up(tmp_path / "state", "--tls", TMC_INSTALLER_HOSTS=f"localhost,127.0.0.1,{NAME}")
    yield running
    running.close()


def accepting(certificate: Path) -> str:
    """Accept this one certificate, as a person does who has compared its fingerprint."""
    key = x509.load_pem_x509_certificate(certificate.read_bytes()).public_key()
    digest = hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()
    return f"--ignore-certificate-errors-spki-list={base64.b64encode(digest).decode()}"


def test_sign_in_install_live_page_and_download_on_another_name(up: Up, tmp_path: Path, trouble: Trouble) -> None:
    """From an address typed without https to the log of a finished run."""
    up.ready()
    link = up.says(r"(https://\S+/sign-in/\S+)")[1].replace("127.0.0.1", NAME)
    certificate = accepting(tmp_path / "state" / "tls" / "certificate.pem")
    flags = [*FLAGS, f"--host-resolver-rules=MAP {NAME} 127.0.0.1", certificate]
    with sync_playwright() as playwright, Estate(tmp_path / "estate", pace=Pace.INSTANT, scale=SMALL) as estate:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags, headless=True)
        expect.set_options(timeout=PATIENCE)
        try:
            page = harness.new_page(browser, trouble)
            page.goto(link.replace("https:", "http:"))
            assert page.url.startswith(f"https://{NAME}")
            walk(page, link, estate)
        finally:
            browser.close()


def walk(page: Page, link: str, estate: Estate) -> None:
    harness.sign_in(page, link)
    harness.start_installation(page, "Contoso")
    harness.answer_all(page, estate.answers())
    with page.expect_response(lambda response: "/live/" in response.url) as stream:
        harness.install(page)
    assert stream.value.status == 200
    assert stream.value.headers["content-type"].startswith("text/event-stream")
    harness.expect_run(page, "succeeded")
    page.goto(page.url)
    with page.expect_download() as download:
        page.locator("a[href$='log.txt']").first.click()
    assert f"Completed: https://{estate.zone}" in Path(download.value.path()).read_text()
    cookies = {cookie["name"].partition("-")[0]: cookie["secure"] for cookie in page.context.cookies()}
    assert cookies["session"]
    assert cookies["csrf"]
    assert page.evaluate("isSecureContext")
