"""Sessions: their list, their end by idleness, by retiring and by a new password; and what a name and a password may be."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from installer_tasks import saved_answers
from installer_tasks.models import AuditEntry, Role, RunState
from tests.answers import ANSWERS
from tests.web.people import PASSWORD, a_member, a_person, follow_link, signed_in, text_of
from tests.web.run_rows import a_run
from wizard.accounts import links, names, people, sessions, throttle

pytestmark = pytest.mark.django_db

NEW = "another horse battery"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def enter(name: str, password: str = PASSWORD, **sent: str) -> Client:
    client = Client()
    assert client.post(reverse("sign-in"), {"name": name, "password": password}, **sent).status_code == 302
    return client


def inside(client: Client) -> bool:
    return client.get("/").status_code == 200


def change(client: Client, **sent: str) -> int:
    given = {"name": "anna", "old": PASSWORD, "password": "", "again": "", **sent}
    return client.post(reverse("welcome"), given).status_code


def test_one_ends_a_session_of_ones_own_and_no_other() -> None:
    anna, other = a_person("anna", PASSWORD), a_member("ben", Role.VIEWER, password=PASSWORD)
    here, there = enter("anna"), enter("anna", HTTP_USER_AGENT=FIREFOX, REMOTE_ADDR="198.51.100.7")
    shown = text_of(here.get(reverse("sessions")))
    assert "Firefox, Linux" in shown
    assert "198.51.100.7" in shown
    html = here.get(reverse("sessions")).content.decode()
    assert not [key for key in Session.objects.values_list("session_key", flat=True) if key in html]
    code = html.partition("/sessions/")[2].partition("/end/")[0].rpartition("/")[2]
    assert signed_in(other).post(reverse("session-end", args=[code])).status_code == 404
    assert inside(there)
    assert here.post(reverse("session-end", args=[code])).status_code == 302
    assert (inside(here), inside(there)) == (True, False)
    assert AuditEntry.objects.get(action="session.ended").person == anna


def test_who_is_brought_back_signs_in_anew() -> None:
    """Before, the sessions of before the retirement were alive again."""
    ada, anna = a_person("ada"), a_member("anna", Role.VIEWER, password=PASSWORD)
    client = enter("anna")
    people.retire(anna, by=ada)
    assert not inside(client)
    people.bring_back(anna, by=ada)
    assert not inside(client)
    assert inside(enter("anna"))


def test_a_new_password_ends_the_other_sessions() -> None:
    a_person("anna", PASSWORD)
    here, there = enter("anna"), enter("anna")
    assert change(here, password=NEW, again=NEW) == 302
    assert (inside(here), inside(there)) == (True, False)
    assert Session.objects.count() == 1
    assert AuditEntry.objects.filter(action="password.changed").count() == 1


def test_whoever_finds_an_open_browser_changes_neither_name_nor_password() -> None:
    a_person("anna", PASSWORD)
    client = enter("anna")
    assert change(client, old="", name="mallory") == 422
    assert change(client, old="wrong", name="mallory") == 422
    assert change(client, old="wrong", password=NEW, again=NEW) == 422
    assert User.objects.get().check_password(PASSWORD)
    assert User.objects.get().username == "anna"
    assert AuditEntry.objects.filter(action="password.refused").count() == 2


def test_the_old_password_is_not_to_be_guessed_there() -> None:
    a_person("anna", PASSWORD)
    client = enter("anna")
    for _guess in range(throttle.FREE_OF_PAIR):
        change(client, old="wrong")
    answer = client.post(reverse("welcome"), {"name": "mallory", "old": PASSWORD, "password": "", "again": ""})
    assert "Too many attempts" in text_of(answer)
    assert User.objects.get().username == "anna"


def test_a_new_name_alone_keeps_the_password_and_is_in_the_audit() -> None:
    a_person("anna", PASSWORD)
    assert change(enter("anna"), name="anne") == 302
    assert inside(enter("anne"))
    assert AuditEntry.objects.get(action="person.renamed").detail == {"old": "anna", "name": "anne"}
    assert "changed their name from anna to anne" in text_of(enter("anne").get(reverse("audit")))


def test_a_forgotten_password_is_replaced_after_a_link_for_a_quarter_of_an_hour() -> None:
    anna = a_person("anna", PASSWORD)
    client = Client()
    follow_link(client, links.one_time_path(user=anna))
    session = client.session
    session[sessions.BEGAN] = time.time() - sessions.FRESH
    session.save()
    assert change(client, old="", password=NEW, again=NEW) == 422
    session[sessions.BEGAN] = time.time()
    session.save()
    assert change(client, old="", password=NEW, again=NEW) == 302
    assert inside(enter("anna", NEW))


def idle(client: Client, seconds: float) -> None:
    session = client.session
    session[sessions.SEEN] = time.time() - seconds
    session.save()
    Session.objects.update(expire_date=timezone.now() + timedelta(seconds=settings.SESSION_COOKIE_AGE - seconds))


def ends_in() -> float:
    return (Session.objects.get().expire_date - timezone.now()).total_seconds()


def test_a_session_ends_twelve_hours_after_it_was_used() -> None:
    client = signed_in()
    assert settings.SESSION_COOKIE_AGE == 12 * 3600
    idle(client, 11 * 3600)
    assert inside(client)
    assert ends_in() > 11.9 * 3600
    idle(client, 12 * 3600)
    assert not inside(client)


def test_what_a_page_asks_for_by_itself_is_no_use() -> None:
    client, made = signed_in(), saved_answers.create_installation("Contoso")
    idle(client, 11 * 3600)
    client.get(reverse("findings", args=[made.pk, "dns"]), headers={"HX-Request": "true"})
    client.get(reverse("live"), headers={"Accept": "text/event-stream"})
    assert ends_in() < 1.1 * 3600


@pytest.mark.parametrize("state", [RunState.RUNNING, RunState.SUCCEEDED])
def test_whoever_watches_a_run_stays_until_it_ends(state: RunState) -> None:
    client, made = signed_in(), saved_answers.create_installation("Contoso")
    saved_answers.save_answers(made, ANSWERS)
    a_run(made, state=state)
    idle(client, 11 * 3600)
    client.get(reverse("progress", args=[made.pk, 1]), headers={"HX-Request": "true"})
    assert (ends_in() > 11.9 * 3600) is (state == RunState.RUNNING)


@pytest.mark.parametrize(
    ("name", "taken"),
    [
        ("ANNA", "anna"),
        ("ａｎｎａ", "anna"),  # full width
        ("сора", "copa"),  # all Cyrillic
        ("bi11", "bill"),
        ("0tto", "otto"),
        ("ameIie", "amelie"),
        ("vviIma", "wilma"),
    ],
)
def test_names_that_can_be_taken_for_each_other(name: str, taken: str) -> None:
    assert names.looks_like(name, [taken]) == taken


@pytest.mark.parametrize("name", ["аnna", "ann\u0430", "αnna", "ꓮnna"])
def test_a_name_of_two_alphabets_or_of_an_unknown_one_is_refused(name: str) -> None:
    assert not names.alphabets_agree(name)


@pytest.mark.parametrize(
    "name", ["Jürgen", "Анна", "Ελένη", "王小明", "wang小明", "ひろし", "김철수", "o.b-3_x@y", "ノート"]
)
def test_names_as_people_have_them_are_accepted(name: str) -> None:
    assert names.alphabets_agree(name)


def test_an_invitation_and_a_new_name_are_refused_when_they_look_like_another() -> None:
    a_member("bill", Role.VIEWER)
    client = signed_in(a_person("anna", PASSWORD))
    invited = client.post(reverse("people"), {"name": "bi11", "administrator": "on"})
    assert invited.status_code == 422
    assert "looks like bill" in text_of(invited)
    assert change(client, name="bi11") == 422
    assert change(client, name="bіll") == 422  # a Cyrillic letter
    assert set(User.objects.values_list("username", flat=True)) == {"anna", "bill"}


def test_a_name_signs_in_however_its_letters_are_written() -> None:
    User.objects.create_user("Jürgen", password=PASSWORD)
    assert inside(enter("Ju\u0308rgen"))


@pytest.mark.parametrize("password", ["elevenchars", "password1234", "123456789012345", "anna-marie-bell"])
def test_a_password_that_is_easily_guessed_is_refused(password: str) -> None:
    a_person("anna", PASSWORD)
    assert change(enter("anna"), name="anna-marie-bell", password=password, again=password) == 422
    assert User.objects.get().check_password(PASSWORD)
