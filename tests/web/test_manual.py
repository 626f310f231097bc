"""The documents read in the product, and the list of what to have ready."""

from __future__ import annotations

import re
from urllib.parse import unquote, urldefrag

import pytest
from django.test import Client
from django.urls import reverse

from installer_tasks import answer_keys
from tests.web.people import signed_in, text_of
from wizard import manual, steps

pytestmark = pytest.mark.django_db
LANGUAGES = ("en", "zh-hans")
PAGES = [(name, language) for name in manual.NAMES for language in LANGUAGES]
LINK = re.compile(r'href="([^"]*)"')


@pytest.fixture
def client() -> Client:
    return signed_in()


def page_of(client: Client, address: str, language: str) -> str:
    return client.get(address, headers={"Accept-Language": language}).content.decode()


@pytest.mark.parametrize(("name", "language"), PAGES)
def test_a_document_is_read_in_the_language_of_its_reader(client: Client, name: str, language: str) -> None:
    page = page_of(client, reverse("manual", args=[name]), language)
    document = manual.document(name, language)
    assert f"<h1>{document.title}</h1>" in page
    assert page.count("<h1") == 1
    assert ("\u4e00" <= document.title[0] <= "\u9fff") is (language == "zh-hans")
    assert "<img" not in page
    assert ".md)" not in document.html


@pytest.mark.parametrize(("name", "language"), PAGES)
def test_every_link_in_a_document_leads_somewhere(client: Client, name: str, language: str) -> None:
    for link in LINK.findall(manual.document(name, language).html):
        page, fragment = urldefrag(link)
        if page.startswith("http"):
            continue
        assert page in ("", *(reverse("manual", args=[each]) for each in manual.NAMES)), link
        html = page_of(client, page or reverse("manual", args=[name]), language)
        assert not fragment or f'id="{unquote(fragment)}"' in html, link


def test_every_heading_is_in_the_contents(client: Client) -> None:
    page = page_of(client, reverse("manual", args=["guide"]), "en")
    for heading in manual.document("guide", "en").headings:
        assert page.count(f'href="#{heading.anchor}"') >= 1
        assert f'id="{heading.anchor}"' in page


@pytest.mark.parametrize("name", ["architecture", "readme", "decisions"])
def test_no_other_file_is_served(client: Client, name: str) -> None:
    assert client.get(f"/docs/{name}/").status_code == 404
    assert client.get(f"/docs/../{name}/").status_code == 404


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_checklist_names_every_answer_that_a_person_brings(client: Client, language: str) -> None:
    page = page_of(client, reverse("checklist"), language)
    for step in steps.STEPS:
        assert f'id="for-{step.slug}"' in page
    here = {"bundle.engine", "identity.kind", "identity.ldap_type", "services.size", "services.service_type"}
    for key in answer_keys.KEYS:
        if language == "en" and key.name not in here and not key.name.endswith(("s.telemetry", "_password")):
            assert f"<strong>{key.label}</strong>" in page, key.name
    assert "services.postgres_password" not in page


def test_every_page_leads_to_the_guide_and_the_first_one_to_the_checklist(client: Client) -> None:
    page = client.get(reverse("installations"))
    assert f'href="{reverse("manual", args=["guide"])}"' in page.content.decode()
    assert "What to have ready, and who has it" in text_of(page)
