"""The forms are no port scanner: every new host and port is audited, and few of them may be new."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone

from installer_tasks import saved_answers
from installer_tasks.models import Answer, AuditEntry, Installation, Role
from installer_tasks.preflight import collecting, outward
from installer_tasks.preflight.checks.base import Level, Verdict
from installer_tasks.preflight.facts import observing
from installer_tasks.preflight.facts.base import Granted
from installer_tasks.text import text
from tests.waiting import PATIENCE
from tests.web.people import a_member, signed_in, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def installation() -> Installation:
    made = saved_answers.create_installation("scan")
    saved_answers.save_answers(made, {"registry.project": "registry.invalid:1/tmc"})
    Answer.objects.filter(installation=made).update(changed_by=User.objects.create_user("ida"))
    return made


def asked(installation: Installation, port: int) -> dict[str, object]:
    return dict(outward.refusals(installation, ["registry"], {"registry.project": f"registry.invalid:{port}/tmc"}))


def test_every_new_place_is_audited_once_with_its_person(installation: Installation) -> None:
    for port in (1, 1, 2):
        assert asked(installation, port) == {}
    rows = AuditEntry.objects.filter(action=outward.ACTION, person__username="ida").order_by("pk")
    assert [row.detail["place"] for row in rows] == ["registry.invalid:1", "registry.invalid:2"]


def test_a_scan_ends(installation: Installation) -> None:
    refused = [port for port in range(1, outward.MOST + 11) if asked(installation, port)]
    assert refused == list(range(outward.MOST + 1, outward.MOST + 11))
    AuditEntry.objects.update(at=timezone.now() - outward.WINDOW)
    assert asked(installation, 9999) == {}


def test_what_is_refused_is_not_asked(installation: Installation) -> None:
    for port in range(1, outward.MOST + 1):
        asked(installation, port)
    refusals = outward.refusals(installation, ["registry"], {"registry.project": "registry.invalid:99/tmc"})
    *_before, (seen, _whole) = observing(
        {"registry.project": "registry.invalid:99/tmc", "registry.ca": ""},
        ["registry"],
        granted=Granted(refusals=refusals),
    )
    assert seen["registry"]["ping"]["error"]["code"] == "too-many-addresses"


@pytest.mark.parametrize(
    ("key", "value", "place"),
    [
        ("identity.issuer_url", "https://idp.example/realms/x", "idp.example:443"),
        ("identity.ldap_host", "ldap.example:3269", "ldap.example:3269"),
        ("dns.server", "10.0.0.53", "10.0.0.53:53"),
        ("registry.project", "[::1]:5000/x", "::1:5000"),
        ("registry.project", "host:port/x", ""),
    ],
)
def test_the_place_that_an_answer_names(key: str, value: str, place: str) -> None:
    found = dict(outward._places([key.partition(".")[0]], {key: value}))
    assert found == ({key: place} if place else {})


# --- What a page asks by itself --------------------------------------------------------------------------------------


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Somebody's port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def was_asked(listener: socket.socket, patience: float = 0) -> bool:
    listener.settimeout(patience)
    try:
        listener.accept()[0].close()
    except (BlockingIOError, TimeoutError):
        return False
    return True


def aimed_at(listener: socket.socket) -> Installation:
    """An installation whose registry and provider are that port, with findings from before that lead to it."""
    place = f"127.0.0.1:{listener.getsockname()[1]}"
    made = saved_answers.create_installation("aimed")
    answers = {
        "registry.project": f"{place}/tmc",
        "identity.issuer_url": f"https://{place}/x",
        "identity.client_id": "tmc",
        "identity.client_secret": "canary-secret",
    }
    ida = User.objects.filter(username="ida").first() or a_member("ida", Role.INSTALLER)
    saved_answers.save_answers(made, answers, person=ida)
    unknown = Verdict(Level.FAIL, text("unknown"), evidence={"code": "tls-unknown-ca"})
    found = dict.fromkeys(("registry.reachable", "identity.discovery"), unknown)
    collecting.keep_findings(made, found, made.fingerprints(), made.redactor())
    return made


BY_PAGE = [("fix", "registry.reachable"), ("fix", "identity.discovery"), ("sign-in-rehearsal-start", "")]


@pytest.mark.parametrize(("name", "check"), BY_PAGE)
def test_a_page_that_a_viewer_opens_asks_nobody(listener: socket.socket, name: str, check: str) -> None:
    made = aimed_at(listener)
    client = signed_in(a_member("vera", Role.VIEWER))
    assert client.get(reverse(name, args=[made.pk, check] if check else [made.pk])).status_code == 403
    assert not was_asked(listener)
    if check:
        address = reverse("fix", args=[made.pk, check])
        assert address not in client.get(reverse("findings", args=[made.pk, check.partition(".")[0]])).content.decode()


@pytest.mark.parametrize(("name", "check"), BY_PAGE)
def test_a_page_asks_no_more_new_places_than_checks_do(listener: socket.socket, name: str, check: str) -> None:
    """The answers may have changed since the finding: each new place is audited, and the next one too many refused."""
    made = aimed_at(listener)
    client = signed_in(User.objects.get(username="ida"))
    place = f"127.0.0.1:{listener.getsockname()[1]}"
    path = reverse(name, args=[made.pk, check] if check else [made.pk])
    rows = AuditEntry.objects.filter(action=outward.ACTION)
    rows.bulk_create(
        AuditEntry(action=outward.ACTION, person_id=made.answers.first().changed_by_id, detail={"place": "x"})
        for _ in range(outward.MOST)
    )
    said = client.get(path, follow=True)
    assert "30 new addresses were checked within an hour" in text_of(said)
    assert not was_asked(listener)
    rows.all().delete()
    with ThreadPoolExecutor(1) as pool:
        opened = pool.submit(was_asked, listener, PATIENCE)
        client.get(path)
        assert opened.result()
    assert [row.detail["place"] for row in rows.all()] == [place]


def test_a_password_is_tried_at_no_more_new_places_either(listener: socket.socket) -> None:
    made = aimed_at(listener)
    client = signed_in(User.objects.get(username="ida"))
    AuditEntry.objects.bulk_create(
        AuditEntry(action=outward.ACTION, person=User.objects.get(username="ida"), detail={"place": "x"})
        for _ in range(outward.MOST)
    )
    form = {"username": "ada", "password": "canary"}
    said = client.post(reverse("sign-in-rehearsal-password", args=[made.pk]), form, follow=True)
    assert "30 new addresses were checked within an hour" in text_of(said)
    assert not was_asked(listener)
