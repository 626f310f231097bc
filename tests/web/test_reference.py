"""The reference: every check and every error code has its entry, and each link to it leads somewhere."""

from __future__ import annotations

import re
import sys
from html import unescape
from pathlib import Path

import polib
import pytest
from django.test import Client
from django.urls import reverse

from installer_tasks.preflight import checks
from installer_tasks.preflight.checks.base import NOT_COLLECTED, NOTHING_OBSERVED, Facts, judge
from tests.web.finding_rows import put
from tests.web.people import a_person, signed_in
from tests.web.run_rows import a_run, an_installation
from wizard import reference

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

import make_reference  # noqa: E402 - found there

pytestmark = pytest.mark.django_db
LINK = re.compile(r'href="(?:/reference/)?#((?:check|code|checks|errors)-[\w.-]+)"')
ERROR = {"code": "tls-expired", "value": "x", "cause": {"template": "It expired.", "params": {}}, "remedy": {}}


@pytest.fixture
def page() -> str:
    return signed_in().get(reverse("reference")).content.decode()


def ids(html: str) -> set[str]:
    return set(re.findall(r'\bid="([^"]+)"', html))


def test_the_entries_are_those_of_the_code() -> None:
    """Whoever adds a check or an error code runs scripts/make_reference.py."""
    assert reference.ENTRIES.read_text(encoding="utf-8") == make_reference.as_text()


def test_every_code_that_is_put_together_is_written_down() -> None:
    assert make_reference.formed_codes(make_reference.Code()) == set(make_reference.FORMED)
    known = {entry.msgid for entry in polib.pofile(str(ROOT / "wizard/locale/zh_Hans/LC_MESSAGES/django.po"))}
    said = {text for codes in make_reference.FORMED.values() for pair in codes.values() for text in pair}
    assert said <= known


def test_every_check_and_every_code_has_an_entry(page: str) -> None:
    written = {f"code-{each['code']}" for each in reference.entries()["errors"]}
    wanted = {f"check-{check.name}" for check in checks.CHECKS} | written
    assert wanted == reference.anchors()
    assert wanted <= ids(page)


def test_every_entry_says_what_to_do(page: str) -> None:
    for body in re.findall(r'<article class="finding" id="[^"]+".*?</article>', page, re.DOTALL):
        words = unescape(re.sub(r"<[^>]+>", " ", body))
        assert "What to do" in words, words[:200]
        assert "Cause" in words or "Message" in words, words[:200]
        assert "Verify it yourself" in words
        assert "%(" not in words


def test_its_own_links_lead_somewhere(page: str) -> None:
    assert set(LINK.findall(page)) <= ids(page)


def test_a_finding_and_an_error_lead_to_their_entries(page: str) -> None:
    person, installation = signed_in(a_person("bo")), an_installation()
    check = checks.BY_NAME["registry.reachable"]
    put(installation, check.name, judge(check, Facts({}, {}), frozenset()))
    run = a_run(installation, "failed", at="push-images", error=ERROR)
    addresses = (
        reverse("step", args=[installation.pk, "registry"]),
        reverse("review", args=[installation.pk]),
        reverse("attempt", args=[installation.pk, run.attempt]),
    )
    links = [set(LINK.findall(person.get(address).content.decode())) for address in addresses]
    assert "check-registry.reachable" in links[0] & links[1]
    assert "code-tls-expired" in links[2]
    assert set().union(*links) <= ids(page)


def test_a_refused_value_leads_to_its_entry(page: str) -> None:
    address = reverse("step", args=[an_installation().pk, "certificates"])
    html = signed_in(a_person("bo")).post(address, {"ca": "nothing of the kind"}).content.decode()
    assert "code-pem-none" in LINK.findall(html)
    assert "code-pem-none" in ids(page)


def test_codes_of_stored_errors_have_entries_and_no_entry_is_nameless() -> None:
    codes = {each["code"] for each in reference.entries()["errors"]}
    assert {NOT_COLLECTED["code"], NOTHING_OBSERVED["code"], "http-bom", "http-html"} <= codes
    assert "" not in codes


def test_an_error_of_starting_leads_to_its_entry(page: str) -> None:
    """What is said in one line at the top of the next page names its code too."""
    person, installation = signed_in(a_person("bo")), an_installation()
    a_run(installation, "running")
    html = person.post(reverse("install", args=[installation.pk]), follow=True).content.decode()
    assert {link for link in LINK.findall(html) if link.startswith("code-")} <= ids(page)
    assert 'class="banner tone-bad"' not in html or any(link.startswith("code-") for link in LINK.findall(html))


def test_it_is_in_the_readers_language(page: str) -> None:
    person = signed_in(a_person("bo"))
    person.post(reverse("language"), {"language": "zh-hans", "next": "/"})
    chinese = person.get(reverse("reference")).content.decode()
    assert "集群" in chinese
    assert ids(chinese) == ids(page)


def test_strangers_do_not_see_it() -> None:
    assert Client().get(reverse("reference")).status_code == 302
