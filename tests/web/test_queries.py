"""What a page asks of the database: a few queries, however much there is to show."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from installer_tasks.local import practice
from installer_tasks.local.practice import Notice
from installer_tasks.models import Answer, Installation, Role, Workspace
from installer_tasks.preflight import checks
from tests.web.people import a_member, signed_in
from tests.web.populated import HISTORIES, Address, addresses, populated
from tests.web.run_rows import a_run

pytestmark = pytest.mark.django_db

PAGE, REFRESH = 25, 12
#: Where it is not their number that is tested; a thousand takes each page of a log a quarter of a second.
FEW = 30
#: Asked for by the page itself, each time that something has changed.
REFRESHED = ("progress", "log", "rail", "findings", "options", "readiness", "map")
#: Addresses that only take something in.
SENT = frozenset(
    ("sign-out", "roles", "person-link", "retire", "bring-back", "bundle-folder-close", "program-confirm",
     "program-withdraw", "check", "generate", "take-over", "check-one", "sign-in-rehearsal-password", "waive", "unwaive",
     "check-all", "install", "resume", "theme", "session-end")
)  # fmt: skip


@pytest.fixture(autouse=True)
def board(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An estate to practise on, so that its page is there."""
    monkeypatch.setenv("TMC_INSTALLER_STATE", str(tmp_path_factory.mktemp("state")))
    practice.post((Notice("dns.silent", "The DNS server does not respond", "dns.server-answers", False),))
    yield
    practice.take_down()


def ask(client: Client, address: Address) -> HttpResponse:
    htmx = {"HX-Request": "true"} if address.route in REFRESHED else {}
    return client.get(address.url, headers=htmx)


def counted(client: Client, address: Address) -> int:
    with CaptureQueriesContext(connection) as queries:
        ask(client, address)
        return len(queries)


def members_client(installation: Installation) -> Client:
    return signed_in(a_member("ines", Role.INSTALLER, installation.workspace))


@pytest.mark.parametrize("history", HISTORIES)
@pytest.mark.parametrize("who", ["administrator", "member"])
def test_no_page_asks_much(history: str, who: str, django_assert_max_num_queries: Callable[..., object]) -> None:
    installation = populated("Contoso", history)
    client = signed_in() if who == "administrator" else members_client(installation)
    read = set()
    for address in addresses(installation):
        limit = REFRESH if address.route in REFRESHED else PAGE
        with django_assert_max_num_queries(limit, info=address.url):
            answer = ask(client, address)
        assert answer.status_code < 500, address
        assert not answer.get("Location", "").startswith("/sign-in/?"), address
        if answer.status_code == 405:
            assert address.route in SENT, address
        else:
            read.add(address.route)
    if who == "administrator":
        assert sorted(read & SENT) == []


def all_counted(client: Client, installation: Installation, *, again: bool = False) -> dict[str, int]:
    found = [address for address in addresses(installation) if address.route not in SENT]
    prefix = reverse("open", args=[installation.pk])
    for address in found if not again else ():  # what is made once, such as a remembered step, is not counted
        ask(client, address)
    return {address.url.replace(prefix, "/"): counted(client, address) for address in found}


def test_neither_more_checks_nor_more_events_ask_more() -> None:
    client = signed_in()
    few = populated("Few", judged=[*checks.CHECKS[:3], checks.BY_NAME["registry.project"]], events=3)
    everything = populated("Everything")
    assert all_counted(client, few) == all_counted(client, everything)


def test_further_installations_ask_no_more() -> None:
    """Of the page of their list, and of every other one."""
    client = signed_in()
    first = populated("First", "prepared", events=FEW)
    populated("Second", events=FEW)
    before = all_counted(client, first)
    other = Workspace.objects.create(name="Contoso")
    for number in range(48):
        populated(f"Further {number}", ("prepared", "running")[number % 2], judged=checks.CHECKS[:9], events=2,
                  workspace=other if number % 3 else None)  # fmt: skip
    assert all_counted(client, first, again=True) == before


def test_further_people_and_attempts_ask_no_more() -> None:
    client = signed_in()
    installation = populated("Contoso", "installed", events=FEW)
    before = all_counted(client, installation)
    for number in range(9):
        a_member(f"person-{number}", Role.VIEWER, installation.workspace)
        a_run(installation, "failed" if number % 2 else "succeeded", at="acceptance" if number % 2 else "")
    after = all_counted(client, installation, again=True)
    last = installation.runs.first()
    assert last is not None
    assert {url.replace(f"/run/{last.attempt}/", "/run/3/"): count for url, count in after.items()} == before


def test_a_thousand_installations_ask_no_more() -> None:
    """A page of fifty, whatever lies behind it; also a search over all of them, and the last page."""
    client = signed_in()
    places = [Workspace.objects.create(name=f"Customer {number:02}") for number in range(20)]
    ready = populated("First", "prepared")

    def asked(url: str) -> int:
        client.get(url)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(url).status_code == 200
        return len(queries)

    before = asked("/")
    Installation.objects.bulk_create(
        Installation(name=f"Site {number}", workspace=places[number % 20]) for number in range(1000)
    )
    Answer.objects.bulk_create(
        Answer(installation=one, key="dns.zone", value="tmc.example.com", fingerprint="f", source="person")
        for one in Installation.objects.exclude(pk=ready.pk)
    )
    assert [asked(url) for url in ("/", "/?page=21", "/?search=Site")] == [before] * 3
    assert client.get("/").content.count(b'class="row ') == 50
