"""Two people or two tabs at one step: an old page overwrites nothing unseen."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from installer_tasks import saved_answers
from installer_tasks.models import Installation
from tests.web.people import a_person, note_of, signed_in, text_of

pytestmark = pytest.mark.django_db

PART = {"HX-Request": "true"}


@pytest.fixture
def installation() -> Installation:
    found = saved_answers.create_installation("Contoso")
    values = {
        "registry.project": "harbor.example.com/tmc",
        "registry.username": "first",
        "registry.password": "canary-1",
    }
    saved_answers.save_answers(found, values)
    return found


@pytest.fixture
def ben() -> Client:
    return signed_in(a_person("ben"))


def url(installation: Installation, only: str = "") -> str:
    path = reverse("step", args=[installation.pk, "registry"])
    return f"{path}?only={only}" if only else path


def form_of(page: HttpResponse) -> dict[str, str]:
    """What the page would send as it is."""
    html = page.content.decode()
    inputs = re.findall(r'<input type="(?:hidden|text)" (?:id="[^"]*" )?name="([^"]+)" value="([^"]*)"', html)
    return {name: unescape(value) for name, value in inputs if name not in ("csrfmiddlewaretoken", "next")}


def value(installation: Installation, name: str) -> str:
    return installation.plain_answers()[f"registry.{name}"]


def test_one_field_of_an_old_page_names_both_values_and_the_person(installation: Installation, ben: Client) -> None:
    anna = signed_in()
    old = form_of(anna.get(url(installation)))
    saved_answers.save_answers(installation, {"registry.username": "bens"}, person=a_person("carl"))
    sent = {"username": "annas", "username_seen": old["username_seen"]}
    answer = anna.post(url(installation, "username"), sent, headers=PART)
    words = text_of(answer)
    assert "carl, meanwhile: bens" in words and "You, here: annas" in words and "Not saved." in words
    assert value(installation, "username") == "bens"
    again = anna.post(url(installation, "username"), {**sent, **form_of(answer)}, headers=PART)
    assert "data-saved" in again.content.decode()
    assert value(installation, "username") == "annas"


def test_a_whole_old_form_changes_only_what_was_changed_in_it(installation: Installation, ben: Client) -> None:
    anna = signed_in()
    old = form_of(anna.get(url(installation)))
    ben.post(url(installation, "username"), {"username": "bens"}, headers=PART)
    assert anna.post(url(installation), {**old, "project": "harbor.example.com/other"}).status_code == 302
    assert (value(installation, "username"), value(installation, "project")) == ("bens", "harbor.example.com/other")


def test_a_whole_old_form_with_another_value_is_refused_and_can_be_sent_again(
    installation: Installation, ben: Client
) -> None:
    anna = signed_in()
    old = form_of(anna.get(url(installation)))
    ben.post(url(installation, "username"), {"username": "bens"}, headers=PART)
    refused = anna.post(url(installation), {**old, "username": "annas"})
    assert refused.status_code == 422
    assert "ben, meanwhile: bens" in note_of(refused, "username")
    assert value(installation, "username") == "bens"
    assert form_of(refused)["username"] == "annas"
    assert anna.post(url(installation), form_of(refused)).status_code == 302
    assert value(installation, "username") == "annas"


def test_a_field_that_another_has_filled_is_not_called_required(ben: Client) -> None:
    installation = saved_answers.create_installation("Contoso")
    anna = signed_in()
    old = form_of(anna.get(url(installation)))
    sent = {"project": "harbor.example.com/tmc", "username": "bens", "password": "canary-2"}
    ben.post(url(installation), sent)
    answer = anna.post(url(installation), old)
    assert (answer.status_code, "required" in text_of(answer)) == (302, False)
    assert value(installation, "username") == "bens"


def test_a_saved_field_that_is_emptied_is_told_so_and_stays(installation: Installation) -> None:
    anna = signed_in()
    answer = anna.post(url(installation), {**form_of(anna.get(url(installation))), "username": ""})
    assert answer.status_code == 422
    assert "cannot be left empty" in note_of(answer, "username")
    assert "Still saved: first" in note_of(answer, "username")
    assert value(installation, "username") == "first"


def test_of_a_secret_nothing_is_shown(installation: Installation, ben: Client) -> None:
    anna = signed_in()
    old = form_of(anna.get(url(installation)))
    ben.post(url(installation, "password"), {"password": "canary-ben"}, headers=PART)
    sent = {"password": "canary-anna", "password_seen": old["password_seen"]}
    answer = anna.post(url(installation, "password"), sent, headers=PART)
    assert "ben, meanwhile: another value, which is not shown" in text_of(answer)
    assert "canary" not in answer.content.decode()
    assert value(installation, "password") == "canary-ben"
    assert old["password_seen"].endswith(".")


def test_the_same_value_is_no_conflict(installation: Installation, ben: Client) -> None:
    anna = signed_in()
    old = form_of(anna.get(url(installation)))
    ben.post(url(installation, "username"), {"username": "same"}, headers=PART)
    sent = {"username": "same", "username_seen": old["username_seen"]}
    assert "data-saved" in anna.post(url(installation, "username"), sent, headers=PART).content.decode()


@pytest.mark.parametrize("seen", ["", "x", "..", "0", "-1.x", "9" * 400 + ".", "0.\x00"])
def test_a_version_that_is_none_breaks_nothing(installation: Installation, seen: str) -> None:
    answer = signed_in().post(url(installation, "username"), {"username": "new", "username_seen": seen}, headers=PART)
    assert answer.status_code == 200
