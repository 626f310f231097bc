"""The handover document: told from the run that succeeded, without a secret, and readable where this installer is not."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from installer_tasks import saved_answers
from installer_tasks.models import AuditEntry, Installation, Observation, Run, Source, Waiver
from installer_tasks.plan import Plan
from installer_tasks.preflight.checks.base import Level, Verdict
from installer_tasks.runs import rows
from installer_tasks.text import text
from tests.answers import CANARIES
from tests.web.finding_rows import put
from tests.web.people import a_person, signed_in
from tests.web.run_rows import PUSH, a_run, an_installation, sentence, show, write

pytestmark = pytest.mark.django_db

SOON = datetime(2027, 3, 4, 5, 6, tzinfo=UTC)
PROOFS: list[dict[str, Any]] = [
    {"name": "acceptance.load-balancer", "level": "pass", "message": sentence("It has an address."),
     "evidence": {"address": "192.0.2.7"}},
    {"name": "acceptance.dns.console", "level": "pass", "message": sentence("It leads there."),
     "evidence": {"addresses": ["192.0.2.7"]}},
    {"name": "acceptance.tls.console", "level": "pass", "message": sentence("It answers."),
     "evidence": {"issuer": "CN=Contoso CA", "not_after": SOON.isoformat()}},
    {"name": "acceptance.tls.blob", "level": "warn", "message": sentence("Nobody answers.")},
]  # fmt: skip


@pytest.fixture
def person() -> Client:
    return signed_in()


@pytest.fixture
def installation() -> Installation:
    return an_installation()


@pytest.fixture
def run(installation: Installation) -> Run:
    made = a_run(installation, "succeeded")
    show(made, "acceptance", progress={"findings": PROOFS})
    show(made, "push-images", progress=PUSH)
    return made


def read(client: Client, installation: Installation, name: str = "handover", **kwargs: Any) -> str:
    reply = client.get(reverse(name, args=[installation.pk]), **kwargs)
    assert reply.status_code == 200
    return unescape(reply.content.decode())


def row(html: str, head: str) -> str:
    """What stands beside this head of a row, without tags."""
    found = re.search(rf'<th scope="row"[^>]*>{re.escape(head)}</th>(.*?)</tr>', html, flags=re.S)
    assert found, f"no row {head!r}"
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found[1])).strip()


@pytest.mark.parametrize("name", ["handover", "handover-file"])
def test_there_is_none_before_something_stands(person: Client, installation: Installation, name: str) -> None:
    a_run(installation, "failed", at="preflight", error={"code": "x", "cause": sentence("It failed.")})
    assert person.get(reverse(name, args=[installation.pk])).status_code == 302


def test_a_name_has_its_address_and_the_end_of_its_certificate(
    person: Client, installation: Installation, run: Run
) -> None:
    html = read(person, installation)
    assert row(html, "tmc.example.com") == "192.0.2.7 CN=Contoso CA 2027-03-04"
    assert row(html, "blob.tmc.example.com") == "– – –"
    assert row(html, "2027-03-04").startswith("Certificate of tmc.example.com")
    assert "12 images, 4.0 MiB" in html


@pytest.mark.parametrize(
    ("checksum", "said"),
    [("", "not compared with the vendor's SHA-256"), ("AB" * 32, "download and vendor's SHA-256 match"),
     ("cd" * 32, "download and vendor's SHA-256 differ")],
)  # fmt: skip
def test_it_names_the_download_and_its_digest(
    person: Client, installation: Installation, checksum: str, said: str
) -> None:
    answers = {"bundle.archive": "/srv/tmc.tar", "bundle.checksum": checksum.lower()}
    saved_answers.save_answers(installation, {key: value for key, value in answers.items() if value})
    plan = Plan.from_answers(installation.plain_answers()).pinning(content="12" * 32, download="ab" * 32)
    rows.insert_run(installation, plan, None, "install")
    Run.objects.update(state="succeeded", started_at=timezone.now(), finished_at=timezone.now())
    html = re.sub(r"<[^>]+>", "", read(person, installation))
    assert "Downloaded filetmc.tar" in html
    assert f"SHA-256 of the download{'ab' * 32} ({said})" in html
    assert f"SHA-256 of the content{'12' * 32}" in html


def test_what_ends_first_comes_first(person: Client, installation: Installation, run: Run) -> None:
    Observation.objects.create(
        installation=installation,
        system="cluster",
        facts={"kubeconfig": {"ok": True, "value": {"expires": {"at": "2026-12-01T00:00:00+00:00", "seconds": 9}}}},
    )
    days = re.findall(r'<tr><th scope="row" class="date">(\d{4}-\d\d-\d\d)</th>', read(person, installation))
    assert days == ["2026-12-01", "2027-03-04"]


def test_a_secret_is_nowhere(person: Client, installation: Installation, run: Run) -> None:
    for name in ("handover", "handover-file"):
        html = read(person, installation, name)
        assert not [canary for canary in CANARIES if canary in html]


def test_it_tells_what_the_run_used_and_not_what_was_typed_after_it(
    person: Client, installation: Installation, run: Run
) -> None:
    saved_answers.save_answers(installation, {"dns.server": "192.0.2.53"}, source=Source.PERSON)
    saved_answers.save_answers(installation, {"identity.client_id": "another"}, source=Source.PERSON)
    html = read(person, installation)
    assert "192.0.2.53" not in html
    assert "another" not in html
    value = re.search(r"<dt>Client ID</dt>(.*?)</div>", html, flags=re.S)
    assert value
    assert "<code>tmc</code>" in value[1]
    assert "changed after this run" in value[1]


def test_what_was_accepted_says_by_whom_and_until_when(installation: Installation, run: Run) -> None:
    alice, until = a_person("alice"), timezone.now() + timedelta(days=30)
    put(installation, "cluster.workers", Verdict(Level.FAIL, text("Two workers."), value="2"))
    put(installation, "cluster.apis", Verdict(Level.PASS, text("All there.")))
    put(installation, "dns.ttl", Verdict(Level.WARN, text("A day."), remedy=text("Lower it.")))
    Waiver.objects.create(
        installation=installation, check_name="cluster.workers", reason="A pilot", person=alice, expires_at=until
    )
    html = read(signed_in(alice), installation)
    listed = html.partition('id="accepted-title"')[2].partition("</section>")[0]
    assert "Accepted by alice: A pilot" in listed
    assert "Lower it." in listed
    assert "All there." not in listed
    assert row(html, f"{until:%Y-%m-%d}").endswith("A pilot")


def test_a_journal_that_was_changed_is_named(person: Client, installation: Installation, run: Run) -> None:
    assert "0 events, none missing or changed" in read(person, installation)
    write(run, 1)
    assert "changed after it was written" in read(person, installation)


def test_the_file_needs_nothing_else(person: Client, installation: Installation, run: Run) -> None:
    html = read(person, installation, "handover-file")
    assert not re.findall(r'(?:src|href|action)="[^"]*"', html)
    assert "<style>" in html
    assert "@import" not in html
    assert AuditEntry.objects.filter(action="handover", installation=installation).count() == 1


def test_it_is_told_in_the_language_of_the_reader(person: Client, installation: Installation, run: Run) -> None:
    html = read(person, installation, headers={"Accept-Language": "zh-CN"})
    assert "交接文档" in html
    assert "Expiry dates" not in html


def test_done_leads_to_it(person: Client, installation: Installation, run: Run) -> None:
    assert reverse("handover", args=[installation.pk]) in read(person, installation, "done")
