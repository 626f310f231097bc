"""Faults of a practice estate, switched from the page, on the board that both sides see."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from installer_tasks import saved_answers
from installer_tasks.local import practice
from installer_tasks.local.practice import Notice
from installer_tasks.rehearsal.board import Board
from installer_tasks.rehearsal.bundle import SMALL
from installer_tasks.rehearsal.controllers import Pace
from installer_tasks.rehearsal.estate import Estate
from installer_tasks.rehearsal.faults import FAULTS
from tests.waiting import until
from wizard.views.practice import GROUPS

pytestmark = pytest.mark.django_db
NOTICES = (
    Notice("dns.silent", "The DNS server does not respond", "dns.server-answers", False),
    Notice("edge.unavailable", "The load balancer returns 503", "", False),
)


@pytest.fixture
def page() -> str:
    return reverse("practice", args=[saved_answers.create_installation("Practice").pk])


@pytest.fixture
def person() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("alice"))
    return client


@pytest.fixture
def board(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TMC_INSTALLER_STATE", str(tmp_path_factory.mktemp("state")))
    practice.post(NOTICES)
    yield
    practice.take_down()


def test_without_an_estate_there_is_no_such_page(
    person: Client, page: str, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMC_INSTALLER_STATE", str(tmp_path_factory.mktemp("state")))
    assert person.get(page).status_code == 404


def test_every_group_of_faults_has_a_name_for_people() -> None:
    assert {fault.system for fault in FAULTS} <= GROUPS.keys()


@pytest.mark.usefixtures("board")
def test_a_fault_is_wanted_and_wanted_no_more(person: Client, page: str) -> None:
    assert "The DNS server does not respond" in person.get(page).content.decode()
    person.post(page, {"name": "dns.silent", "on": "1"})
    assert practice.wanted() == {"dns.silent"}
    person.post(page, {"name": "dns.silent", "on": "0"})
    person.post(page, {"name": "no.such-fault", "on": "1"})
    assert practice.wanted() == frozenset()


@pytest.mark.usefixtures("board")
def test_a_surprise_is_one_that_a_check_can_find_and_is_not_told(person: Client, page: str) -> None:
    person.post(page, {"name": "surprise"})
    assert practice.wanted() == {"dns.silent"}
    html = person.get(page).content.decode()
    assert 'class="fault is-on"' not in html
    assert "dns.server-answers" in html.partition('id="surprise"')[2]
    person.post(page, {"name": "none"})
    assert practice.wanted() == frozenset()


def test_the_estate_does_what_the_page_wants(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMC_INSTALLER_STATE", str(tmp_path_factory.mktemp("state")))
    estate = Estate(tmp_path_factory.mktemp("estate"), pace=Pace.INSTANT, scale=SMALL)
    with Board(estate):
        assert not [notice for notice in practice.notices() if notice.on]
        practice.want({"dns.silent"})
        until(lambda: estate.faults.active("dns.silent"))
        until(lambda: [notice.name for notice in practice.notices() if notice.on] == ["dns.silent"])
        practice.want(set())
        until(lambda: not estate.faults.active("dns.silent"))
    assert practice.notices() == ()


@pytest.mark.usefixtures("board")
def test_what_a_dead_estate_left_is_no_board(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(practice, "_alive", lambda pid: False)
    assert practice.notices() == ()
