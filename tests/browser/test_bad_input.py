"""Whatever is wrong is said at its field or as a red finding, with value, cause and remedy; nothing else is lost."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from installer_tasks.rehearsal.ca import PracticeCA
from installer_tasks.rehearsal.estate import Estate
from installer_tasks.rehearsal.kube import kubeconfig
from tests.browser import harness
from tests.browser.harness import Place, Trouble

pytestmark = [pytest.mark.browser, pytest.mark.program("chromium"), pytest.mark.program("redis-server")]

SECRET = "not-to-be-shown-again"


@dataclass(frozen=True)
class ObjectClient:
    """An installation, and the session of the person who made it."""

    base: str
    session: Path
    estate: Estate


@pytest.fixture(scope="module")
def desk(here: Place, chrome: Browser) -> ObjectClient:
    page = harness.new_page(chrome, Trouble())
    harness.sign_in(page, here.link)
    base = harness.start_installation(page, "Contoso")
    session = here.state.parent / "session.json"
    page.context.storage_state(path=session)
    page.context.close()
    return ObjectClient(base, session, here.estate)


@pytest.fixture
def page(chrome: Browser, desk: ObjectClient, trouble: Trouble) -> Iterator[Page]:
    found = harness.new_page(chrome, trouble, storage_state=desk.session)
    yield found
    found.context.close()


def _exec(estate: Estate) -> str:
    return re.sub(
        r"token: .*", "exec: {command: /bin/true, apiVersion: client.authentication.k8s.io/v1}", _good(estate)
    )


def _paths(estate: Estate) -> str:
    return re.sub(r"certificate-authority-data: .*", "certificate-authority: /etc/ca.pem", _good(estate))


def _good(estate: Estate) -> str:
    return estate.kubeconfig()


def _key(estate: Estate) -> str:
    return estate.ca.key_pem


#: Step, field, what is given, and a word of what is said.
FIELDS = [
    pytest.param(
        "bundle",
        "path",
        "/no/such/folder",
        "Folder /no/such/folder does not exist",
        id="a bundle folder that is not there",
    ),
    pytest.param("cluster", "kubeconfig", "a: [b", "YAML", id="not YAML"),
    pytest.param(
        "cluster", "kubeconfig", "kind: Pod\nmetadata: {}\n", "This YAML is not a kubeconfig", id="YAML of another kind"
    ),
    pytest.param("cluster", "kubeconfig", _exec, "program|exec", id="a kubeconfig that starts a program"),
    pytest.param("cluster", "kubeconfig", _paths, "file|path", id="a kubeconfig with paths"),
    pytest.param("dns", "zone", "tmc example.com", "contains a space", id="a zone with a space"),
    pytest.param("identity", "ca", _key, "key", id="a PEM that is a key"),
    pytest.param("registry", "project", "https://harbor.example.com/tmc/", "http", id="a project with a scheme"),
    pytest.param("services", "load_balancer_ip", "10.0.0", "not an IP address", id="half an address"),
]


@pytest.mark.parametrize(("step", "name", "given", "said"), FIELDS)
def test_the_field_says_it(page: Page, desk: ObjectClient, step: str, name: str, given: Any, said: str) -> None:
    """When it is left, and again when the whole form is saved."""
    value = given if isinstance(given, str) else given(desk.estate)
    page.goto(f"{desk.base}/steps/{step}/")
    page.locator(f'[name="{name}"]').fill(value)
    page.locator(f'[name="{name}"]').blur()
    problem = harness.note(page, name).locator("[data-problem]")
    expect(problem).to_contain_text(re.compile(said, re.IGNORECASE))
    harness.save(page)
    expect(page.get_by_role("alert")).to_contain_text("Everything else is saved")
    expect(problem).to_contain_text(re.compile(said, re.IGNORECASE))
    assert len(problem.inner_text().splitlines()) >= 2, "a remedy or the value stands beside the cause"
    for secret in (desk.estate.passwords.kube_admin, desk.estate.ca.key_pem):
        assert secret not in problem.inner_text()


def test_what_was_right_is_kept(page: Page, desk: ObjectClient) -> None:
    page.goto(f"{desk.base}/steps/identity/")
    harness.fill(page, "client_id", "kept")
    harness.fill(page, "client_secret", SECRET)
    harness.fill(page, "issuer_url", "not an address")
    harness.save(page)
    expect(harness.note(page, "issuer_url").locator("[data-problem]")).to_be_visible()
    expect(page.locator("[name=issuer_url]")).to_have_value("not an address")
    assert SECRET not in page.content()
    page.goto(f"{desk.base}/steps/identity/")
    expect(page.locator("[name=client_id]")).to_have_value("kept")
    expect(page.locator("#client_secret-note .kept")).to_be_visible()


def _unreachable(estate: Estate) -> str:
    return kubeconfig("https://127.0.0.1:9", estate.ca.ca_pem, token="practice", context="practice")


def _wrong_ca(estate: Estate) -> str:
    other = PracticeCA.load_or_create(estate.folder / "another-ca")
    return kubeconfig(estate.kube.url, other.ca_pem, token=estate.passwords.kube_admin, context="practice")


FINDINGS = [
    pytest.param("bundle", "bundle.path", lambda estate: str(estate.folder / "tls"), id="a folder that is no bundle"),
    pytest.param("cluster", "cluster.kubeconfig", _unreachable, id="an unreachable server"),
    pytest.param("cluster", "cluster.kubeconfig", _wrong_ca, id="a server with another authority"),
    pytest.param(
        "identity", "identity.issuer_url", lambda estate: f"{estate.identity.issuer}/none", id="an issuer that 404s"
    ),
]


@pytest.mark.parametrize(("step", "key", "given"), FINDINGS)
def test_a_finding_says_it(page: Page, desk: ObjectClient, step: str, key: str, given: Any) -> None:
    page.goto(f"{desk.base}/steps/{step}/")
    harness.fill_step(page, step, {**desk.estate.answers(), key: given(desk.estate)})
    harness.save(page)
    finding = page.locator("#findings .finding.tone-bad").first
    expect(finding).to_be_visible()
    expect(finding).to_contain_text("What to do")
    expect(finding).to_contain_text(re.compile("Found|Cause"))
    expect(harness.next_action(page)).to_have_count(0)


def _sparse(folder: Path, size: int) -> Path:
    file = folder / "disk.img"
    with file.open("wb") as stream:
        stream.truncate(size)
    return file


def test_a_large_upload_is_not_sent(page: Page, desk: ObjectClient, tmp_path: Path) -> None:
    page.goto(f"{desk.base}/steps/registry/")
    page.locator("[name=ca_file]").set_input_files(_sparse(tmp_path, 80_000_000))
    expect(harness.note(page, "ca")).to_contain_text("76.3 MiB")
    expect(page.locator("[name=ca_file]")).to_have_value("")


@pytest.fixture
def plain_page(chrome: Browser, desk: ObjectClient, trouble: Trouble) -> Iterator[Page]:
    """The registry's step, without JavaScript."""
    found = harness.new_page(chrome, trouble, storage_state=desk.session, java_script_enabled=False)
    found.goto(f"{desk.base}/steps/registry/")
    yield found
    found.context.close()


def test_a_large_upload_without_javascript(plain_page: Page, tmp_path: Path) -> None:
    """Said at its field, and the rest of the form is kept."""
    harness.fill(plain_page, "username", "robot$kept")
    plain_page.locator("[name=ca_file]").set_input_files(_sparse(tmp_path, 3_000_000))
    harness.save(plain_page)
    expect(harness.note(plain_page, "ca").locator("[data-problem]")).to_contain_text("2.9 MiB")
    expect(plain_page.locator("[name=username]")).to_have_value("robot$kept")


def test_an_upload_that_is_not_even_read(plain_page: Page, tmp_path: Path) -> None:
    """Far more than a form may hold is cut before it is on disk."""
    before = plain_page.locator("[name=username]").input_value()
    plain_page.locator("[name=ca_file]").set_input_files(_sparse(tmp_path, 80_000_000))
    harness.save(plain_page)
    expect(plain_page.get_by_role("heading", name="The upload is too large")).to_be_visible()
    plain_page.get_by_role("link", name="Back to the page").click()
    expect(plain_page.locator("[name=username]")).to_have_value(before)
